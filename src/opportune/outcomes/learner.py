"""The learner: a fold of the journal's outcomes and revisions into the model, in journal order.

Same journal, same model, bit by bit. An outcome teaches under the plan that was in use at its place in the journal; at
a revision the model is bound to the next plan and keeps what it knows. What a correction, a withdrawal or a late answer
takes back from the ledger is taken back from the model. The learner does no I/O: whoever feeds it says what the
decision knew, and what a revision is compiled to.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from opportune.decide.plan import WITHHELD, Plan
from opportune.learning import Contest, Moves, PropensityModel, Snapshot, make_contest
from opportune.outcomes.labels import answers
from opportune.outcomes.names import Names
from opportune.outcomes.quota import Quota, Terms
from opportune.records import Facts, Renamed
from opportune.storage.standing import Report, standing

__all__ = ["Learner", "Lesson", "Taught", "carried", "new_model", "terms_of"]

Answers = dict[int, bool]
"""Head → whether it happened."""
Amounts = dict[int, float]
"""Head → how much it was."""
Place = tuple[str, str]
"""(action, treatment)"""


@dataclass(frozen=True, slots=True)
class Lesson:
    """One outcome with what it is about.

    Args:
        sequence: of its journal entry.
        decision: id of the decision that it answers.
        at: moment of that decision, microseconds since 1970 UTC.
        who: the person that it was made for, or the session of an anonymous one; "" where neither is known.
        facts: what the decision knew.
        before: reports about the decision that came earlier in the journal.
        report: what came now.
        after: all reports, with what came now.
        withheld: (action, treatment) of what the person would have been shown and was not; what is said of those
            teaches what happens where they are withheld.
    """

    sequence: int
    decision: str
    at: int
    who: str
    facts: Facts
    channel: str
    before: Sequence[Report]
    report: Report
    after: Sequence[Report]
    withheld: frozenset[tuple[str, str]] = frozenset()

    @property
    def action(self) -> str:
        """Name of the action that it speaks of."""
        return self.report.action

    @property
    def treatment(self) -> str:
        """Name of its treatment."""
        return self.report.treatment


@dataclass(slots=True)
class Taught:
    """A model bound to one plan, and the journal position that it has learned to; a revision ends its learning."""

    model: PropensityModel
    position: int


def new_model(plan: Plan, kernel: str = "auto") -> Contest:
    """Make the plan's model, untrained and bound to its candidates."""
    model = make_contest(plan.models, plan.champion, plan.outcomes, kernel, plan.amounts)
    model.bind(plan.candidates)
    return model


def carried(snapshot: Snapshot, plan: Plan, renamed: Sequence[Renamed], kernel: str) -> Contest:
    """Give the plan's model, knowing what the state of another plan's model knows.

    Args:
        renamed: names that became others from that plan to this one.
    """
    model = new_model(plan, kernel)
    try:
        model.adopt(snapshot, Moves(plan.candidates, renamed))
    except ValueError:
        # Of another member of the family: nothing of it can be used.
        return new_model(plan, kernel)
    return model


def terms_of(plan: Plan) -> Terms | None:
    """Give what one person may teach; None where there is no bound."""
    if plan.answers_per_person == 0:
        return None
    return Terms(plan.answers_per_person, plan.chance_per_person, plan.quota_days)


