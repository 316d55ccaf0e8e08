"""Laws of features: as counting anew has them, whatever the order of arrival, and blind to what comes later."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opportune.customers.features import EventHistory, Feature, FeatureSet, Source
from opportune.decide.limits.windows import Length, instant, micros
from opportune.records import Contact, ValueType
from tests.customers.features.naive import Happened
from tests.customers.features.world import LENGTHS, REGISTRIES, TYPES, differences, every_kind, history_of, read

MOMENTS = (
    datetime(2026, 5, 4, 12, tzinfo=UTC),
    datetime(2026, 3, 29, 12, tzinfo=UTC),  # Europe put its clocks forward this morning
    datetime(2026, 10, 25, 0, 30, tzinfo=UTC),  # half past two in Warsaw, which came twice
    datetime(2026, 4, 4, 15, 10, tzinfo=UTC),  # Lord Howe puts its clocks back by half an hour
)
ZONES = ("Europe/Warsaw", "Australia/Lord_Howe", "America/New_York", "UTC")
CONDITIONS = (None, "event.amount >= 10", "event.category == 'fresh' || event.gift", "local_hour() >= 12")

attributes = st.fixed_dictionaries(
    {},
    optional={
        "amount": st.sampled_from([-2.5, -0.0, 0.0, 0.1, 0.2, 0.3, 10.0, 1e15, 1e-7]),
        "pieces": st.sampled_from([-1, 0, 1, 3, 2**53 + 1]),
        "category": st.sampled_from(["fresh", "bread", "wine"]),
        "due": st.sampled_from([datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 6, 1, 7, tzinfo=UTC)]),
        "tags": st.sampled_from([["a"], ["a", "b"], []]),
        "gift": st.booleans(),
    },
)

contacts = st.tuples(
    st.one_of(st.integers(-60, 9 * 86_400).map(lambda seconds: seconds * 1_000_000), st.sampled_from([0, 60_000_000])),
    st.sampled_from(["shown", "accept"]),
    st.sampled_from(["gold", "loan"]),
    st.sampled_from(["web", "app"]),
)


@st.composite
def worlds(draw: st.DrawFn) -> tuple[list[Happened], datetime, str]:
    """Draw events about a moment: many of them at the very begin of a window, at the moment, and after it."""
    now = draw(st.sampled_from(MOMENTS)) + timedelta(microseconds=draw(st.sampled_from([0, 1, 250_000])))
    zone = draw(st.sampled_from(ZONES))
    borders = [0, *(micros(now) - length.before(now, zone) for length in LENGTHS if length)]
    borders += [micros(now) - Length(2 * one.days, 2 * one.seconds).before(now, zone) for one in LENGTHS if one]
    ago = st.one_of(
        st.builds(lambda border, beside: border + beside, st.sampled_from(borders), st.sampled_from([-1, 0, 1])),
        st.integers(0, 3 * 86_400 * 1_000_000),
        st.integers(-7_200 * 1_000_000, 70 * 86_400 * 1_000_000),
    )
    drawn = draw(st.lists(st.tuples(ago, st.sampled_from(TYPES), attributes), max_size=14))
    events = [Happened(key, instant(micros(now) - back), kind, known) for key, (back, kind, known) in enumerate(drawn)]
    return events, now, zone


@settings(max_examples=120, deadline=None)
@given(worlds(), st.sampled_from(LENGTHS), st.sampled_from(CONDITIONS))
def test_every_feature_is_what_counting_anew_gives(
    world: tuple[list[Happened], datetime, str], within: Length | None, where: str | None
) -> None:
    events, now, zone = world
    features = every_kind(within, where)

    assert differences(features, events, read(features, events, now, zone), now, zone) == []


@settings(max_examples=80, deadline=None)
@given(worlds(), st.sampled_from(LENGTHS), st.sampled_from(CONDITIONS), st.randoms(use_true_random=False))
def test_late_and_repeated_events_and_reading_in_between_change_nothing(
    world: tuple[list[Happened], datetime, str], within: Length | None, where: str | None, random: object
) -> None:
    events, now, zone = world
    feature_set = FeatureSet(every_kind(within, where), REGISTRIES)
    straight = feature_set.read(history_of(events), (), now, zone)

    shuffled = [*events, *events[: len(events) // 2]]
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    history = history_of(())
    for place, event in enumerate(shuffled):
        history.add(event.key, micros(event.at), event.type, event.attributes)
        feature_set.read(history, (), now + timedelta(seconds=[0, 40, -9_000, 86_400][place % 4]), zone)

    assert bits(feature_set.read(history, (), now, zone)) == bits(straight)


@settings(max_examples=60, deadline=None)
@given(worlds(), st.sampled_from(LENGTHS), st.lists(st.integers(1, 90 * 86_400), max_size=6))
def test_what_happens_later_changes_nothing(
    world: tuple[list[Happened], datetime, str], within: Length | None, later: list[int]
) -> None:
    events, now, zone = world
    features = every_kind(within)
    before = read(features, [event for event in events if event.at <= now], now, zone)

    more = [
        Happened(1_000 + place, now + timedelta(seconds=ahead), TYPES[place % 3], {"amount": 5.0, "category": "fresh"})
        for place, ahead in enumerate(later)
    ]

    assert bits(read(features, [*more, *events], now, zone)) == bits(before)


@settings(max_examples=40, deadline=None)
@given(worlds(), st.sampled_from(LENGTHS), st.integers(0, 14))
def test_a_history_merged_of_two_is_that_of_all_and_parts_again(
    world: tuple[list[Happened], datetime, str], within: Length | None, split: int
) -> None:
    events, now, zone = world
    feature_set = FeatureSet(every_kind(within), REGISTRIES)
    mine, others = history_of(events[:split]), history_of(events[split:])
    alone = feature_set.read(mine, (), now, zone)

    mine.merge(others)
    joined = feature_set.read(mine, (), now, zone)
    for event in events[split:]:
        mine.leave_out([event.key])
        feature_set.read(mine, (), now, zone)

    assert bits(joined) == bits(feature_set.read(history_of(events), (), now, zone))
    assert bits(feature_set.read(mine, (), now, zone)) == bits(alone)
    assert mine.bytes == _laid(feature_set, events[:split], now, zone).bytes


@settings(max_examples=60, deadline=None)
@given(st.lists(contacts, max_size=12), st.sampled_from(MOMENTS), st.sampled_from(ZONES), st.sampled_from(LENGTHS))
def test_contacts_are_counted_as_events_are_and_apart_by_action(
    drawn: list[tuple[int, str, str, str]], now: datetime, zone: str, within: Length | None
) -> None:
    touches = tuple(
        Contact(micros(now) - ago, what, action, "card", channel, "home", str(key))
        for key, (ago, what, action, channel) in enumerate(drawn)
    )
    events = [
        Happened(key, instant(one.at), one.what, {"action": one.action, "channel": one.channel})
        for key, one in enumerate(touches)
    ]
    whole, apart = over_contacts(within, apart=False), over_contacts(within, apart=True)
    actions = dict.fromkeys((one.name for one in apart), ("gold", "loan", "none"))

    found = FeatureSet([*apart, *whole], {}, actions).read(history_of(()), touches, now, zone)

    assert None not in found.values()
    assert differences(whole, events, found, now, zone) == []
    for action in ("gold", "loan", "none"):
        own = [event for event in events if event.attributes["action"] == action]
        values = {key.partition("@")[0]: value for key, value in found.items() if key.endswith(f"@{action}")}
        assert differences(apart, own, values, now, zone) == []


def over_contacts(within: Length | None, apart: bool) -> list[Feature]:
    """Give a feature of every kind over contacts."""

    def of(kind: str, attribute: str | None = None, first: str = "shown", **more: Any) -> Feature:
        key = "action" if apart else None
        for name in ("source", "then"):
            what, taken = (first, attribute) if name == "source" else ("accept", None)
            if name == "source" or kind == "sequence":
                more[name] = Source(what, taken, of_contacts=True, action_in=key)
        name = f"{'apart' if apart else 'whole'}_{kind}_{first}_{len(more)}"
        return Feature(name, kind, ValueType.NUMBER, within=within, per_action=apart, **more)

    return [
        of("count", first="accept"),
        of("count"),
        of("time_since"),
        of("last", "channel"),
        of("first", "channel"),
        of("distinct", "action"),
        of("share", "channel", values=frozenset(("web",))),
        of("decayed", half_life=3_600.0),
        of("sequence", is_without=True),
        of("sequence", gap=Length(1), values=frozenset()),
        *([of("rate")] if within else []),
    ]


@pytest.mark.parametrize("within", [length for length in LENGTHS if length], ids=str)
def test_a_window_that_holds_its_begin_would_be_found(within: Length) -> None:
    now, zone = MOMENTS[0], "Europe/Warsaw"
    at_begin = Happened(0, instant(within.before(now, zone)), "purchase", {"amount": 1.0})
    features = every_kind(within)

    wrong = differences(features, [at_begin], read(features, [at_begin], now, zone), now, zone, closed=True)

    assert {"count", "sum_amount", "mean_amount", "last_amount", "time_since"} <= set(wrong)


def _laid(feature_set: FeatureSet, events: list[Happened], now: datetime, zone: str) -> EventHistory:
    history = history_of(events)
    feature_set.read(history, (), now, zone)
    return history


def bits(values: dict[str, object]) -> dict[str, str]:
    """Write values so that only equal ones are equal, to the last bit and the sign of a zero."""
    return {name: f"{type(value).__name__} {value!r}" for name, value in sorted(values.items())}
