"""Bank marketing: calls selling a term deposit, in the order of their dates.

S. Moro, P. Cortez, P. Rita (2014), Decision Support Systems 62:22-31; UCI "Bank Marketing", CC BY 4.0.
`duration` is known only after the call and is not read. "unknown" is a missing word, 999 in `pdays` means never.
"""

from __future__ import annotations

from benchmarks.learning.sets.folder import facts_of, find, predictors_of, table
from benchmarks.learning.stream import Answer, Stream, key
from opportune.records import ValueType

__all__ = ["read"]

WORDS = ["job", "marital", "education", "default", "housing", "loan", "contact", "month", "day_of_week", "poutcome"]
NUMBERS = [
    "age",
    "campaign",
    "pdays",
    "previous",
    "emp.var.rate",
    "cons.price.idx",
    "cons.conf.idx",
    "euribor3m",
    "nr.employed",
]
TYPES = dict.fromkeys(WORDS, ValueType.TEXT) | dict.fromkeys(NUMBERS, ValueType.NUMBER)
MISSING = dict.fromkeys(WORDS, "unknown") | {"pdays": "999"}


def read() -> Stream:
    """Read all calls; one action, the deposit."""
    rows = table(find("bank_marketing", "bank-additional-full.csv.gz"), separator=";")
    answers = [Answer(facts_of(row, TYPES, MISSING), 0, row["y"] == "yes") for row in rows]
    return Stream(predictors_of(TYPES), (key("savings", "deposit"),), answers, ordered=True, drifts=True)
