"""Effects told from what was withheld, read from a journal whose truth is known."""

from collections import Counter

import numpy as np
import pytest

from opportune.evaluate.off_policy.recorded import Span, recorded
from opportune.evaluate.uplift.report import uplift_report, words
from opportune.evaluate.uplift.trials import read_trials
from opportune.outcomes import Names, new_model
from opportune.records import Origin
from opportune.service.revisions import bundle_of, strategy_from_files
from opportune.storage import SaveDecision, SaveRevision, SqliteStorage
from tests.evaluate.off_policy.recorded import CHANNELS, answer, decided
from tests.service.shop import files

COUNT = 3_000
PERSONS = 600
SHOWN = {"water": 0.5, "coffee": 0.3, "wine": 0.25, "call_back": 0.2}
HELD = {"water": 0.5, "coffee": 0.1, "wine": 0.05, "call_back": 0.2}


def shop(share=0.4, other=""):
    channels = CHANNELS.format(floor=0.5).replace("till:\n", "till:\n  response_window: {hours: 1, default: reject}\n")
    groups = f"held: {{share: {share}, choose: withhold}}\n{other}"
    return strategy_from_files(files(channels=channels, control_groups=groups))[0]


def written(path, held, share=0.4, other="", count=COUNT, objected=()):
    """Record decisions and their answers; those whose numbers are in `objected` are made for who cannot be drawn."""
    strategy = shop(share, other)
    rng = np.random.default_rng(3)
    model = new_model(strategy.plan, "numpy")
    made = []
    for number in range(count):
        decision = decided(strategy, model, rng, number, count, number in objected)
        first = first_of(decision)
        rate = 1.0 if number in objected else (held if decision.withheld else SHOWN)[first.action]
        made.append((decision, answer(decision, first, "accept" if rng.random() < rate else "reject", number)))
    return kept(path, strategy, made)


def written_with_a_limit(path):
    """Record what is shown to each person once and withheld as often as they come.

    A third of the persons come ten times and say "yes" three times in five, the others once and one time in five,
    whatever they are shown.
    """
    strategy = shop()
    rng = np.random.default_rng(4)
    model = new_model(strategy.plan, "numpy")
    made, met = [], set()
    for number in range(10 * PERSONS):
        person = number % PERSONS
        if person % 3 and number >= PERSONS:
            continue
        decision = decided(strategy, model, rng, number, PERSONS)
        first = first_of(decision)
        if not decision.withheld and (person, first.action) in met:
            continue
        met.add((person, first.action))
        rate = 0.2 if person % 3 else 0.6
        made.append((decision, answer(decision, first, "accept" if rng.random() < rate else "reject", number)))
    return kept(path, strategy, made)


def first_of(decision):
    (place,) = decision.withheld or decision.placements
    return place.actions[0]


def kept(path, strategy, made):
    with SqliteStorage(path) as storage:
        storage.write([SaveRevision(id="revision-1", hash=strategy.plan.revision, bundle=bundle_of(strategy.project))])
        writes = []
        for decision, report in made:
            origin = Origin.ENGINE if decision.control is None else Origin.CONTROL
            writes += [SaveDecision(decision=decision, answer=b"{}", origin=origin), report]
        assert not [one for one in storage.write(writes) if isinstance(one, Exception)]
    return strategy.plan


def trials_of(path, plan, outcome="accept"):
    with SqliteStorage(path) as storage:
        return read_trials(storage, plan, {plan.revision: plan}.get, Names(), outcome, Span())


@pytest.fixture(scope="module")
def recording(tmp_path_factory):
    path = tmp_path_factory.mktemp("withheld") / "shop.db"
    return path, written(path, HELD, other="drawn: {share: 0.1, choose: random}\n")


