"""What goes over the wire beside the records of the product itself."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from opportune.decide import Explanation
from opportune.records import Decision
from opportune.service.history import HistoryItem
from opportune.service.http.problems import Problem
from opportune.service.recalling import OutcomeLine
from opportune.service.runtime import ModelSummary

__all__ = [
    "BatchAnswer",
    "CustomerAnswer",
    "CustomerChange",
    "CustomerRow",
    "DecisionRecord",
    "Health",
    "HistoryAnswer",
    "ItemAnswer",
    "MergeAnswer",
    "ModelsAnswer",
    "ProfileAnswer",
    "Taken",
]


class Taken(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An outcome or event that is durable.

    Args:
        status: "recorded", or "repeated" where it was there already.
        sequence: its journal entry.
        ignored: names of what an event of another shape says and the strategy does not declare.
    """

    status: str
    sequence: int
    ignored: tuple[str, ...] = ()


class ItemAnswer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What became of one item of a batch.

    Args:
        status: "recorded", "repeated" or "refused".
        sequence: its journal entry; 0 where it was refused.
        code: why it was refused, one of the codes of errors.
        problems: all that is wrong with it, shortened where it is very much.
        ignored: names of what it says that the strategy does not declare and says to ignore, or, of an event of another
            shape, has no use for.
    """

    status: str
    sequence: int = 0
    code: str | None = None
    problems: tuple[Problem, ...] = ()
    ignored: tuple[str, ...] = ()


class BatchAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a batch; `items` in the order of the request."""

    recorded: int
    repeated: int
    refused: int
    items: tuple[ItemAnswer, ...]


class CustomerChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Attributes of a customer; null means missing (PUT) or removes (PATCH)."""

    attributes: dict[str, Any]


class CustomerRow(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One customer of a bulk import; `id` is the caller's identifier of the person."""

    id: str
    attributes: dict[str, Any]


class CustomerAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A profile was written.

    Args:
        version: counts the changes of the person's profile from 1.
        repeated: the same write was there already.
        ignored: names of attributes that the strategy does not declare and says to ignore.
    """

    version: int
    repeated: bool
    ignored: tuple[str, ...]


class ProfileAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What is stored of a customer; `withheld` attributes are not for the role that was asked for."""

    version: int
    attributes: dict[str, Any]
    withheld: int


class MergeAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Both identifiers lead to one customer.

    Args:
        status: "recorded", or "repeated" where they did already.
        version: of the united profile; 0 where there is none.
    """

    status: str
    version: int


class HistoryAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What happened to a customer, newest first.

    Args:
        before: to be sent as `before` for what is older; null where nothing is.
    """

    entries: tuple[HistoryItem, ...]
    before: int | None


class DecisionRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A decision as kept, with its explanation.

    Args:
        decision: the whole record; bytes in base64.
        explanation: what became of every candidate, and why; null where its revision cannot be compiled any more.
            Its `scores` are "recomputed" with the model as it was, or "recorded" where that is gone.
        outcomes: all reports about it, in the order of their arrival.
        reportable: outcome types that its channel could report; null where `explanation` is.
        withheld: facts left out, with all that tells of them, as not for the role that was asked for.
    """

    decision: Decision
    explanation: Explanation | None
    outcomes: tuple[OutcomeLine, ...]
    reportable: tuple[str, ...] | None
    withheld: int


class ModelsAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """All models that serve."""

    models: tuple[ModelSummary, ...]


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """State of the service.

    Args:
        status: "ok", or "starting".
        revision: of the strategy that decides.
        at: the service's clock.
    """

    status: str
    revision: str
    at: datetime
