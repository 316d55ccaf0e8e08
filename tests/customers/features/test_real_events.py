"""Real events: features online are those in batch and those counted anew, for all kinds and windows.

A year of a grocery chain's households, and a month of a coffee house's customers; 200,000 events, of which a part
becomes known late. Data that are not part of the product: in the folder that OPPORTUNE_DATA names.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from opportune.customers.features import EventHistory, Feature, FeatureSet
from opportune.customers.features.batch import ColumnWriter, EventFile, PointFile, parts_of, values_at
from opportune.decide.limits.windows import micros
from opportune.records import Value
from tests.customers.features.naive import Happened
from tests.customers.features.world import LENGTHS, REGISTRIES, differences, every_kind

pytestmark = [pytest.mark.full, pytest.mark.timeout(1_800)]

ZONE = "America/New_York"
EVENTS = 100_000
"""Of each of the two."""
COLUMNS = ("customer", "type", "occurred_at", "amount", "pieces", "category", "gift", "tags", "due")
Persons = dict[str, list[Happened]]


@pytest.fixture(scope="module")
def data() -> Path:
    folder = os.environ.get("OPPORTUNE_DATA")
    if not folder:
        pytest.skip("OPPORTUNE_DATA names no folder")
    return Path(folder)


def groceries(data: Path) -> pl.DataFrame:
    """What households bought, the campaigns that reached them, and the coupons that they redeemed."""
    folder = data / "complete_journey"
    products = pl.read_parquet(folder / "products.parquet").select("product_id", "department", "brand")
    bought = pl.read_parquet(folder / "transactions.parquet").join(products, on="product_id", how="left")
    purchases = bought.select(
        customer=pl.col("household_id").cast(pl.String),
        type=pl.lit("purchase"),
        occurred_at=pl.col("transaction_timestamp").dt.cast_time_unit("us").dt.replace_time_zone("UTC"),
        amount=pl.col("sales_value"),
        pieces=pl.col("quantity").cast(pl.Int64),
        category=pl.when(pl.col("department") == "GROCERY").then(pl.lit("fresh")).otherwise(pl.col("department")),
        gift=pl.col("coupon_disc") > 0,
        tags=pl.concat_list(pl.col("department", "brand").fill_null("unknown")),
        due=pl.lit(None, pl.Datetime("us", "UTC")),
    )
    started = pl.read_parquet(folder / "campaign_descriptions.parquet").select("campaign_id", "start_date")
    mailed = pl.read_parquet(folder / "campaigns.parquet").join(started, on="campaign_id")
    redeemed = pl.read_parquet(folder / "coupon_redemptions.parquet")
    others = [
        _plain(mailed, "call", "household_id", "start_date"),
        _plain(redeemed, "view", "household_id", "redemption_date"),
    ]
    return pl.concat([purchases, *others], how="diagonal")


def _plain(table: pl.DataFrame, kind: str, customer: str, day: str) -> pl.DataFrame:
    moment = pl.col(day).cast(pl.Date).cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
    return table.select(customer=pl.col(customer).cast(pl.String), type=pl.lit(kind), occurred_at=moment)


def coffee(data: Path) -> pl.DataFrame:
    """What customers bought, and the offers that they got and saw; the month holds a change of clocks."""
    table = pl.read_parquet(data / "starbucks_offers" / "transcript.parquet")
    kinds = {"transaction": "purchase", "offer received": "call", "offer viewed": "view"}
    table = table.filter(pl.col("event").is_in(list(kinds)))
    start = pl.lit(datetime(2026, 2, 20, 5, tzinfo=UTC))
    return table.select(
        customer=pl.col("person"),
        type=pl.col("event").replace_strict(kinds),
        occurred_at=(start + pl.duration(hours="time")).dt.cast_time_unit("us"),
        amount=pl.col("amount").cast(pl.Float64),
        pieces=pl.col("amount").cast(pl.Float64).round().cast(pl.Int64),
        category=pl.col("offer_id"),
        gift=pl.col("reward").cast(pl.Float64) > 0,
        due=start + pl.duration(hours="time") + pl.duration(days=7),
    ).with_columns(tags=pl.lit(None, pl.List(pl.String)))


def sample(table: pl.DataFrame) -> pl.DataFrame:
    """Take whole customers until there are enough events; some events become known up to three days late."""
    sizes = table.group_by("customer").len().sort("customer").with_columns(until=pl.col("len").cum_sum())
    kept = sizes.filter(pl.col("until").shift(1, fill_value=0) < EVENTS)
    table = table.join(kept.select("customer"), on="customer", how="semi").sort("customer", "occurred_at", "type")
    drawn = random.Random(7)
    late = [0 if drawn.random() < 0.8 else drawn.randrange(3 * 86_400) for _ in range(len(table))]
    return table.with_columns(recorded_at=pl.col("occurred_at") + pl.duration(seconds=pl.Series(late)))


def persons_of(table: pl.DataFrame) -> Persons:
    persons: Persons = {}
    names = [name for name in COLUMNS[3:] if name in table.columns]
    for key, row in enumerate(table.iter_rows(named=True)):
        known = {name: row[name] for name in names if row[name] is not None}
        one = Happened(key, row["occurred_at"], row["type"], known, row["recorded_at"])
        persons.setdefault(row["customer"], []).append(one)
    return persons


def features() -> list[Feature]:
    """Give every kind over every window, each name with its window; some with a condition."""
    found = []
    for place, within in enumerate(LENGTHS):
        where = (None, "event.amount >= 5", "event.gift || event.pieces > 1")[place % 3]
        for one in every_kind(within, where):
            found.append(_renamed(one, f"{one.name}_{place}"))
    return found


def _renamed(feature: Feature, name: str) -> Feature:
    values = {slot: getattr(feature, slot) for slot in Feature.__slots__}
    return Feature(**{**values, "name": name})


def moments(events: list[Happened], number: int) -> list[datetime]:
    """Give moments at which it gets close: of an event, and one window after one."""
    drawn = random.Random(len(events))
    found = []
    for _ in range(number):
        event = drawn.choice(events)
        length = drawn.choice([one for one in LENGTHS if one is not None])
        found.append(drawn.choice([event.at, event.at + timedelta(days=length.days, seconds=length.seconds)]))
    return sorted(found)


def online(feature_set: FeatureSet, events: list[Happened], points: list[datetime]) -> Iterator[dict[str, Value]]:
    """Add events as they become known, and read at every point."""
    history, waiting = EventHistory(), sorted(events, key=lambda event: (event.recorded, event.key))
    for point in points:
        while waiting and waiting[0].recorded is not None and waiting[0].recorded <= point:
            event = waiting.pop(0)
            history.add(event.key, micros(event.at), event.type, event.attributes)
        yield feature_set.read(history, (), point, ZONE)


def from_files(
    folder: Path, feature_set: FeatureSet, table: pl.DataFrame, asked: pl.DataFrame, as_known: bool
) -> list[dict[str, Any]]:
    """Compute all through files, as the command does."""
    table.write_parquet(folder / "events.parquet")
    asked.write_parquet(folder / "points.parquet")
    source = EventFile(folder / "events.parquet", feature_set.read_of, REGISTRIES, as_known)
    with ColumnWriter(folder / "out.parquet", feature_set.keys) as writer:
        for part in parts_of(PointFile(folder / "points.parquet"), source):
            for one in part:
                points = [point._replace(zone=ZONE) for point in one.points]
                writer.add(one.customer, points, values_at(feature_set, {"person": (one.events, ())}, points, as_known))
    return pl.read_parquet(folder / "out.parquet").to_dicts()


@pytest.mark.parametrize("read", [groceries, coffee], ids=["complete_journey", "starbucks_offers"])
def test_online_is_batch_is_counted_anew(data: Path, tmp_path: Path, read: Any) -> None:
    table = sample(read(data))
    persons, declared = persons_of(table), features()
    feature_set = FeatureSet(declared, REGISTRIES)
    asked = {name: moments(events, 2) for name, events in sorted(persons.items())}
    points = pl.DataFrame([{"customer": name, "at": at} for name, ats in asked.items() for at in ats])

    batch = iter(from_files(tmp_path, feature_set, table, points, as_known=True))
    whole = iter(from_files(tmp_path, feature_set, table, points, as_known=False))

    compared, checked = 0, random.Random(3)
    for name, ats in asked.items():
        events = persons[name]
        for at, values in zip(ats, online(feature_set, events, ats), strict=True):
            assert known(next(batch)) == values, (name, at)
            all_then = known(next(whole))
            # Counting anew takes long: some of the points are enough.
            if checked.random() < 0.1:
                seen = [event for event in events if event.recorded is not None and event.recorded <= at]
                assert differences(declared, seen, values, at, ZONE) == [], (name, at)
                assert differences(declared, events, all_then, at, ZONE) == [], (name, at)
                compared += 2 * len(declared)
    print(f"{len(table):,} events, {len(points):,} points, {len(declared)} features, {compared:,} values counted anew")
    assert len(table) >= EVENTS
    assert compared > 10_000


def known(row: dict[str, Any]) -> dict[str, Value]:
    return {name: value for name, value in row.items() if name.startswith("feature.") and value is not None}


def test_a_wrong_border_would_be_found(data: Path) -> None:
    persons, declared = persons_of(sample(coffee(data)).head(3_000)), features()
    feature_set = FeatureSet(declared, REGISTRIES)

    wrong = set()
    for events in persons.values():
        for at in moments(events, 2):
            values = next(
                online(feature_set, [Happened(e.key, e.at, e.type, e.attributes, e.at) for e in events], [at])
            )
            wrong.update(differences(declared, events, values, at, ZONE, closed=True))

    assert len(wrong) > 20