def test_effects_are_those_of_showing_against_showing_nothing(recording):
    report = uplift_report(trials_of(*recording), "accept", [])

    assert {one.action: one.against for one in report.actions} == dict.fromkeys(SHOWN, "withheld")
    for one in report.actions:
        effect = one.effects[0].effect
        assert effect.low - 0.02 < SHOWN[one.action] - HELD[one.action] < effect.high + 0.02
    by_name = {one.action: one.effects[0].effect for one in report.actions}
    assert by_name["coffee"].low > 0.1
    assert not by_name["water"].excludes_zero
    assert any("coffee: showing it and not nothing changes" in said for said in words(report))


def test_contacts_in_a_channel_that_cannot_report_the_outcome_belong_to_no_trial(tmp_path):
    at_the_till = written(tmp_path / "shop.db", HELD, count=40)

    assert at_the_till.channels["till"].outcomes.keys() == {"impression", "accept", "reject"}
    assert trials_of(tmp_path / "shop.db", at_the_till) != []
    assert trials_of(tmp_path / "shop.db", at_the_till, "tap") == []


def test_the_lot_says_with_what_probability_it_was_shown(recording):
    trial = next(one.trial for one in trials_of(*recording) if one.action == "wine")

    assert set(trial.chance) == {0.5 / 0.9}
    assert abs(trial.shown.mean() - 0.5 / 0.9) < 0.06


def test_without_a_difference_none_is_told(tmp_path):
    plan = written(tmp_path / "shop.db", SHOWN)

    for one in uplift_report(trials_of(tmp_path / "shop.db", plan), "accept", []).actions:
        assert one.effects[0].effect.low < 0.03
        assert one.effects[0].effect.high > -0.03


def test_who_objected_to_profiling_is_no_part_where_no_session_can_be_drawn(tmp_path):
    # They are shown something always, and say "yes" always.
    plan = written(tmp_path / "shop.db", SHOWN, 0.5, count=2_000, objected=range(0, 2_000, 2))

    trials = [one for one in trials_of(tmp_path / "shop.db", plan) if one.is_withheld]

    assert trials
    for one in uplift_report(trials, "accept", []).actions:
        assert one.effects[0].effect.low < 0.03
        assert one.effects[0].effect.high > -0.03


def test_what_a_limit_lets_through_once_is_not_compared_with_what_was_withheld_again_and_again(tmp_path):
    plan = written_with_a_limit(tmp_path / "shop.db")

    report = uplift_report(trials_of(tmp_path / "shop.db", plan), "accept", [])

    against = {one.action: one.against for one in report.actions}
    said = {one.action: one.remark for one in report.actions}
    assert not report.is_refused
    assert (against["coffee"], against["wine"]) == ("others", "others")
    assert "limits or rules go by what was shown before" in said["wine"]
    for one in report.actions:
        # Who was withheld wine says "yes" more often by a tenth, and for no other reason than to come more often.
        assert one.is_refused or one.effects[0].effect.low < 0.0 < one.effects[0].effect.high


def test_a_small_group_leaves_it_to_the_draws(tmp_path):
    plan = written(tmp_path / "shop.db", dict.fromkeys(HELD, 1.0), share=0.05, count=1_500)

    trials = {one.action: one for one in trials_of(tmp_path / "shop.db", plan)}

    assert trials.keys() == SHOWN.keys()
    assert not any(one.is_withheld for one in trials.values())
    # A choice is in the trials of all that might have been drawn.
    assert sum(len(one.trial) for one in trials.values()) > 2 * 1_500
    for name, one in trials.items():
        # What was withheld is in no draw: there, everybody said "yes".
        assert one.trial.reward[one.trial.shown].mean() == pytest.approx(SHOWN[name], abs=0.1)
        assert one.trial.shown.mean() == pytest.approx(one.trial.chance.mean(), abs=0.05)


def test_what_was_withheld_judges_no_other_strategy(recording):
    path, _ = recording
    with SqliteStorage(path) as storage:
        left_out = Counter()
        read = sum(1 for _ in recorded(storage, Span(), (Origin.ENGINE, Origin.CONTROL), left_out))

    assert left_out["withheld from a control group"] == COUNT - read > COUNT / 3
