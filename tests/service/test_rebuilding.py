"""Final truths learned anew, and adopted by the fold."""

from __future__ import annotations

import numpy as np

from opportune.learning import to_bytes
from opportune.outcomes import Learner, joined, new_model
from opportune.records import Origin, Outcome, Sign
from opportune.service.course import Course
from opportune.service.proof import prove_models
from opportune.service.rebuilding import Rebuilt, rebuilt
from opportune.service.training import fold, trained
from opportune.storage import ChangeModels, RecordOutcome
from opportune.storage.digests import digest_of
from tests.property.test_fold_laws import Life, life


def answered(one: Life, count: int) -> None:
    for number in range(count):
        one.decide(20 + number)
        one.answer((0, ("accept", "reject", "accept")[number % 3]))


def correct(one: Life, place: int, outcome: str, sign: Sign) -> None:
    """Say that the first report about a decision was wrong."""
    decision = one.decisions[place]
    (wrong, *_) = one.storage.outcomes_of(decision.id)
    shown = decision.placements[0].actions[0]
    said = Outcome(id=one._id(), decision=decision.id, action=shown.action, outcome=outcome, replaces=wrong.id)
    write = RecordOutcome(outcome=said, origin=Origin.ENGINE, treatment=shown.treatment, placement="receipt", sign=sign)
    one.storage.write([write])


def rebuild(one: Life, until: int) -> Rebuilt:
    return rebuilt(one.storage, one.learner.plan, one.course.names(until), "numpy", until)


def adopt(one: Life, found: Rebuilt, until: int) -> None:
    state = to_bytes(joined(found.learner.model.snapshot(), found.learner.quota))
    write = ChangeModels(
        id=one._id(), order="replace", position=until, hash=digest_of(state).hex(), state=state, again=True
    )
    one.storage.write([write])


def test_a_rebuild_is_adopted_and_learning_goes_on() -> None:
    with life() as one:
        answered(one, 20)
        for place in (0, 3, 7):
            correct(one, place, "reject", Sign.NEGATIVE)
        one.learn()
        until = one.storage.last_sequence()
        found = rebuild(one, until)
        assert found.learner.model.digest() != one.learner.model.digest()
        # Counts are sums: what was corrected is counted as what it is.
        assert np.array_equal(found.learner.model.evidence(), one.learner.model.evidence())
        adopt(one, found, until)
        one.learn()
        assert one.learner.model.digest() == found.learner.model.digest()

        correct(one, 12, "reject", Sign.NEGATIVE)
        answered(one, 3)
        one.learn()
        one.keep()
        resumed = trained(one.storage, Course(one.storage), "numpy")
        assert resumed is not None
        assert resumed.model.digest() == one.learner.model.digest()
        assert prove_models(one.storage)[1] == []


def test_what_came_while_a_rebuild_ran_is_learned_on_top() -> None:
    with life() as one:
        answered(one, 12)
        one.learn()
        until = one.storage.last_sequence()
        found = rebuild(one, until)
        answered(one, 4)
        correct(one, 2, "reject", Sign.NEGATIVE)
        adopt(one, found, until)
        one.learn()

        again = Learner(one.learner.plan, new_model(one.learner.plan, "numpy"), until)
        again.model.restore(found.learner.model.snapshot())
        again.quota = found.learner.quota
        fold(one.storage, again, Course(one.storage), until=one.storage.last_sequence() - 1)
        assert again.model.digest() == one.learner.model.digest()


def test_a_rebuild_learns_under_the_strategy_of_today() -> None:
    with life() as one:
        answered(one, 9)
        one.publish("renamed")
        answered(one, 9)
        one.learn()
        found = rebuild(one, one.storage.last_sequence())

        assert found.decisions == 18
        assert found.learner.model.evidence().sum() == one.learner.model.evidence().sum()
