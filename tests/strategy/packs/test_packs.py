"""Feature packs: clean projects whose tests pass, and whose features say on data what one would count by hand."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from examples.bank.accounts import events as accounts
from examples.retail.data_mapping import EXCERPT, excerpt
from examples.retail.data_mapping import events as baskets
from examples.telecom.calls import events as calls
from opportune.customers.features import EventHistory
from opportune.decide.limits.windows import micros
from opportune.errors import ProjectError
from opportune.outcomes import new_model
from opportune.records import Value
from opportune.strategy import check_directory
from opportune.strategy.compile import compile_plan, registries
from opportune.strategy.compile_features import compile_features
from opportune.strategy.persona import run_persona, unexplored
from opportune.strategy.sections.features import FEATURE_KINDS
from opportune.strategy.starter import PACKS, copy_starter, pack_folder

ZONE = ZoneInfo("Europe/Warsaw")
DAY = timedelta(days=1)
HEAD = ("event_id", "type", "customer", "occurred_at")
Event = dict[str, Any]
Events = list[Event]


@pytest.mark.parametrize("pack", PACKS)
def test_a_pack_is_clean_and_passes_its_tests(pack: str, tmp_path: Path) -> None:
    copy_starter(tmp_path / "mine", pack)
    checked = check_directory(tmp_path / "mine")
    plan, read, features = unexplored(compile_plan(checked)), registries(checked.project), compile_features(checked)
    results = [run_persona(plan, read, new_model(plan, "numpy"), one, features) for one in checked.personas]

    assert checked.project.settings.name == "mine"
    assert {one.name: one.failures for one in results if not one.passed} == {}
    assert len(results) >= 5
    assert len(checked.project.features) >= 12


@pytest.mark.parametrize("pack", PACKS)
def test_every_file_of_a_pack_names_its_schema(pack: str) -> None:
    for path in pack_folder(pack).rglob("*.yaml"):
        if path.name != "group.yaml":
            assert path.read_text(encoding="utf-8").startswith("# yaml-language-server: $schema="), path


def test_packs_show_every_kind_of_feature() -> None:
    shown = {
        kind
        for pack in PACKS
        for feature in check_directory(pack_folder(pack)).project.features.values()
        for kind in FEATURE_KINDS
        if getattr(feature, kind) is not None
    }

    assert shown == set(FEATURE_KINDS)


def test_there_is_no_other_pack(tmp_path: Path) -> None:
    with pytest.raises(ProjectError, match="there is no pack 'retial'; did you mean 'retail'"):
        copy_starter(tmp_path / "mine", "retial")

    assert not (tmp_path / "mine").exists()


def read(pack: str, events: Iterable[Event], now: datetime) -> tuple[dict[str, dict[str, Value]], dict[str, Events]]:
    """Compute the features of a pack's customers at a moment; and give their events up to then."""
    features = compile_features(check_directory(pack_folder(pack)))
    own: dict[str, Events] = defaultdict(list)
    for event in events:
        if datetime.fromisoformat(event["occurred_at"]) <= now:
            attributes = {name: value for name, value in event.items() if name not in HEAD}
            own[event["customer"]].append({**event, "attributes": attributes})
    found = {}
    for customer, happened in own.items():
        history = EventHistory()
        for place, event in enumerate(happened):
            at = micros(datetime.fromisoformat(event["occurred_at"]))
            history.add(place, at, event["type"], event["attributes"])
        found[customer] = features.read(history, (), now, "Europe/Warsaw")
    return found, own


def lately(events: Events, now: datetime, length: timedelta, type_: str) -> Events:
    """Give the events of a type within a window; of days by the calendar."""
    local = now.astimezone(ZONE)
    begin = (local - length) if length >= DAY else now - length
    return [one for one in events if one["type"] == type_ and datetime.fromisoformat(one["occurred_at"]) > begin]


def local_hour(event: Event) -> int:
    return datetime.fromisoformat(event["occurred_at"]).astimezone(ZONE).hour


def check(
    found: dict[str, dict[str, Value]], own: dict[str, Events], by_hand: dict[str, Callable[[Events], Any]]
) -> None:
    assert len(own) >= 10
    for name, count in by_hand.items():
        values = {customer: found[customer].get(f"feature.{name}") for customer in own}
        assert values == {customer: pytest.approx(count(events)) for customer, events in own.items()}, name
        assert len(set(values.values())) > 1, name


def total(events: Events, attribute: str) -> float:
    return float(sum(one["attributes"][attribute] for one in events))


