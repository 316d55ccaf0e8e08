"""The learner: a fold of the journal's outcomes into the model, in journal order.

Same journal and same plan, same model, bit by bit. The learner does no I/O: whoever feeds it says what the decision
knew.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from opportune.decide.plan import Plan
from opportune.learning import make_model
from opportune.learning.base import PropensityModel
from opportune.outcomes.labels import answers
from opportune.records import Facts

__all__ = ["Learner", "Lesson", "new_model"]


@dataclass(frozen=True, slots=True)
class Lesson:
    """One outcome with what it is about.

    Args:
        sequence: of its journal entry.
        facts: what the decision knew.
        earlier: outcomes of the same decision and action that came before, in journal order.
    """

    sequence: int
    facts: Facts
    channel: str
    action: str
    treatment: str
    earlier: Sequence[str]
    outcome: str


def new_model(plan: Plan, kernel: str = "auto") -> PropensityModel:
    """Make the plan's model, untrained and bound to its candidates."""
    model = make_model(plan.model, plan.predictors, plan.outcomes, kernel)
    model.bind(plan.candidates)
    return model


class Learner:
    """Teaches one model.

    Args:
        position: journal position that the model has learned to.

    Attributes:
        skipped: outcomes about candidates that the plan does not have.
        set_aside: outcomes that raised an error no code foresaw; each is passed over, the same way in every fold.
    """

    def __init__(self, plan: Plan, model: PropensityModel, position: int = 0) -> None:
        self.model = model
        self.position = position
        self.learned = 0
        self.skipped = 0
        self.set_aside = 0
        self.plan = plan
        self._candidates = {
            (key.channel, key.action, key.treatment): index for index, key in enumerate(plan.candidates)
        }

    def candidate_of(self, lesson: Lesson) -> int | None:
        """Find the candidate that a lesson is about; None where the plan has none."""
        return self._candidates.get((lesson.channel, lesson.action, lesson.treatment))

    def labels(self, lesson: Lesson) -> list[tuple[int, bool]]:
        """Say what a lesson teaches: (head, whether it happened)."""
        channel = self.plan.channels.get(lesson.channel)
        if channel is None:
            return []
        return answers(self.plan.outcomes, channel.outcomes, lesson.earlier, lesson.outcome)

    def learn(self, lesson: Lesson) -> None:
        """Fold one outcome; lessons must come in journal order, and one that was folded already changes nothing."""
        if lesson.sequence <= self.position:
            return
        self.position = lesson.sequence
        candidate = self.candidate_of(lesson)
        if candidate is None:
            self.skipped += 1
            return
        for head, happened in self.labels(lesson):
            self.model.learn(lesson.facts, candidate, head, happened)
            self.learned += 1

    def pass_over(self, sequence: int) -> None:
        """Go on behind an outcome that cannot be learned."""
        self.position = max(self.position, sequence)
        self.set_aside += 1
