"""Purchases of the bundled households as events for the retail pack: one for each department of each basket."""

from __future__ import annotations

import csv
import gzip
import io
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

__all__ = ["events"]

EXCERPT = Path(__file__).parent / "data" / "purchases.csv.gz"


def events(file: Path = EXCERPT) -> Iterator[dict[str, Any]]:
    """Give the events in the order of the file, which is that of time; rows as `opportune events import` reads them."""
    with gzip.open(file, "rt", encoding="utf-8", newline="") as text:
        for number, row in enumerate(csv.DictReader(text)):
            yield {
                "event_id": f"purchase-{number}",
                "type": "purchase",
                "customer": f"household-{row['household']}",
                "occurred_at": row["at"],
                "basket": row["basket"],
                "department": row["department"],
                "amount": float(row["amount"]),
                "discount": float(row["discount"]),
                "quantity": int(row["quantity"]),
            }


def excerpt(folder: Path, households: int) -> bytes:
    """Make the bundled file of the whole data set: the households with the smallest numbers.

    Args:
        folder: of the data set's Parquet files.
    """
    import polars as pl

    products = pl.read_parquet(folder / "products.parquet").select("product_id", "department")
    bought = pl.read_parquet(folder / "transactions.parquet").join(products, on="product_id", how="left")
    chosen = bought.select(pl.col("household_id").unique().sort()).head(households)
    at = pl.col("transaction_timestamp").dt.replace_time_zone("UTC").dt.strftime("%Y-%m-%dT%H:%M:%SZ")
    saved = (pl.col("retail_disc") + pl.col("coupon_disc") + pl.col("coupon_match_disc")).sum().round(2)
    rows = (
        bought.join(chosen, on="household_id")
        .group_by(
            household="household_id", basket="basket_id", department=pl.col("department").fill_null("UNKNOWN"), at=at
        )
        .agg(amount=pl.col("sales_value").sum().round(2), discount=saved, quantity=pl.col("quantity").sum())
        .sort("at", "basket", "department")
    )
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb", mtime=0) as file:
        file.write(
            rows.select("household", "at", "basket", "department", "amount", "discount", "quantity")
            .write_csv()
            .encode()
        )
    return packed.getvalue()


if __name__ == "__main__":
    with Path(sys.argv[1]).open("w", encoding="utf-8") as target:
        for event in events():
            target.write(json.dumps(event) + "\n")
