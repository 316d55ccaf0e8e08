"""Laws of the fold: outcomes and revisions in any order, from any checkpoint, lead to one model.

What was decided ahead of the learner can be decided again from its record.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from opportune.decide import Draws, State, decide, seed_of
from opportune.learning import Contest
from opportune.outcomes import Learner, new_model
from opportune.records import Decision, DecisionRequest, Origin, Outcome, PlacementRequest
from opportune.service.course import Course
from opportune.service.proof import prove_models
from opportune.service.publishing import revision_of
from opportune.service.redeciding import prove_decisions
from opportune.service.revisions import Strategy
from opportune.service.training import STATES, adoption, fold, led_on, trained, turn
from opportune.storage import ChangeModels, Kind, RecordOutcome, SaveDecision, SqliteStorage, Storage
from opportune.storage.digests import digest_of
from tests.service.variants import VARIANTS, variant

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)

STEPS = some.lists(
    some.one_of(
        some.tuples(some.just("decide"), some.integers(0, 90)),
        some.tuples(
            some.just("answer"), some.tuples(some.integers(0, 50), some.sampled_from(["accept", "reject", "buy"]))
        ),
        some.tuples(some.just("publish"), some.sampled_from(VARIANTS)),
        some.tuples(some.just("learn"), some.none()),
        some.tuples(some.just("keep"), some.none()),
        some.tuples(some.just("promote"), some.sampled_from(["main", "simple", "plain"])),
        some.tuples(some.just("restore"), some.tuples(some.integers(0, 9), some.booleans())),
    ),
    min_size=5,
    max_size=60,
)


class Life:
    """One store: what is published, decided with a model that may be behind, answered, learned now and then."""

    def __init__(self, storage: Storage) -> None:
        self.storage = storage
        self.course = Course(storage)
        self.count = 0
        self.decisions: list[Decision] = []
        self.publish("base")
        learner = trained(storage, self.course, "numpy")
        assert learner is not None
        self.learner = learner

    def do(self, what: str, argument: Any) -> None:
        getattr(self, what)(*(() if argument is None else (argument,)))

    def publish(self, name: str) -> None:
        self.strategy: Strategy = variant(name)
        self.course.strategies.put(self.strategy)
        self.storage.write([revision_of(self.course, self.strategy, self._id())])
        self.course.read()

    def decide(self, age: int) -> None:
        """Decide as a process that switched to the current revision before the learner did."""
        plan = self.strategy.plan
        ahead = self.course.ahead(self.learner.position, plan.revision)
        assert ahead is not None
        taught = led_on(self.learner.taught, self.course, ahead)
        profile = {"customer.age": age, "customer.member": age % 3 == 0, "customer.city": f"c{age % 4}"}
        request = DecisionRequest(
            id=self._id(), channel="till", placements=(PlacementRequest(name="receipt"),), context={"weather": "Rainy"}
        )
        state = State(model=taught.model, position=taught.position, profile=profile)
        now = NOON + timedelta(minutes=self.count)
        decision = decide(plan, state, request, now, Draws(seed_of(plan, state, request)))
        self.storage.write([SaveDecision(decision=decision, answer=b"{}", origin=Origin.ENGINE)])
        self.decisions.append(decision)

    def answer(self, what: tuple[int, str]) -> None:
        place, name = what
        if not self.decisions:
            return
        decision = self.decisions[-1 - place % len(self.decisions)]
        shown = decision.placements[0].actions[0]
        declared = self.strategy.project.outcomes.get(name)
        if declared is None:
            return
        outcome = Outcome(id=self._id(), decision=decision.id, action=shown.action, outcome=name)
        write = RecordOutcome(
            outcome=outcome, origin=Origin.ENGINE, treatment=shown.treatment, placement="receipt", sign=declared.sign
        )
        self.storage.write([write])

    def learn(self) -> None:
        fold(self.storage, self.learner, self.course)

    def keep(self) -> None:
        learner = self.learner
        model = learner.model
        self.storage.write([adoption(learner.plan, model.snapshot(), model.evidence(), learner.position, self._id())])

    def promote(self, name: str) -> None:
        self.storage.write([ChangeModels(id=self._id(), order="promote", model=name)])

    def restore(self, what: tuple[int, bool]) -> None:
        """Go back to a kept state, or learn anew what came since it."""
        place, again = what
        states = self.storage.model_states(STATES)
        if states:
            state = states[place % len(states)]
            digest = digest_of(state.state).hex()
            write = ChangeModels(
                id=self._id(), order="replace", position=state.position, hash=digest, state=state.state, again=again
            )
            self.storage.write([write])

    def _id(self) -> str:
        self.count += 1
        return f"x-{self.count}"


@contextmanager
def life() -> Iterator[Life]:
    with TemporaryDirectory() as folder, SqliteStorage(Path(folder) / "shop.db") as storage:
        yield Life(storage)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(STEPS)
def test_every_way_of_folding_leads_to_one_model(steps: list[tuple[str, Any]]) -> None:
    with life() as one:
        for what, argument in steps:
            one.do(what, argument)
        one.learn()
        course = Course(one.storage)
        beginning = course.plan_at(0)
        assert beginning is not None
        whole = Learner(beginning, new_model(beginning, "numpy"))
        fold(one.storage, whole, course)
        resumed = trained(one.storage, course, "numpy")
        assert resumed is not None

        assert whole.model.digest() == one.learner.model.digest() == resumed.model.digest()
        assert whole.plan.revision == resumed.plan.revision == one.strategy.plan.revision
        assert whole.names == resumed.names
        assert prove_models(one.storage)[1] == []
        counts, problems = prove_decisions(one.storage)
        assert problems == []
        assert counts.compared == len(one.decisions)


def test_a_fold_that_passes_over_a_revision_is_noticed() -> None:
    """Negative control: the same journal, learned under one plan, gives another model."""
    with life() as one:
        for number in range(6):
            one.decide(20 + number)
            one.answer((0, "accept"))
        one.publish("fewer predictors")
        for number in range(6):
            one.decide(40 + number)
            one.answer((0, "reject"))
        one.learn()
        before = variant("base").plan
        other = Learner(before, new_model(before, "numpy"))

        class Passing(Course):
            def plan(self, revision: str) -> Any:
                return before if revision == before.revision else None

        fold(one.storage, other, Passing(one.storage))

        assert other.model.digest() != one.learner.model.digest()


def test_a_fold_that_passes_over_a_change_of_models_is_noticed() -> None:
    """Negative control: the same journal, learned without its promotion and its return, gives another model."""
    with life() as one:
        one.publish("challenger")
        one.learn()
        one.keep()
        for number in range(6):
            one.decide(20 + number)
            one.answer((0, "accept"))
        one.learn()
        one.restore((0, False))
        one.promote("simple")
        one.learn()
        beginning = Course(one.storage).plan_at(0)
        assert beginning is not None
        other = Learner(beginning, new_model(beginning, "numpy"))
        for entry in one.storage.journal():
            if entry.kind is Kind.REVISION:
                turn(other, one.course, entry)

        assert one.learner.model.name == "simple"
        assert one.learner.model.evidence().sum() == 0
        assert other.model.digest() != one.learner.model.digest()


def test_renames_keep_evidence_there_and_back() -> None:
    """A renamed action goes on with what its old name had learned, and late answers to the old name teach it."""
    with life() as one:
        for number in range(8):
            one.decide(30 + number)
            one.answer((0, ("accept", "reject")[number % 2]))
        one.decide(50)
        late = one.decisions[-1]
        one.learn()
        shown = {str(one.decisions[k].placements[0].actions[0].action) for k in range(9)}
        before = _evidence(one.learner)
        for name in ("renamed", "renamed again", "group renamed", "treatment renamed", "moved", "base", "renamed"):
            one.publish(name)
            one.learn()
            assert sum(_evidence(one.learner).values()) == sum(before.values()), name
        one.publish("base")
        one.answer((0, "accept"))
        one.learn()

        action = late.placements[0].actions[0].action
        assert _evidence(one.learner)[action] == before[action] + 1
        assert action in shown


def test_an_answer_to_the_old_name_teaches_the_new_one() -> None:
    with life() as one:
        one.decide(10)
        assert one.decisions[0].placements[0].actions[0].action in ("water", "call_back")
        actions = [shown.action for shown in one.decisions[0].placements[0].actions]
        one.publish("renamed")
        declared = one.strategy.project.outcomes["accept"]
        for number, action in enumerate(actions):
            outcome = Outcome(id=f"late-{number}", decision=one.decisions[0].id, action=action, outcome="accept")
            one.storage.write(
                [
                    RecordOutcome(
                        outcome=outcome, origin=Origin.ENGINE, treatment="card", placement="receipt", sign=declared.sign
                    )
                ]
            )
        one.learn()

        assert sorted(actions) == ["call_back", "water"]
        assert _evidence(one.learner) == {"call_back": 1.0, "coffee": 0.0, "sparkling": 1.0, "wine": 0.0}
        assert one.learner.skipped == 0


def _evidence(learner: Learner) -> dict[str, float]:
    found: dict[str, float] = {}
    totals = learner.model.evidence().sum(axis=0)
    for index, key in enumerate(learner.plan.candidates):
        found[key.action] = found.get(key.action, 0.0) + float(totals[index])
    return found


def test_models_that_stay_go_on_over_revisions() -> None:
    """Added, promoted, renamed, replaced by another champion, and gone."""
    with life() as one:

        def now() -> tuple[str, dict[str, float]]:
            one.learn()
            model = one.learner.model
            assert isinstance(model, Contest)
            return model.champion, {name: float(each.evidence().sum()) for name, each in model.models.items()}

        def answered() -> None:
            for number in range(6):
                one.decide(20 + number)
                one.answer((0, "accept"))
                one.learn()

        answered()
        alone = now()[1]["main"]
        one.publish("challenger")
        assert now() == ("main", {"main": alone, "simple": 0.0})
        answered()
        both = now()[1]
        assert (both["main"], both["simple"]) == (alone + both["simple"], both["simple"])
        one.promote("simple")
        one.publish("model renamed")
        assert now() == ("plain", {"main": both["main"], "plain": both["simple"]})
        one.publish("challenger")
        assert now() == ("simple", both)
        one.publish("other kind")
        assert now()[1] == {"main": 0.0, "simple": both["simple"]}
        one.publish("other champion")
        assert now()[0] == "simple"
        one.promote("main")
        assert now()[0] == "main"
        one.publish("base")
        assert list(now()[1]) == ["main"]
        assert now()[0] == "main"
        assert prove_models(one.storage)[1] == []
