"""Laws of the ledger: the final truth, and all that is counted of it, is the same whatever the order of the reports.

Streams are shuffled with their decisions, sent three times over, and silence is recorded at random moments in between.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from opportune.decide import Draws, State, decide
from opportune.decide.plan import Plan
from opportune.errors import InputError
from opportune.outcomes import Learner, Names, Report, lessons, new_model, standing
from opportune.records import Origin, Outcome, Sign
from opportune.service.rebuilding import rebuilt
from opportune.storage import RecordOutcome, SaveDecision, Storage, WindowOpened, Write, open_storage, verify_storage
from tests.postgres import need_postgres
from tests.worlds import NOON, Item, World, request

SIGNS = {"seen": Sign.NEUTRAL, "accept": Sign.POSITIVE, "reject": Sign.NEGATIVE, "silence": Sign.NEGATIVE}
DUE = timedelta(days=7)
LATE = timedelta(days=30)

# The pure part


def reports() -> some.SearchStrategy[list[Report]]:
    ids = some.sampled_from([f"o{n}" for n in range(6)])
    one = some.builds(
        Report,
        id=ids,
        action=some.sampled_from("ab"),
        treatment=some.just("card"),
        outcome=some.sampled_from(sorted(SIGNS)),
        sign=some.sampled_from(Sign),
        occurred_at=some.integers(0, 5),
        expiry=some.booleans(),
        replaces=some.one_of(some.just(""), ids),
        withdraws=some.one_of(some.just(""), some.just(""), ids),
        leads_on=some.booleans(),
    )
    # The same id always says the same.
    return some.lists(one, max_size=12, unique_by=lambda report: report.id)


@settings(max_examples=300, deadline=None)
@given(reports(), some.randoms())
def test_what_stands_does_not_depend_on_the_order(told: list[Report], chance: random.Random) -> None:
    shuffled = told * 3
    chance.shuffle(shuffled)

    found = standing(told)

    assert standing(shuffled) == found
    assert standing(found) == found
    withdrawn = {report.withdraws for report in told}
    assert not withdrawn & {report.id for report in found}


# Through a store


@dataclass
class Stream:
    """Writes that make up one history, in the order in which things happened."""

    writes: list[Write]


def plan() -> Plan:
    made = World([Item("a"), Item("b"), Item("c")], sizes={"main": 2}).plan()
    return replace(made, channels={"desk": replace(made.channels["desk"], outcomes=SIGNS)})


def stream(of: Plan, seed: int, decisions: int) -> Stream:
    """Random decisions with windows, and what was reported of them: answers, corrections, withdrawals, and doubles."""
    chance = random.Random(seed)
    model = new_model(of, "numpy")
    writes: list[Write] = []
    for number in range(decisions):
        age, name = chance.randrange(18, 90), f"s{seed}-{number}"
        asked = request(name, customer=f"c-{number}")
        at = NOON + timedelta(minutes=chance.randrange(60 * 24 * 20))
        decision = decide(of, State(model=model, position=0, profile={"customer.age": age}), asked, at, Draws(name))
        shown = decision.placements[0].actions
        windows = tuple(
            WindowOpened(action=one.action, treatment=one.treatment, outcome="silence", due_at=at + DUE)
            for one in shown
            if chance.random() < 0.7
        )
        writes.append(SaveDecision(decision=decision, answer=b"{}", origin=Origin.ENGINE, windows=windows))
        writes += _reports(chance, decision.id, [one.action for one in shown], at)
    return Stream(writes)


def _reports(chance: random.Random, decision: str, actions: list[str], at: Any) -> Iterator[Write]:
    ids: list[str] = []
    for number in range(chance.choice((0, 1, 1, 2, 3, 5))):
        name = f"{decision}/{number}"
        earlier = chance.choice(ids) if ids and chance.random() < 0.6 else None
        outcome = Outcome(
            id=name,
            decision=decision,
            action=chance.choice(actions),
            outcome=chance.choice(("seen", "accept", "accept", "reject")),
            occurred_at=at + timedelta(hours=chance.randrange(24 * 10)),
        )
        ids.append(name)
        if earlier and chance.random() < 0.4:
            outcome = Outcome(id=name, decision=decision, withdraws=earlier, occurred_at=outcome.occurred_at)
        elif earlier:
            outcome = msgspec.structs.replace(outcome, replaces=earlier)
        yield RecordOutcome(
            outcome=outcome,
            origin=Origin.ENGINE,
            treatment="card" if outcome.action else "",
            placement="main",
            sign=SIGNS.get(outcome.outcome, Sign.NEUTRAL),
            may_wait=True,
        )


def sweep(storage: Storage) -> None:
    """Record every silence, as long after it as reports may be late."""
    for due in storage.due_windows(NOON + LATE, 10_000):
        name = f"silence-{due.decision}-{due.action}-{storage.last_sequence()}"
        outcome = Outcome(
            id=name, decision=due.decision, action=due.action, outcome=due.outcome, occurred_at=due.due_at
        )
        storage.write(
            [
                RecordOutcome(
                    outcome=outcome,
                    origin=Origin.ENGINE,
                    treatment=due.treatment,
                    placement="main",
                    sign=SIGNS[due.outcome],
                    expiry=True,
                )
            ]
        )


class Tally:
    """Counts what it is taught, and takes it back."""

    def __init__(self, counts: Counter[Any]) -> None:
        self.counts = counts

    def learn(self, facts: Any, candidate: int, outcome: int, happened: bool) -> None:
        self.counts[facts["customer.age"], candidate, outcome, happened] += 1

    def unlearn(self, facts: Any, candidate: int, outcome: int, happened: bool) -> None:
        self.counts[facts["customer.age"], candidate, outcome, happened] -= 1


@dataclass
class End:
    """What a store comes to."""

    ledger: str
    rebuilt: str
    evidence: bytes
    tally: Counter[Any]
    outcomes: int
    windows: int


def end_of(storage: Storage, of: Plan, writes: list[Write], chance: random.Random) -> End:
    """Write in this order, with sweeps in between, and learn."""
    begin = 0
    while begin < len(writes):
        size = chance.randrange(1, 40)
        for result in storage.write(writes[begin : begin + size]):
            assert not isinstance(result, InputError), result
        begin += size
        if chance.random() < 0.1:
            sweep(storage)
    sweep(storage)
    learner, counts = Learner(of, new_model(of, "numpy")), Counter[Any]()
    counting = Learner(of, Tally(counts))  # type: ignore[arg-type]
    for _, lesson in lessons(storage):
        if lesson is not None:
            learner.learn(lesson)
            counting.learn(lesson)
    again = rebuilt(storage, of, Names(), "numpy", storage.last_sequence())
    return End(
        ledger=again.digest,
        rebuilt=again.learner.model.digest(),
        evidence=learner.model.evidence().tobytes(),
        tally=+counts,
        outcomes=again.reports,
        windows=len(storage.due_windows(NOON + LATE * 100, 10_000)),
    )


def shuffles(place: Callable[[int], Storage], count: int, decisions: int) -> None:
    of = plan()
    for seed in range(2):
        found = []
        told = stream(of, seed, decisions)
        for shuffle in range(count):
            chance = random.Random(1_000 * seed + shuffle)
            writes = told.writes * (1 if shuffle == 0 else 3)
            if shuffle:
                chance.shuffle(writes)
            with place(count * seed + shuffle) as storage:
                found.append(end_of(storage, of, writes, chance))
                assert verify_storage(storage) == []
        first = found[0]
        assert first.outcomes > decisions / 2
        for other in found[1:]:
            assert other.ledger == first.ledger
            assert other.rebuilt == first.rebuilt
            assert other.tally == first.tally
            assert other.evidence == first.evidence
            assert (other.outcomes, other.windows) == (first.outcomes, 0)


def test_shuffles_of_one_stream_end_in_one_ledger(tmp_path: Path) -> None:
    shuffles(lambda number: open_storage(str(tmp_path / f"{number}.db")), count=4, decisions=25)


def test_shuffles_end_in_one_ledger_on_postgresql() -> None:
    server = need_postgres()
    shuffles(lambda number: open_storage(server.schema()), count=2, decisions=20)


@pytest.mark.full
def test_twenty_shuffles_of_a_long_stream_end_in_one_ledger(tmp_path: Path) -> None:
    shuffles(lambda number: open_storage(str(tmp_path / f"{number}.db")), count=20, decisions=300)
