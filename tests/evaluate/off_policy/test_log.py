"""Reading recorded decisions as another strategy would have made them."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from opportune.decide import Draws, State, decide
from opportune.evaluate.off_policy import judge
from opportune.evaluate.off_policy.log import Judged, LogReader
from opportune.evaluate.off_policy.odds import is_told, odds_of, place_chances, unreachable
from opportune.evaluate.off_policy.recorded import Span
from opportune.outcomes import Names, new_model
from opportune.records import Origin, Outcome, PlacementRequest, Sign
from opportune.service.revisions import strategy_from_files
from opportune.storage import Kind, RecordOutcome, SqliteStorage
from opportune.storage.standing import UNSEEN
from tests.evaluate.off_policy.recorded import BEGIN, CHANNELS, exploring, record
from tests.service.shop import files
from tests.worlds import NOON, Item, World, request

COUNT = 1_000
IN_A_ROW = """
impression: {sign: neutral}
look: {sign: positive}
accept: {sign: positive, after: look}
reject: {sign: negative}
"""
TAPS = """
impression: {sign: neutral}
accept: {sign: positive}
tap: {sign: positive}
reject: {sign: negative}
"""


@pytest.fixture(scope="module")
def strategy():
    return exploring()


@pytest.fixture(scope="module")
def store(tmp_path_factory, strategy):
    path = tmp_path_factory.mktemp("log") / "shop.db"
    record(path, strategy, COUNT)
    return path


def read(store, strategy, logged, span=None, place=1):
    model = new_model(strategy.plan, "numpy")
    with SqliteStorage(store, read_only=True) as storage:
        judged = Judged(
            plan=strategy.plan,
            model_at=lambda position: model,
            read=lambda one: (one.request, {k: v for k, v in one.facts.items() if k.startswith("customer.")}),
            names=Names(),
            plan_of=lambda revision: logged.plan if revision == logged.plan.revision else None,
        )
        return LogReader(storage, judged, place).read(span or Span())


@pytest.fixture(scope="module")
def again(store, strategy):
    """The log, judged for the strategy that made it."""
    return read(store, strategy, strategy)


def test_the_same_strategy_decides_the_same(again):
    log = again

    assert log.decisions == COUNT
    assert log.wanted.tolist() == log.logged.tolist()
    assert log.beyond.max() == 0.0
    assert judge(log.sample(0)).estimates["ips"].value == pytest.approx(log.earned[:, 0].mean(), rel=1e-5)


def test_rewards_are_the_final_answers_and_their_worth(again):
    log = again

    assert log.rewards == ("accept", "profit")
    assert 0.1 < log.earned[:, 0].mean() < 0.5
    assert set(log.earned[:, 1].tolist()) == {0.0, 1.0, 2.0, 3.0, 6.0}


def test_another_strategy_is_judged_right_from_the_log_alone(store, strategy, tmp_path):
    # Worth more, so that it is shown nearly always where the other shows wine.
    other = exploring(
        floor=0.02, actions__drinks__water=files()["actions/drinks/water.yaml"].replace("accept: 1", "accept: 9")
    )
    live = tmp_path / "live.db"
    record(live, other, COUNT, seed=2)

    truth = read(live, other, other).earned[:, 0].mean()
    found = judge(read(store, other, strategy).sample(0))

    assert truth > found.observed.high
    for name in ("ips", "snips", "dr"):
        assert found.estimates[name].low - 0.03 < truth < found.estimates[name].high + 0.03
    assert found.gain.low > 0


def test_a_span_keeps_what_was_made_inside(store, strategy):
    log = read(store, strategy, strategy, Span(BEGIN + timedelta(minutes=10), BEGIN + timedelta(minutes=30)))

    assert log.decisions == 20
    assert log.first == BEGIN + timedelta(minutes=10)
    assert log.last == BEGIN + timedelta(minutes=29)


def test_later_places_are_judged_with_those_before_as_they_were(store, strategy):
    log = read(store, strategy, strategy, place=2)

    assert np.isnan(log.beyond).all()
    assert log.wanted == pytest.approx(log.logged, abs=0.02)
    assert (log.logged < 1.0).any()


@pytest.mark.parametrize(
    ("origin", "reason"),
    [
        (Origin.CHANNEL, "not chosen by the engine"),
        (Origin.FALLBACK, "not chosen by the engine"),
        (Origin.IMPORT, "not chosen by the engine"),
        (Origin.CONTROL, "made for a control group"),
    ],
)
def test_what_the_engine_did_not_choose_never_counts(tmp_path, strategy, origin, reason):
    store = tmp_path / "other.db"
    record(store, strategy, 20, origin=origin)

    log = read(store, strategy, strategy)

    assert log.decisions == 0
    assert log.left_out == {reason: 20}


def test_withdrawn_answers_are_no_rewards(tmp_path, strategy):
    store = tmp_path / "withdrawn.db"
    record(store, strategy, 40)
    before = read(store, strategy, strategy).earned[:, 0].sum()
    with SqliteStorage(store) as storage:
        for entry in storage.journal(0, 1_000, (Kind.OUTCOME,)):
            if entry.body.outcome == "accept":
                said = Outcome(id=f"w-{entry.id}", decision=entry.decision, withdraws=entry.id)
                write = RecordOutcome(
                    outcome=said, origin=Origin.CHANNEL, treatment="", placement="", sign=Sign.NEUTRAL
                )
                assert not isinstance(storage.write([write])[0], Exception)

    assert before > 0
    assert read(store, strategy, strategy).earned[:, 0].sum() == 0


def test_what_must_have_happened_before_an_outcome_is_earned_too(tmp_path):
    channels = CHANNELS.format(floor=0.5).replace("[impression, accept, reject]", "[impression, look, accept, reject]")
    strategy = strategy_from_files(files(channels=channels, outcomes=IN_A_ROW))[0]
    record(tmp_path / "row.db", strategy, 100)

    log = read(tmp_path / "row.db", strategy, strategy)

    looked, accepted = (log.earned[:, log.rewards.index(name)].sum() for name in ("look", "accept"))
    assert looked == accepted > 0


def test_what_the_channel_cannot_report_is_foretold_never_to_happen_there(tmp_path):
    app = CHANNELS.format(floor=0.5).replace(
        "app:\n  outcomes: [impression, accept,", "app:\n  outcomes: [impression, tap,"
    )
    strategy = strategy_from_files(files(channels=app, outcomes=TAPS))[0]
    record(tmp_path / "till.db", strategy, 40)

    log = read(tmp_path / "till.db", strategy, strategy)

    tap, accept = (log.rewards.index(name) for name in ("tap", "accept"))
    for foretold in (log.predicted, log.expected, log.base):
        assert set(foretold[:, tap].tolist()) == {0.0}
        assert foretold[:, accept].min() > 0.0


def test_what_the_channel_showed_in_its_place_is_left_out(tmp_path, strategy):
    store = tmp_path / "elsewhere.db"
    record(store, strategy, 40, elsewhere=True)

    log = read(store, strategy, strategy)

    assert log.decisions == 36
    assert log.left_out == {"the channel showed something else": 4}


def test_what_nobody_saw_since_the_contact_got_the_fallback_is_left_out(tmp_path, strategy):
    store = tmp_path / "unseen.db"
    record(store, strategy, 40)
    with SqliteStorage(store) as storage:
        for entry in storage.journal(0, 1_000, (Kind.DECISION,))[::10]:
            first = entry.body.placements[0].actions[0]
            said = Outcome(id=f"u-{entry.id}", decision=entry.decision, action=first.action, outcome=UNSEEN)
            write = RecordOutcome(
                outcome=said, origin=Origin.FALLBACK, treatment=first.treatment, placement="", sign=Sign.NEUTRAL
            )
            assert not isinstance(storage.write([write])[0], Exception)

    log = read(store, strategy, strategy)

    assert log.decisions == 36
    assert log.left_out == {"its contact got the fallback": 4}


def test_decisions_that_still_wait_for_an_answer_are_left_out(tmp_path, strategy):
    store = tmp_path / "waiting.db"
    record(store, strategy, 40, waiting=datetime(2126, 1, 1, tzinfo=UTC))

    log = read(store, strategy, strategy)

    assert log.decisions == 36
    assert log.left_out == {"still waits for an answer": 4}


def test_an_action_that_the_judged_strategy_dropped_is_never_chosen_by_it(store, strategy):
    kept = {path: text for path, text in files().items() if not path.endswith("wine.yaml")}
    without = strategy_from_files(kept)[0]

    log = read(store, without, strategy)

    wine = log.earned[:, 1] == 6.0
    assert wine.any()
    assert log.wanted[wine].max() == 0.0
    assert (log.wanted > 0).any()


def world(**changes):
    return World([Item(name, value=float(n + 1)) for n, name in enumerate("abcdef")], **changes).plan()


def decided(plan, model, size=3):
    asked = request(placements=(PlacementRequest(name="main", size=size),))
    return decide(plan, State(model=model, position=0), asked, NOON, Draws("s"))


def test_odds_are_those_of_the_decision_for_every_candidate():
    plan = world(exploration=exploring().plan.channels["till"].placements["receipt"].exploration)
    model = new_model(plan, "numpy")
    decision = decided(plan, model)

    odds = odds_of(plan, State(model=model, position=0), decision.request, decision, 3, [[]])

    assert odds.chances.sum() == pytest.approx(1, abs=1e-5)
    shown = decision.placements[0].actions[0]
    own = next(n for n, key in enumerate(plan.candidates) if key.action == shown.action)
    assert odds.chance_of(own) == pytest.approx(shown.selection_probability, abs=1e-6)
    assert place_chances(plan, decision, 0) == pytest.approx(
        dict(zip(odds.candidates.tolist(), odds.chances.tolist(), strict=True))
    )


def test_odds_after_others_leave_them_out():
    plan = world(exploration=exploring().plan.channels["till"].placements["receipt"].exploration)
    model = new_model(plan, "numpy")
    decision = decided(plan, model)
    taken = decision.traces[0].chosen[:1]

    odds = odds_of(plan, State(model=model, position=0), decision.request, decision, 2, [taken])

    assert taken[0] not in odds.candidates
    second = decision.placements[0].actions[1]
    assert odds.chance_of(decision.traces[0].chosen[1]) == pytest.approx(second.selection_probability, abs=0.02)


def test_mandatory_actions_are_certain():
    items = [Item("a", value=9.0), Item("b", mandatory="true")]
    plan = World(items).plan()
    model = new_model(plan, "numpy")
    decision = decided(plan, model)

    odds = odds_of(plan, State(model=model, position=0), decision.request, decision, 3, [[]])

    assert [plan.candidates[n].action for n in odds.candidates] == ["b"]
    assert odds.chances.tolist() == [1.0]


def test_of_several_mandatory_actions_the_first_alone_had_a_chance_of_the_first_place():
    plan = World([Item("a", value=9.0), Item("b", mandatory="true"), Item("c", value=2.0, mandatory="true")]).plan()
    decision = decided(plan, new_model(plan, "numpy"))

    assert [one.action for one in decision.placements[0].actions] == ["c", "b", "a"]
    assert place_chances(plan, decision, 0) == {decision.traces[0].chosen[0]: 1.0}
    assert is_told(plan, decision, 0)


def test_a_place_that_stays_empty_is_a_choice_too():
    plan = World([Item("a", eligibility=("customer.age > 200",))]).plan()
    model = new_model(plan, "numpy")
    decision = decided(plan, model)

    odds = odds_of(plan, State(model=model, position=0), decision.request, decision, 3, [[]])

    assert odds.chance_of(None) == 1.0
    assert unreachable(odds, [0], place_chances(plan, decision, 0)) == 0.0


def test_what_a_greedy_log_never_showed_is_out_of_reach():
    greedy, open_ = world(), world(exploration=exploring().plan.channels["till"].placements["receipt"].exploration)
    model = new_model(greedy, "numpy")
    decision = decided(greedy, model)

    odds = odds_of(open_, State(model=model, position=0), decision.request, decision, 3, [[]])

    best = odds.chance_of(decision.traces[0].chosen[0])
    beyond = unreachable(odds, list(range(len(greedy.candidates))), place_chances(greedy, decision, 0))
    assert beyond == pytest.approx(1 - best, abs=1e-5)
    assert beyond > 0.3


DRINK = """
kind: offer
title: Tea
values: {{profit: {{accept: {value}}}}}
treatments: {{till: {{card: {{content: {{en: {{title: Tea}}, pl: {{title: Tea}}}}}}}}}}
"""
HELP = DRINK.replace("offer", "service").format(value=1)
FIRST_HELP = "help_first: {at_least: 1, of: {kinds: [service]}, in: placement}"


def many(**changed):
    """More drinks than parts are kept of, all worth more than any help."""
    drinks = {f"actions__drinks__tea_{number}": DRINK.format(value=10 + number) for number in range(24)}
    return exploring(0.1, **drinks, actions__help__guide=HELP, actions__help__repair=HELP, **changed).plan


def asked_once(plan):
    """Fill one place, and give the decision with the odds of doing so again."""
    state = State(model=new_model(plan, "numpy"), position=0)
    asked = request(channel="till", placements=(PlacementRequest(name="receipt", size=1),))
    decision = decide(plan, state, asked, NOON, Draws("s"))
    return decision, odds_of(plan, state, asked, decision, 1, [[]])


@pytest.mark.parametrize("changed", [{}, {"slates": FIRST_HELP}])
def test_a_record_of_many_judged_by_its_own_strategy_has_its_odds(changed):
    plan = many(**changed)
    decision, odds = asked_once(plan)
    own = dict(zip(odds.candidates.tolist(), odds.chances.tolist(), strict=True))

    known = place_chances(plan, decision, 0, own)

    assert len(decision.traces[0].kept) // 4 < len(own)
    assert known == pytest.approx({candidate: chance for candidate, chance in own.items() if chance > 0.0}, abs=1e-5)
    assert unreachable(odds, list(range(len(plan.candidates))), known) == pytest.approx(0.0, abs=1e-5)


LINKED = {
    "maximum of a placement": "one_help: {at_most: 1, of: {kinds: [service]}, in: placement}",
    "minimum of a placement": FIRST_HELP,
    "minimum of the answer": "both_help: {at_least: 2, of: {kinds: [service]}}",
    "bundle": "together: {only_together: [guide, repair]}",
}


@pytest.mark.parametrize("method", ["{method: thompson, floor: 0.3}", "{method: none}"])
@pytest.mark.parametrize("rule", LINKED.values(), ids=LINKED.keys())
def test_what_links_places_and_placements_holds_where_one_place_is_decided_again(rule, method):
    channels = CHANNELS.format(floor=0).replace("{method: thompson, floor: 0}", method)
    channels = channels.replace("fallback: []}", f"fallback: [], exploration: {method}}}")
    more = {"actions__help__guide": HELP, "actions__help__repair": HELP, "channels": channels, "slates": rule}
    plan = strategy_from_files(files(**more))[0].plan
    state = State(model=new_model(plan, "numpy"), position=0)
    asked = request(channel="till", placements=(PlacementRequest(name="receipt"), PlacementRequest(name="screen")))

    for seed in "abcde":
        decision = decide(plan, state, asked, NOON, Draws(seed))
        receipt, screen = (trace.chosen for trace in decision.traces)
        for size, standing in ((2, [[]]), (1, [receipt[:1]]), (1, [receipt, []])):
            number, place = len(standing) - 1, len(standing[-1])
            odds = odds_of(plan, state, asked, decision, size, standing)
            shown, chosen = decision.placements[number].actions[place:], (receipt, screen)[number][place:]
            logged = shown[0].selection_probability if shown else 1.0
            told = odds.chance_of(chosen[0] if chosen else None)
            assert told == pytest.approx(logged, abs=0.02 if place else 1e-6)


def test_what_is_left_for_those_whose_parts_were_not_kept_is_shared_evenly_where_nothing_says_how():
    plan = many()
    decision, odds = asked_once(plan)
    kept = np.frombuffer(decision.traces[0].kept, dtype="<u4").tolist()

    known = place_chances(plan, decision, 0)

    others = [chance for candidate, chance in known.items() if candidate not in kept]
    assert known.keys() == {one for one in odds.candidates.tolist() if odds.chance_of(one) > 0.0}
    assert len(set(others)) == 1
    assert sum(known.values()) == pytest.approx(1.0)


def test_where_a_minimum_gives_the_best_no_chance_a_record_does_not_tell_that_of_others():
    free, bound = many(), many(slates=FIRST_HELP)

    assert is_told(free, asked_once(free)[0], 0)
    assert not is_told(bound, asked_once(bound)[0], 0)
