"""The Complete Journey: did a household redeem a coupon of the campaign it was mailed?

84.51°, packaged by B. Boehmke and S. Mortimer (CC0, MIT). One answer per (household, campaign), in the order in which
campaigns began. Facts: demographics, and what the household bought and redeemed before the first day of the campaign.
Campaigns begin throughout the year, so that new actions join relatives of their type.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import polars
from polars import col

from benchmarks.learning.sets.folder import find, predictors_of
from benchmarks.learning.stream import Answer, Stream, key
from opportune.records import Value, ValueType

__all__ = ["read"]

DEMOGRAPHICS = ["age", "income", "home_ownership", "marital_status", "household_size", "household_comp", "kids_count"]
PAST = [
    "baskets",
    "spent",
    "spent_28_days",
    "discount",
    "coupon_discount",
    "days_since_basket",
    "campaigns",
    "redemptions",
    "campaigns_redeemed",
]
TYPES = dict.fromkeys(DEMOGRAPHICS, ValueType.TEXT) | dict.fromkeys(PAST, ValueType.NUMBER)


def read() -> Stream:
    """Read all mailed campaigns."""
    campaigns = _read("campaign_descriptions").sort("start_date", "campaign_id")
    mailed = _read("campaigns").join(campaigns, on="campaign_id").sort("start_date", "campaign_id", "household_id")
    redeemed = _read("coupon_redemptions")
    pairs = set(redeemed.select("household_id", "campaign_id").unique().rows())
    place = {campaign: number for number, campaign in enumerate(campaigns["campaign_id"].to_list())}
    facts = _facts(mailed, redeemed)
    answers = [
        Answer(facts[household, campaign], place[campaign], (household, campaign) in pairs)
        for household, campaign in mailed.select("household_id", "campaign_id").rows()
    ]
    kinds = campaigns.select("campaign_type", "campaign_id").rows()
    candidates = tuple(key(kind, f"campaign {campaign}") for kind, campaign in kinds)
    return Stream(predictors_of(TYPES), candidates, answers, ordered=True, drifts=True)


def _read(name: str) -> polars.DataFrame:
    return polars.read_parquet(find("complete_journey", f"{name}.parquet"))


def _facts(mailed: polars.DataFrame, redeemed: polars.DataFrame) -> dict[tuple[int, int], dict[str, Value]]:
    """Give what was known of every (household, campaign) the moment before the campaign's first day."""
    demographics = {row["household_id"]: row for row in _read("demographics").iter_rows(named=True)}
    days = _days()
    found = {}
    for start, members in _by_start(mailed):
        bought = {row["household_id"]: row for row in _bought(days, start).iter_rows(named=True)}
        past = redeemed.filter(col("redemption_date") < start)
        redemptions = dict(past.group_by("household_id").len().rows())
        redeemers = dict(past.group_by("household_id").agg(col("campaign_id").n_unique()).rows())
        earlier = dict(mailed.filter(col("start_date") < start).group_by("household_id").len().rows())
        for household, campaign in members.select("household_id", "campaign_id").rows():
            known: dict[str, Value] = {
                "customer.campaigns": float(earlier.get(household, 0)),
                "customer.redemptions": float(redemptions.get(household, 0)),
                "customer.campaigns_redeemed": float(redeemers.get(household, 0)),
            }
            own = demographics.get(household, {})
            known |= {f"customer.{name}": str(own[name]) for name in DEMOGRAPHICS if own.get(name) is not None}
            row = bought.get(household, {})
            known |= {f"customer.{name}": float(row[name]) for name in PAST if row.get(name) is not None}
            found[household, campaign] = known
    return found


def _by_start(mailed: polars.DataFrame) -> Iterator[tuple[datetime, polars.DataFrame]]:
    for (start,), members in mailed.group_by("start_date"):
        assert isinstance(start, datetime)
        yield start, members


def _days() -> polars.DataFrame:
    """Sum the transactions of each household and day."""
    return (
        _read("transactions")
        .with_columns(col("transaction_timestamp").dt.truncate("1d").alias("day"))
        .group_by("household_id", "day")
        .agg(
            col("basket_id").n_unique().alias("baskets"),
            col("sales_value").sum().alias("spent"),
            col("retail_disc").sum().alias("discount"),
            col("coupon_disc").sum().alias("coupon_discount"),
        )
    )


def _bought(days: polars.DataFrame, start: datetime) -> polars.DataFrame:
    """Sum what each household bought before `start`."""
    recent = col("day") >= polars.lit(start) - timedelta(days=28)
    return (
        days.filter(col("day") < start)
        .group_by("household_id")
        .agg(
            col("baskets").sum(),
            # To the cent: sums in another order, as several threads take them, differ in their last bits.
            col("spent").sum().round(2),
            col("spent").filter(recent).sum().round(2).alias("spent_28_days"),
            col("discount").sum().round(2),
            col("coupon_discount").sum().round(2),
            (polars.lit(start) - col("day").max()).dt.total_days().alias("days_since_basket"),
        )
    )
