"""Laws of lessons: a model has learned what finally stands of a decision, or nothing of it, and of nobody too much.

Lives are random: answers, corrections also to another treatment, withdrawals and silence in any order, and actions that
get other names in between.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import pytest

from opportune.decide.plan import Plan
from opportune.learning import CandidateKey
from opportune.outcomes import Learner, Lesson, Report
from opportune.records import Facts, Renamed, Sign
from tests.worlds import Item, World

SIGNS = {
    "seen": Sign.NEUTRAL,
    "click": Sign.POSITIVE,
    "accept": Sign.POSITIVE,
    "reject": Sign.NEGATIVE,
    "silence": Sign.NEGATIVE,
}
TREATMENTS = "card", "tile"
HOUR = 3_600_000_000
ANSWERS_MAX = 2


def plan(names: list[str], answers_per_person: int) -> Plan:
    made = World([Item(name, treatments=TREATMENTS) for name in names]).plan()
    channels = {"desk": replace(made.channels["desk"], outcomes=SIGNS)}
    return replace(made, channels=channels, answers_per_person=answers_per_person, quota_days=30)


Said = Counter[tuple[int, int, str, int, bool]]
"""(decision, action, treatment, head, whether it happened) → how often it was learned and not taken back."""


class Tape:
    """Notes what is learned and taken back, in the place of a model."""

    def __init__(self, names: list[str], catalogue: Sequence[CandidateKey]) -> None:
        self.names, self.catalogue = names, catalogue
        self.net: Said = Counter()

    def learn(self, facts: Facts, candidate: int, outcome: int, happened: bool) -> None:
        self._note(facts, candidate, outcome, happened, 1)

    def unlearn(self, facts: Facts, candidate: int, outcome: int, happened: bool) -> None:
        self._note(facts, candidate, outcome, happened, -1)

    def _note(self, facts: Facts, candidate: int, outcome: int, happened: bool, times: int) -> None:
        key = self.catalogue[candidate]
        self.net[int(facts["n"]), self.names.index(key.action), key.treatment, outcome, happened] += times  # type: ignore[arg-type]


@dataclass
class Life:
    """Decisions for two persons, what was reported of them, and the names of two actions, which keep their places."""

    chance: random.Random
    answers_per_person: int
    names: list[str] = field(default_factory=lambda: ["a", "b"])
    reports: dict[int, list[Report]] = field(default_factory=lambda: {number: [] for number in range(24)})
    sequence: int = 0

    def __post_init__(self) -> None:
        made = plan(self.names, self.answers_per_person)
        self.tape = Tape(self.names, made.candidates)
        self.learner = Learner(made, self.tape)  # type: ignore[arg-type]

    def lesson(self, number: int) -> Lesson:
        said = tuple(self.reports[number])
        who = ("p", "q")[number % 2]
        return Lesson(self.sequence, f"d{number}", number * HOUR, who, {"n": number}, "desk", said[:-1], said[-1], said)

    def rename(self) -> None:
        which, self.sequence = self.chance.randrange(2), self.sequence + 1
        former, self.names[which] = self.names[which], f"{self.chance.choice('Az')}{self.sequence}"
        renamed = [Renamed("action", former, self.names[which])]
        made = plan(self.names, self.answers_per_person)
        self.tape.catalogue = made.candidates
        self.learner.switch(made, self.tape, self.sequence, renamed)  # type: ignore[arg-type]

    def report(self) -> None:
        number, chance = self.chance.randrange(len(self.reports)), self.chance
        said = self.reports[number]
        earlier = chance.choice(said).id if said and chance.random() < 0.4 else ""
        outcome = chance.choice(sorted(SIGNS))
        one = Report(
            id=f"{number}/{len(said)}",
            # As it was called when the decision was made.
            action=chance.choice("ab"),
            treatment=chance.choice(TREATMENTS),
            outcome=outcome,
            sign=SIGNS[outcome],
            occurred_at=chance.randrange(100),
            expiry=outcome == "silence",
            leads_on=outcome == "click",
            replaces=earlier,
        )
        if earlier and chance.random() < 0.4:
            one = replace(one, outcome="", sign=Sign.NEUTRAL, expiry=False, replaces="", withdraws=earlier)
        said.append(one)
        self.sequence += 1
        self.learner.learn(self.lesson(number))

    def truth(self, number: int) -> Said:
        """What a learner without bounds, under the names of the first day, learns of all that was reported."""
        names = ["a", "b"]
        made = plan(names, 0)
        other = Tape(names, made.candidates)
        if self.reports[number]:
            Learner(made, other).learn_truth(self.lesson(number))  # type: ignore[arg-type]
        return other.net


@pytest.mark.parametrize("answers_per_person", [0, ANSWERS_MAX])
@pytest.mark.parametrize("seed", range(12))
def test_what_stands_of_a_decision_is_learned_wholly_or_not_at_all(seed: int, answers_per_person: int) -> None:
    life = Life(random.Random(seed), answers_per_person)
    for _ in range(220):
        life.rename() if life.chance.random() < 0.02 else life.report()

    taught, agreed = Counter[tuple[int, int]](), Counter[tuple[int, int]]()
    for number in life.reports:
        for action in range(2):
            net, stands = (
                {key: count for key, count in told.items() if key[:2] == (number, action) and count}
                for told in (life.tape.net, life.truth(number))
            )
            assert net == stands or (answers_per_person and not net)
            taught[number % 2, action] += bool(net)
            agreed[number % 2, action] += any(happened for *_, happened in net)
    assert not answers_per_person or max(agreed.values()) <= answers_per_person
    assert not answers_per_person or max(taught.values()) <= 4 * answers_per_person
    assert min(taught.values()) > 0
