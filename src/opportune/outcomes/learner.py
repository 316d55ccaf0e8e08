"""The learner: a fold of the journal's outcomes and revisions into the model, in journal order.

Same journal, same model, bit by bit. An outcome teaches under the plan that was in use at its place in the journal; at
a revision the model is bound to the next plan and keeps what it knows. The learner does no I/O: whoever feeds it says
what the decision knew, and what a revision is compiled to.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from opportune.decide.plan import Plan
from opportune.learning import Moves, PropensityModel, Snapshot, make_model
from opportune.outcomes.labels import answers
from opportune.outcomes.names import Names
from opportune.records import Facts, Renamed

__all__ = ["Learner", "Lesson", "Taught", "carried", "new_model"]


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


@dataclass(slots=True)
class Taught:
    """A model bound to one plan, and the journal position that it has learned to; a revision ends its learning."""

    model: PropensityModel
    position: int


def new_model(plan: Plan, kernel: str = "auto") -> PropensityModel:
    """Make the plan's model, untrained and bound to its candidates."""
    model = make_model(plan.model, plan.predictors, plan.outcomes, kernel)
    model.bind(plan.candidates)
    return model


def carried(snapshot: Snapshot, plan: Plan, renamed: Sequence[Renamed], kernel: str) -> PropensityModel:
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


class Learner:
    """Teaches one model after the other, from revision to revision.

    Args:
        position: journal position that the model has learned to.
        names: what earlier revisions called otherwise.

    Attributes:
        taught: the model of today; another object after every revision.
        skipped: outcomes about candidates that the plan does not have.
        set_aside: outcomes that raised an error no code foresaw; each is passed over, the same way in every fold.
    """

    def __init__(self, plan: Plan, model: PropensityModel, position: int = 0, names: Names | None = None) -> None:
        self.taught = Taught(model, position)
        self.learned = 0
        self.skipped = 0
        self.set_aside = 0
        self.names = names or Names()
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
        shown = (lesson.channel, lesson.action, lesson.treatment)
        found = self._candidates.get(shown)
        return self._candidates.get(self.names.today(*shown)) if found is None else found

    def labels(self, lesson: Lesson) -> list[tuple[int, bool]]:
        """Say what a lesson teaches: (head, whether it happened)."""
        channel = self.plan.channels.get(lesson.channel)
        if channel is None:
            return []
        return answers(self.plan.outcomes, channel.outcomes, lesson.earlier, lesson.outcome)

    def learn(self, lesson: Lesson) -> None:
        """Fold one outcome; lessons must come in journal order, and one that was folded already changes nothing."""
        taught = self.taught
        if lesson.sequence <= taught.position:
            return
        taught.position = lesson.sequence
        candidate = self.candidate_of(lesson)
        if candidate is None:
            self.skipped += 1
            return
        for head, happened in self.labels(lesson):
            taught.model.learn(lesson.facts, candidate, head, happened)
            self.learned += 1

    def pass_over(self, sequence: int) -> None:
        """Go on behind an outcome that cannot be learned."""
        self.taught.position = max(self.position, sequence)
        self.set_aside += 1

    def pass_revision(self, sequence: int) -> None:
        """Go on behind a revision that cannot be compiled: the plan stays."""
        self.taught.position = max(self.position, sequence)

    def switch(self, plan: Plan, model: PropensityModel, sequence: int, renamed: Sequence[Renamed]) -> None:
        """Fold one revision; the model before it stays as it is, for whoever still decides with it.

        Args:
            model: of `carried`, from the state of today.
            sequence: of the revision's journal entry; one that was folded already changes nothing.
        """
        if sequence <= self.position:
            return
        self.taught = Taught(model, sequence)
        self.names = self.names.after(renamed)
        self._take(plan)

    def _take(self, plan: Plan) -> None:
        self.plan = plan
        self._candidates = {
            (key.channel, key.action, key.treatment): index for index, key in enumerate(plan.candidates)
        }
