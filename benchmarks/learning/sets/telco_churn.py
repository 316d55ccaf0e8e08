"""Telco churn: who left in the last month. Sample data of a fictional company (IBM, Apache-2.0).

The id is not read; `TotalCharges` is blank in 11 rows.
"""

from __future__ import annotations

from benchmarks.learning.sets.folder import facts_of, find, predictors_of, table
from benchmarks.learning.stream import Answer, Stream, key
from opportune.records import ValueType

__all__ = ["read"]

WORDS = [
    "gender",
    "Partner",
    "Dependents",
    "PhoneService",
    "MultipleLines",
    "InternetService",
    "OnlineSecurity",
    "OnlineBackup",
    "DeviceProtection",
    "TechSupport",
    "StreamingTV",
    "StreamingMovies",
    "Contract",
    "PaperlessBilling",
    "PaymentMethod",
]
NUMBERS = ["tenure", "MonthlyCharges", "TotalCharges"]
TYPES = (
    dict.fromkeys(WORDS, ValueType.TEXT)
    | dict.fromkeys(NUMBERS, ValueType.NUMBER)
    | {"SeniorCitizen": ValueType.BOOLEAN}
)


def read() -> Stream:
    """Read all customers; one action, whose outcome is leaving."""
    rows = table(find("telco_churn", "Telco-Customer-Churn.csv.gz"))
    answers = [Answer(facts_of(row, TYPES, {}), 0, row["Churn"] == "Yes") for row in rows]
    return Stream(predictors_of(TYPES), (key("retention", "leave"),), answers)
