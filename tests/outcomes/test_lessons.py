"""Joining outcomes of a real journal to what their decisions knew."""

import pytest
from msgspec.structs import replace

from opportune.decide import Draws, State, decide
from opportune.outcomes import Learner, lessons, new_model
from opportune.records import Origin, Outcome, Sign
from opportune.storage import ErasePayloads, RecordOutcome, SaveDecision, open_storage
from opportune.testing.storage.writes import merge, save_profile
from tests.worlds import NOON, Item, World, request

SIGNS = {"seen": Sign.NEUTRAL, "accept": Sign.POSITIVE, "reject": Sign.NEGATIVE}


@pytest.fixture
def plan():
    return World([Item("a"), Item("b")]).plan()


@pytest.fixture
def storage(tmp_path):
    with open_storage(str(tmp_path / "store.db")) as opened:
        yield opened


def decided(plan, storage, name, age):
    state = State(model=new_model(plan, "numpy"), position=0, profile={"customer.age": age})
    decision = decide(plan, state, request(name), NOON, Draws(name))
    storage.write([SaveDecision(decision=decision, answer=b"{}", origin=Origin.ENGINE)])
    return decision


def answered(storage, decision, outcome, action="a"):
    spoken = Outcome(id=f"{decision.id}/{action}/{outcome}", decision=decision.id, action=action, outcome=outcome)
    write = RecordOutcome(outcome=spoken, origin=Origin.ENGINE, treatment="card", placement="main", sign=SIGNS[outcome])
    return storage.write([write])[0]


def found(storage, after=0):
    return [lesson for _, lesson in lessons(storage, after) if lesson is not None]


def test_a_lesson_knows_the_facts_and_the_outcomes_before(plan, storage):
    decision = decided(plan, storage, "one", 40)
    answered(storage, decision, "seen")
    answered(storage, decision, "accept")

    seen, accepted = found(storage)

    assert accepted.facts["customer.age"] == 40
    assert [report.outcome for report in seen.before] == []
    assert [report.outcome for report in accepted.before] == ["seen"]
    assert [report.outcome for report in accepted.after] == ["seen", "accept"]


def test_lessons_read_from_the_middle_are_the_same(plan, storage):
    decisions = [decided(plan, storage, f"d{n}", 20 + n) for n in range(5)]
    for decision in decisions:
        answered(storage, decision, "seen")
        answered(storage, decision, "reject")
    whole = found(storage)

    for after in range(storage.last_sequence()):
        assert found(storage, after) == [lesson for lesson in whole if lesson.sequence > after]


def test_a_learner_that_goes_on_from_the_middle_ends_with_the_same_model(plan, storage):
    for n in range(6):
        answered(storage, decided(plan, storage, f"d{n}", 20 + n), ("accept", "reject")[n % 2], "ab"[n % 2])
    whole = Learner(plan, new_model(plan, "numpy"))
    parted = Learner(plan, new_model(plan, "numpy"))

    for lesson in found(storage):
        whole.learn(lesson)
    for lesson in [*found(storage)[:3], *found(storage)]:
        parted.learn(lesson)

    assert parted.model.digest() == whole.model.digest()
    assert parted.learned == whole.learned == 6


def test_erased_facts_teach_nothing(plan, storage):
    decision = decided(plan, storage, "one", 40)
    answered(storage, decision, "accept")
    sequence = storage.decision(decision.id).sequence

    storage.write([ErasePayloads(id="e-1", sequences=(sequence,))])

    assert found(storage) == []


def test_who_came_by_several_identifiers_teaches_as_one_person(plan, storage):
    storage.write([save_profile("first", "c-1"), save_profile("second", "c-2"), merge("both", "c-1", "c-2")])
    person = storage.person_of("c-2")
    for name in ("c-1", "c-2"):
        asked = replace(request(name), customer=name)
        state = State(model=new_model(plan, "numpy"), position=0, person=person)
        decision = decide(plan, state, asked, NOON, Draws(name))
        storage.write([SaveDecision(decision=decision, answer=b"{}", origin=Origin.ENGINE, identifier=name)])
        answered(storage, decision, "accept")

    assert [lesson.who for lesson in found(storage)] == [person, person]
