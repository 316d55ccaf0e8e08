"""Features of contacts, of actions apart and of households; what is missing, and what does not fit any more."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from opportune.customers import Attribute, Registry
from opportune.customers.features import Feature, FeatureSet, Source
from opportune.decide.limits.windows import Length, micros
from opportune.records import Contact, ValueType
from tests.customers.features.naive import Happened
from tests.customers.features.world import REGISTRIES, every_kind, history_of, read, rule

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
ZONE = "Europe/Warsaw"
WEEK = Length(7)


def ago(hours: float, type: str = "purchase", key: int = 0, **attributes: object) -> Happened:
    return Happened(key, NOW - timedelta(hours=hours), type, attributes)


def contact(hours: float, what: str = "shown", action: str = "gold", channel: str = "app") -> Contact:
    return Contact(micros(NOW - timedelta(hours=hours)), what, action, "card", channel, "home", f"d{hours}")


def counted(name: str, **more: object) -> Feature:
    source = Source("shown", of_contacts=True, **more)  # type: ignore[arg-type]
    return Feature(name, "count", ValueType.INTEGER, source, WEEK)


def test_nothing_counts_zero_and_has_no_average() -> None:
    found = read(every_kind(WEEK), [], NOW, ZONE)

    assert found["feature.count"] == 0
    assert found["feature.sum_amount"] == 0.0
    assert found["feature.distinct_category"] == 0
    assert found["feature.sequence_then"] is False
    assert not found.keys() & {"feature.mean_amount", "feature.last_category", "feature.time_since", "feature.rate"}


def test_an_event_without_the_attribute_counts_as_an_event_alone() -> None:
    found = read(every_kind(WEEK), [ago(1, category="fresh")], NOW, ZONE)

    assert found["feature.count"] == 1
    assert found["feature.last_category"] == "fresh"
    assert "feature.mean_amount" not in found


def test_a_condition_that_cannot_be_decided_does_not_count() -> None:
    found = read(every_kind(WEEK, "event.amount >= 10"), [ago(1), ago(2, key=1, amount=12.0)], NOW, ZONE)

    assert found["feature.count"] == 1


def test_now_in_a_condition_is_the_moment_of_the_event_in_the_zone_of_the_customer() -> None:
    night = Feature(
        "night", "count", ValueType.INTEGER, Source("call", where=rule("local_hour() >= 22 || local_hour() < 6")), WEEK
    )
    call = Happened(0, datetime(2026, 5, 3, 20, 30, tzinfo=UTC), "call")

    assert read([night], [call], NOW, "Europe/Warsaw") == {"feature.night": 1}
    assert read([night], [call], NOW, "Europe/London") == {"feature.night": 0}


def test_of_several_values_of_one_moment_the_last_is_the_greatest_and_the_first_the_least() -> None:
    events = [ago(1, key=key, category=category) for key, category in enumerate(("bread", "wine", "fresh"))]

    found = read(every_kind(None), events, NOW, ZONE)

    assert found["feature.last_category"] == "wine"
    assert found["feature.first_category"] == "bread"


def test_a_sum_is_exact_whatever_its_order() -> None:
    amounts = [1e16, 1.0, -1e16, 0.1]
    feature = Feature("sum", "sum", ValueType.NUMBER, Source("purchase", "amount"), WEEK)
    events = [ago(1, key=key, amount=amount) for key, amount in enumerate(amounts)]

    assert read([feature], events, NOW, ZONE) == read([feature], events[::-1], NOW, ZONE) == {"feature.sum": 1.1}


def test_a_sum_beyond_all_numbers_is_missing() -> None:
    events = [ago(1, key=key, amount=1.7e308) for key in range(2)]

    found = read(every_kind(WEEK), events, NOW, ZONE)

    assert "feature.sum_amount" not in found
    assert found["feature.max_amount"] == 1.7e308


def test_what_overflows_on_the_way_alone_is_a_sum() -> None:
    events = [ago(1, key=key, amount=amount) for key, amount in enumerate((1.7e308, 1.7e308, -1.7e308))]

    assert read(every_kind(WEEK), events, NOW, ZONE)["feature.sum_amount"] == 1.7e308


def test_contacts_count_by_group_action_channel_and_placement() -> None:
    features = [
        counted("all"),
        counted("cards", groups=frozenset(("cards",))),
        counted("gold", actions=frozenset(("gold",))),
        counted("desk", channels=frozenset(("desk",))),
        counted("foot", placements=frozenset(("foot",))),
    ]
    contacts = (contact(1), contact(2, action="loan", channel="desk"), contact(3, "accept"), contact(200))

    found = FeatureSet(features, {}, groups={"gold": "cards", "loan": "loans"}).read(
        history_of(()), contacts, NOW, ZONE
    )

    assert found == dict(zip([one.key for one in features], (2, 1, 1, 1, 0), strict=True))


def test_contacts_have_attributes_as_events_have() -> None:
    last = Feature("last", "last", ValueType.TEXT, Source("shown", "action", of_contacts=True))
    groups = Feature("groups", "distinct", ValueType.INTEGER, Source("shown", "group", of_contacts=True))

    found = FeatureSet([last, groups], {}, groups={"gold": "cards"}).read(
        history_of(()), (contact(1), contact(2, action="gone")), NOW, ZONE
    )

    assert found == {"feature.last": "gold", "feature.groups": 1}


def test_a_feature_per_action_has_a_value_for_each_action_that_asks() -> None:
    source = Source("shown", of_contacts=True, action_in="action")
    seen = Feature("seen", "count", ValueType.INTEGER, source, WEEK, per_action=True)
    since = Feature("since", "time_since", ValueType.NUMBER, source, WEEK, per_action=True)
    feature_set = FeatureSet(
        [seen, since], {}, actions={"seen": ["gold", "loan"], "since": ["gold", "loan"]}, former={"golden": "gold"}
    )

    found = feature_set.read(
        history_of(()), (contact(1), contact(2, action="golden"), contact(3, action="other")), NOW, ZONE
    )

    assert found == {"feature.seen@gold": 2, "feature.seen@loan": 0, "feature.since@gold": 1.0}


def test_an_event_names_the_action_that_it_is_about() -> None:
    registry = Registry([Attribute("product", ValueType.TEXT)], "event.")
    viewed = Feature("viewed", "count", ValueType.INTEGER, Source("view", action_in="product"), WEEK, per_action=True)
    feature_set = FeatureSet([viewed], {"view": registry}, actions={"viewed": ["gold"]})

    history = history_of([ago(1, "view", product="gold"), ago(2, "view", key=1, product="loan"), ago(3, "view", key=2)])

    assert feature_set.read(history, (), NOW, ZONE) == {"feature.viewed@gold": 1}


def test_a_feature_of_a_household_counts_the_events_of_all_members_and_is_missing_without_one() -> None:
    own = Feature("own", "count", ValueType.INTEGER, Source("purchase"), WEEK)
    all_ = Feature("all", "count", ValueType.INTEGER, Source("purchase"), WEEK, level="household")
    feature_set = FeatureSet([own, all_], REGISTRIES)
    mine = [ago(1)]
    household = history_of([*mine, ago(2, key=1), ago(3, key=2)]), ()

    assert feature_set.levels == {"household"}
    assert feature_set.read(history_of(mine), (), NOW, ZONE) == {"feature.own": 1}
    assert feature_set.read(history_of(mine), (), NOW, ZONE, {"household": household}) == {
        "feature.own": 1,
        "feature.all": 3,
    }


def test_a_value_that_does_not_fit_its_declaration_any_more_is_missing() -> None:
    registry = {"purchase": Registry([Attribute("amount", ValueType.NUMBER, range=(0.0, 100.0))], "event.")}
    features = [
        Feature("sum", "sum", ValueType.NUMBER, Source("purchase", "amount")),
        Feature("count", "count", ValueType.INTEGER, Source("purchase")),
    ]
    events = [ago(1, amount="12"), ago(2, key=1, amount=500.0), ago(3, key=2, amount=7)]

    found = FeatureSet(features, registry).read(history_of(events), (), NOW, ZONE)

    assert found == {"feature.sum": 7.0, "feature.count": 3}


def test_another_project_and_another_zone_lay_the_history_out_anew() -> None:
    history = history_of([ago(24 * 7, amount=1.0), ago(1, key=1, amount=2.0)])
    week, ever = FeatureSet(every_kind(WEEK), REGISTRIES), FeatureSet(every_kind(None), REGISTRIES)

    counts = [one.read(history, (), NOW, ZONE)["feature.count"] for one in (week, ever, week)]

    assert counts == [1, 2, 1]


def test_it_says_what_it_needs() -> None:
    features = FeatureSet([*every_kind(WEEK), counted("seen")], REGISTRIES)

    assert features.event_types == {"purchase", "view", "call"}
    assert features.needs_contacts
    assert features.horizon_seconds == Length(14).seconds_most
    assert features.read_of["call"] == frozenset()
    assert features.read_of["purchase"] >= {"amount", "category"}
    assert FeatureSet(every_kind(None), REGISTRIES).horizon_seconds is None
    assert FeatureSet([], {}).horizon_seconds == 0


def test_explaining_gives_window_and_number_of_what_counted() -> None:
    features = FeatureSet(every_kind(WEEK), REGISTRIES)

    said = {
        one.feature: one for one in features.explain(history_of([ago(1, amount=2.0), ago(2, key=1)]), (), NOW, ZONE)
    }

    assert (said["count"].value, said["count"].counted) == (2, 2)
    assert (said["sum_amount"].value, said["sum_amount"].counted) == (2.0, 1)
    assert (said["last_category"].value, said["last_category"].counted) == (None, 0)
    assert said["count"].since == WEEK.before(NOW, ZONE)
    assert said["count"].until == micros(NOW)


@pytest.mark.parametrize("events", [10, 100])
def test_memory_is_known_and_grows_with_the_events(events: int) -> None:
    history = history_of([ago(hour, key=hour, amount=1.0, category="fresh") for hour in range(events)])
    empty = history_of(()).bytes

    FeatureSet(every_kind(WEEK), REGISTRIES).read(history, (), NOW, ZONE)

    assert 150 * events < history.bytes - empty < 2_000 * events + 20_000


def test_events_can_be_left_out_by_key_and_by_age() -> None:
    history = history_of([ago(hour, key=hour) for hour in range(5)])

    history.leave_out([0, 99])
    before = micros(NOW - timedelta(hours=3))
    history.leave_out([event.key for event in history if event.at < before])

    assert [event.key for event in history] == [1, 2, 3]
    assert len(history) == 3
    assert 2 in history
    assert not history.add(2, 0, "purchase", {})