def test_calls_are_counted_as_by_hand() -> None:
    now = datetime(2026, 4, 10, 15, tzinfo=UTC)
    found, own = read("telecom", calls(customers=40, days=45), now)
    month = lambda events: lately(events, now, 30 * DAY, "call")  # noqa: E731
    out = lambda events: [one for one in month(events) if one["attributes"]["direction"] == "out"]  # noqa: E731

    check(
        found,
        own,
        {
            "calls_7d": lambda events: len(lately(events, now, 7 * DAY, "call")),
            "minutes_out_30d": lambda events: total(out(events), "minutes"),
            "numbers_30d": lambda events: len({one["attributes"]["number"] for one in month(events)}),
            "night_calls_30d": lambda events: sum(not 6 <= local_hour(one) < 22 for one in month(events)),
            "support_calls_30d": lambda events: sum(one["attributes"]["number"] == "support" for one in month(events)),
            "abroad_30d": lambda events: sum(one["attributes"]["abroad"] for one in month(events)),
            "km_7d": lambda events: total(lately(events, now, 7 * DAY, "movement"), "km"),
            "cells_7d": lambda events: len(
                {one["attributes"]["cell"] for one in lately(events, now, 7 * DAY, "movement")}
            ),
        },
    )


def test_baskets_are_counted_as_by_hand() -> None:
    check_baskets(baskets())


def check_baskets(events: Iterable[Event]) -> None:
    now = datetime(2017, 9, 1, 15, tzinfo=UTC)
    found, own = read("retail", events, now)
    quarter = lambda events: lately(events, now, 90 * DAY, "purchase")  # noqa: E731
    fresh = {"PRODUCE", "MEAT", "SEAFOOD", "DELI"}

    def share(events: Events) -> float | None:
        paid: Counter[bool] = Counter()
        for one in quarter(events):
            paid[one["attributes"]["department"] in fresh] += one["attributes"]["amount"]
        return paid[True] / paid.total() if paid.total() else None

    check(
        found,
        own,
        {
            "spend_30d": lambda events: total(lately(events, now, 30 * DAY, "purchase"), "amount"),
            "baskets_90d": lambda events: len({one["attributes"]["basket"] for one in quarter(events)}),
            "departments_90d": lambda events: len({one["attributes"]["department"] for one in quarter(events)}),
            "last_department": lambda events: events[-1]["attributes"]["department"],
            "saved_90d": lambda events: total(quarter(events), "discount"),
            "fresh_share_90d": share,
        },
    )


def test_accounts_are_counted_as_by_hand() -> None:
    now = datetime(2026, 4, 20, 12, tzinfo=UTC)
    found, own = read("bank", accounts(accounts=40, days=85), now)
    paid = lambda events: lately(events, now, 30 * DAY, "card_payment")  # noqa: E731
    told = lambda events, days: lately(events, now, days * DAY, "balance")  # noqa: E731

    check(
        found,
        own,
        {
            "balance_now": lambda events: told(events, 30)[-1]["attributes"]["amount"],
            "balance_min_30d": lambda events: min(one["attributes"]["amount"] for one in told(events, 30)),
            "overdrawn_90d": lambda events: sum(one["attributes"]["amount"] < 0 for one in told(events, 90)),
            "card_spend_30d": lambda events: total(paid(events), "amount"),
            "categories_30d": lambda events: len({one["attributes"]["category"] for one in paid(events)}),
            "abroad_14d": lambda events: sum(
                one["attributes"]["country"] != "PL" for one in lately(events, now, 14 * DAY, "card_payment")
            ),
        },
    )


def test_the_same_seed_makes_the_same_events_and_more_customers_leave_the_first_alone() -> None:
    assert list(calls(3, 5)) == list(calls(3, 5)) != list(calls(3, 5, seed=2))
    assert list(calls(5, 5))[: len(list(calls(3, 5)))] == list(calls(3, 5))
    assert list(accounts(3, 5)) == list(accounts(3, 5)) != list(accounts(3, 5, seed=2))


@pytest.mark.full
def test_the_bundled_baskets_are_those_of_the_data_set_and_the_pack_counts_those_of_many_more(tmp_path: Path) -> None:
    folder = os.environ.get("OPPORTUNE_DATA")
    if not folder:
        pytest.skip("OPPORTUNE_DATA names no folder")
    source = Path(folder) / "complete_journey"
    many = tmp_path / "many.csv.gz"
    many.write_bytes(excerpt(source, 300))

    assert excerpt(source, 20) == EXCERPT.read_bytes()
    check_baskets(baskets(many))
