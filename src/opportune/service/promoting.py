"""The project's rule of promotion, applied by whoever learns: a challenger that is better takes over by the journal."""

from __future__ import annotations

import structlog

from opportune.learning import Contest
from opportune.learning.promotion import better
from opportune.outcomes import Learner
from opportune.service.course import Course
from opportune.storage import ChangeBody, ChangeModels, Kind

__all__ = ["RULE", "Promoter"]

RULE = "promotion rule"
"""Author of its orders."""
PAGE = 100

log = structlog.get_logger()


class Promoter:
    """Asks now and then whether a challenger should decide.

    Somebody's own promotion stands until the next revision: the rule does not undo it.
    """

    def __init__(self, course: Course) -> None:
        self._course = course
        self._ordered: tuple[str, str] | None = None
        """Champion and challenger of the last order, while it need not have been folded yet."""

    def order(self, learner: Learner) -> ChangeModels | None:
        """Give the order that the rule asks for now; nothing may be learned meanwhile.

        Raises:
            StoreError: the store cannot be read.
        """
        contest, rule = learner.model, learner.plan.promotion
        if rule is None or not isinstance(contest, Contest):
            return None
        if self._ordered is not None and contest.champion != self._ordered[0]:
            self._ordered = None
        found = better(contest, rule)
        if found is None or self._ordered == (contest.champion, found[0]) or self._is_overruled(learner.position):
            return None
        name, told = found
        self._ordered = contest.champion, name
        log.info("promotion", model=name, before=contest.champion, share=told.share, answers=told.answers)
        return ChangeModels(
            id=f"rule-{learner.position}-{name}",
            order="promote",
            model=name,
            author=RULE,
            reason=f"its log loss is lower by {-told.share:.1%} over {told.answers} answers",
        )

    def _is_overruled(self, position: int) -> bool:
        """Say whether somebody promoted a model since the revision in use."""
        step = self._course.at(position)
        after = 0 if step is None else step.sequence
        while page := self._course.storage.journal(after, PAGE, (Kind.CHANGE,)):
            bodies = (entry.body for entry in page)
            if any(isinstance(one, ChangeBody) and one.order == "promote" and one.author != RULE for one in bodies):
                return True
            after = page[-1].sequence
        return False