class Learner:
    """Teaches one model after the other, from revision to revision.

    Args:
        position: journal position that the model has learned to.
        names: what earlier revisions called otherwise.
        quota: which decisions of a person have taught, as of that position.

    Attributes:
        taught: the model of today; another object after every revision.
        learned: answers learned; `unlearned` those taken back.
        skipped: outcomes about candidates that the plan does not have.
        over_quota: outcomes of which nothing was learned, since their person had taught enough.
        set_aside: outcomes that raised an error no code foresaw; each is passed over, the same way in every fold.
    """

    def __init__(
        self,
        plan: Plan,
        model: PropensityModel,
        position: int = 0,
        names: Names | None = None,
        quota: Quota | None = None,
    ) -> None:
        self.taught = Taught(model, position)
        self.learned = 0
        self.unlearned = 0
        self.skipped = 0
        self.over_quota = 0
        self.set_aside = 0
        self.names = names or Names()
        self.quota = quota or Quota()
        self._take(plan)

    @property
    def model(self) -> PropensityModel:
        """The model of today."""
        return self.taught.model

    @property
    def position(self) -> int:
        """Journal position that the model has learned to."""
        return self.taught.position

    def candidate_of(self, lesson: Lesson) -> int | None:
        """Find the candidate that a lesson is about; None where the plan has none."""
        return self._candidate(lesson.channel, lesson.report.shown)

    def labels(self, lesson: Lesson) -> list[tuple[int, bool]]:
        """Say what a lesson newly teaches of its own action, whoever says it: (head, whether it happened)."""
        shown = lesson.report.shown
        before = self._answers(lesson, lesson.before).get(shown, {})
        after = self._answers(lesson, lesson.after).get(shown, {})
        return [(head, answer) for head, answer in sorted(after.items()) if before.get(head) is not answer]

    def learn(self, lesson: Lesson) -> None:
        """Fold one outcome; lessons must come in journal order, and one that was folded already changes nothing."""
        taught = self.taught
        if lesson.sequence <= taught.position:
            return
        taught.position = lesson.sequence
        if not lesson.report.withdraws and self.candidate_of(lesson) is None:
            self.skipped += 1
        self._change(lesson, self._answers(lesson, lesson.before), self._answers(lesson, lesson.after))

    def learn_truth(self, lesson: Lesson) -> None:
        """Learn all that finally stands of one decision, as if it came at once; the position stays."""
        self._change(lesson, {}, self._answers(lesson, lesson.after))

    def pass_over(self, sequence: int) -> None:
        """Go on behind an outcome that cannot be learned."""
        self.taught.position = max(self.position, sequence)
        self.set_aside += 1

    def pass_revision(self, sequence: int) -> None:
        """Go on behind a revision that cannot be compiled: the plan stays."""
        self.taught.position = max(self.position, sequence)

    def switch(
        self,
        plan: Plan,
        model: PropensityModel,
        sequence: int,
        renamed: Sequence[Renamed],
        quota: Quota | None = None,
    ) -> None:
        """Fold one revision; the model before it stays as it is, for whoever still decides with it.

        Args:
            model: of `carried`, from the state of today.
            sequence: of the revision's journal entry; one that was folded already changes nothing.
            quota: of a model that learned elsewhere; None goes on with that of today.
        """
        if sequence <= self.position:
            return
        self.taught = Taught(model, sequence)
        self.names = self.names.after(renamed)
        self.quota = quota or self.quota
        self._take(plan)

    def _change(self, lesson: Lesson, before: Mapping[Place, Answers], after: Mapping[Place, Answers]) -> None:
        """Take back what was learned of a decision and stands no more, and learn what stands now."""
        had, has = self._amounts(lesson, lesson.before), self._amounts(lesson, lesson.after)
        found = {shown: self._candidate(lesson.channel, shown) for shown in sorted(before.keys() | after.keys())}
        candidates = {shown: candidate for shown, candidate in found.items() if candidate is not None}
        for action in dict.fromkeys(action for action, _ in candidates):
            own = [shown for shown in candidates if shown[0] == action]
            was, now = [before.get(shown, {}) for shown in own], [after.get(shown, {}) for shown in own]
            taught, may_teach = self._within_quota(lesson, action, was, now)
            for shown, once, today in zip(own, was, now, strict=True):
                self._change_one(
                    lesson.facts,
                    candidates[shown],
                    once if taught else {},
                    today if may_teach else {},
                    had.get(shown, {}),
                    has.get(shown, {}),
                )

    def _change_one(
        self, facts: Facts, candidate: int, before: Answers, after: Answers, had: Amounts, has: Amounts
    ) -> None:
        """Take back and learn what was said of one candidate."""
        model = self.taught.model
        for head, happened in sorted(before.items()):
            if after.get(head) is not happened:
                model.unlearn(facts, candidate, head, happened)
                self.unlearned += 1
        for head, happened in sorted(after.items()):
            if before.get(head) is not happened:
                model.learn(facts, candidate, head, happened)
                self.learned += 1
        if isinstance(model, Contest) and (had or has):
            _change_amounts(model, facts, candidate, _of(had, before), _of(has, after))

    def _within_quota(
        self, lesson: Lesson, action: str, before: Sequence[Answers], after: Sequence[Answers]
    ) -> tuple[bool, bool]:
        """Say whether what the person said of an action was learned, and whether what stands now may be.

        Args:
            action: as it was called when it was shown, so that what was learned is found under its name of then.
            before, after: by treatment.
        """
        terms = self._terms
        if terms is None or not lesson.who:
            return True, True
        about = (terms, lesson.who, action, lesson.decision, lesson.at)
        taught = any(before) and self.quota.holds(*about)
        if not any(after):
            if taught:
                self.quota.release(*about)
            return taught, True
        may_teach = self.quota.admit(*about, happened=any(any(one.values()) for one in after))
        if not may_teach:
            self.over_quota += 1
        return taught, may_teach

    def _answers(self, lesson: Lesson, reports: Iterable[Report]) -> dict[Place, Answers]:
        """Give what the reports that stand teach of each action that they speak of."""
        declared = self.plan.channels.get(lesson.channel)
        if declared is None:
            return {}
        told: dict[tuple[str, str], list[str]] = {}
        # The end of a window says that nothing more came, also of what came late.
        for report in sorted(standing(reports), key=lambda report: report.expiry):
            told.setdefault(report.shown, []).append(report.outcome)
        found = {
            shown: answers(self._heads(lesson, shown), declared.outcomes, outcomes, self.plan.after)
            for shown, outcomes in told.items()
        }
        return {shown: taught for shown, taught in found.items() if taught}

    def _amounts(self, lesson: Lesson, reports: Iterable[Report]) -> dict[Place, Amounts]:
        """Give how much every outcome was that stands, by what was said first; nothing of what is withheld."""
        found: dict[Place, Amounts] = {}
        if self.plan.amounts:
            for report in standing(reports):
                if report.amount is not None and report.outcome in self.plan.amounts:
                    head = self.plan.outcomes.index(report.outcome)
                    if report.shown not in lesson.withheld:
                        found.setdefault(report.shown, {}).setdefault(head, float(report.amount))
        return found

    def _heads(self, lesson: Lesson, shown: tuple[str, str]) -> tuple[str, ...]:
        """Give the outcome that each head learns of what was shown, or of what was withheld; "" for the other heads."""
        if not lesson.withheld:
            return self.plan.outcomes
        # Reports may use names of today, and records those of then.
        withheld = {self.names.today(lesson.channel, *one) for one in lesson.withheld}
        is_withheld = self.names.today(lesson.channel, *shown) in withheld
        return self._withheld_heads if is_withheld else self.plan.outcomes

    def _candidate(self, channel: str, shown: tuple[str, str]) -> int | None:
        action, treatment = shown
        found = self._candidates.get((channel, action, treatment))
        return self._candidates.get(self.names.today(channel, action, treatment)) if found is None else found

    def _take(self, plan: Plan) -> None:
        self.plan = plan
        self._terms = terms_of(plan)
        self._withheld_heads = tuple(
            name.removesuffix(WITHHELD) if name.endswith(WITHHELD) else "" for name in plan.outcomes
        )
        self._candidates = {
            (key.channel, key.action, key.treatment): index for index, key in enumerate(plan.candidates)
        }


def _of(amounts: Amounts, answers: Answers) -> Amounts:
    """Give the amounts of what is learned to have happened."""
    return {head: amount for head, amount in amounts.items() if answers.get(head)}


def _change_amounts(model: Contest, facts: Facts, candidate: int, before: Amounts, after: Amounts) -> None:
    """Take back the amounts that stand no more, and learn those that stand now."""
    for head, amount in sorted(before.items()):
        if after.get(head) != amount:
            model.unlearn_amount(facts, candidate, head, amount)
    for head, amount in sorted(after.items()):
        if before.get(head) != amount:
            model.learn_amount(facts, candidate, head, amount)
