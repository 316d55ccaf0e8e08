"""How a row of IBM's churn sample becomes a customer; run as a program, it writes them for `opportune import`.

usage: python examples/telecom/data_mapping.py customers.jsonl

The nine product columns become one list. A blank amount is a missing value and has no key. `Churn` is left out: it
tells what happened afterwards, and nobody knows it in the moment of the call.
"""

from __future__ import annotations

import csv
import gzip
import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from opportune.records import Value

__all__ = ["PROFILES", "Customer", "attributes", "rows"]

PROFILES = Path(__file__).parent / "data" / "Telco-Customer-Churn.csv.gz"
PRODUCTS = {
    ("PhoneService", "Yes"): "phone",
    ("MultipleLines", "Yes"): "multiple_lines",
    ("InternetService", "DSL"): "dsl",
    ("InternetService", "Fiber optic"): "fiber",
    ("OnlineSecurity", "Yes"): "online_security",
    ("OnlineBackup", "Yes"): "online_backup",
    ("DeviceProtection", "Yes"): "device_protection",
    ("TechSupport", "Yes"): "tech_support",
    ("StreamingTV", "Yes"): "streaming_tv",
    ("StreamingMovies", "Yes"): "streaming_movies",
}


@dataclass(frozen=True, slots=True)
class Customer:
    """One customer: the identifier and what is known of them."""

    id: str
    attributes: dict[str, Value]


def attributes(row: Mapping[str, str]) -> dict[str, Value]:
    """Give the customer's attributes."""
    known: dict[str, Value] = {
        "gender": row["gender"],
        "senior": row["SeniorCitizen"] == "1",
        "partner": row["Partner"] == "Yes",
        "dependents": row["Dependents"] == "Yes",
        "tenure_months": int(row["tenure"]),
        "products": [product for (column, cell), product in PRODUCTS.items() if row[column] == cell],
        "contract": row["Contract"],
        "paperless_billing": row["PaperlessBilling"] == "Yes",
        "payment_method": row["PaymentMethod"],
        "monthly_charges": float(row["MonthlyCharges"]),
    }
    if row["TotalCharges"].strip():
        known["total_charges"] = float(row["TotalCharges"])
    return known


def rows(path: Path = PROFILES) -> Iterator[Customer]:
    """Read all customers."""
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            yield Customer(row["customerID"], attributes(row))


def main(target: str) -> None:
    """Write all customers as JSON Lines, one object of identifier and attributes each."""
    with Path(target).open("w", encoding="utf-8") as file:
        for customer in rows():
            file.write(json.dumps({"id": customer.id, **customer.attributes}) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
