"""Contract tests for storages: subclass `StorageContract`, say how to open yours, and run pytest.

Example:
    class TestMyStorage(StorageContract):
        def open(self, folder, **ports):
            return MyStorage(folder / "store", **ports)
"""

from __future__ import annotations

from opportune.testing.storage.belonging import BelongingContract
from opportune.testing.storage.changes import ChangesContract
from opportune.testing.storage.corrections import CorrectionsContract, correct, withdraw
from opportune.testing.storage.decisions import DecisionsContract
from opportune.testing.storage.erasure import ErasureContract
from opportune.testing.storage.forgetting import ForgettingContract, fill, forget, naming
from opportune.testing.storage.groups import GroupsContract
from opportune.testing.storage.happenings import HappeningsContract
from opportune.testing.storage.journal import JournalContract
from opportune.testing.storage.limits import LimitsContract, ReservationsContract, reservation, reserving
from opportune.testing.storage.merges import MergesContract
from opportune.testing.storage.profiles import ProfilesContract
from opportune.testing.storage.repeats import RepeatsContract
from opportune.testing.storage.retention import RetentionContract
from opportune.testing.storage.revisions import RevisionsContract
from opportune.testing.storage.splits import SplitsContract, decide_for
from opportune.testing.storage.windows import WindowsContract
from opportune.testing.storage.writes import (
    LATER,
    NOON,
    accept,
    checkpoint,
    consent,
    event,
    join,
    merge,
    replacement,
    save_decision,
    save_profile,
    split,
)

__all__ = [
    "LATER",
    "NOON",
    "StorageContract",
    "accept",
    "checkpoint",
    "consent",
    "correct",
    "decide_for",
    "event",
    "fill",
    "forget",
    "join",
    "merge",
    "naming",
    "replacement",
    "reservation",
    "reserving",
    "save_decision",
    "save_profile",
    "split",
    "withdraw",
]


class StorageContract(
    JournalContract,
    ProfilesContract,
    DecisionsContract,
    RepeatsContract,
    WindowsContract,
    CorrectionsContract,
    RevisionsContract,
    ChangesContract,
    ErasureContract,
    MergesContract,
    RetentionContract,
    GroupsContract,
    ReservationsContract,
    LimitsContract,
    SplitsContract,
    BelongingContract,
    HappeningsContract,
    ForgettingContract,
):
    """Everything that a storage promises, in one class of tests."""
