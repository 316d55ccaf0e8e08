"""Where the journal and what follows from it are kept; one contract, one file per backend."""

from __future__ import annotations

from collections.abc import Callable

from opportune.errors import StoreError
from opportune.storage.anchor import Anchor
from opportune.storage.base import Storage
from opportune.storage.checks import id_fault, moment_fault
from opportune.storage.contacts import Contacts
from opportune.storage.copying import copy_storage
from opportune.storage.entries import Entry
from opportune.storage.histories import Happening, History
from opportune.storage.kinds import (
    ChangeBody,
    ConsentBody,
    ConsentPayload,
    DecisionBody,
    DecisionPayload,
    ErasureBody,
    EventBody,
    EventPayload,
    ForgetBody,
    Kind,
    MemberBody,
    MemberPayload,
    MergeBody,
    MergePayload,
    ModelBody,
    OutcomeBody,
    ProfileBody,
    ProfilePayload,
    ReleaseBody,
    RevisionBody,
    SplitBody,
    SwitchBody,
)
from opportune.storage.parting import decision_of
from opportune.storage.reservations import DueLease, ReservationState, StockCount, StoredReservation
from opportune.storage.retention import Retired, retire
from opportune.storage.sqlite import SqliteStorage
from opportune.storage.stored import (
    Committed,
    Consent,
    Counts,
    DueWindow,
    Erasure,
    KnownMerge,
    KnownPerson,
    ModelState,
    OwnValues,
    Profile,
    Revision,
    RevisionNote,
    StoredDecision,
    StoredOutcome,
    Switch,
    Unit,
    orders_of,
)
from opportune.storage.verify import verify_storage
from opportune.storage.writer import GroupWriter
from opportune.storage.writes import (
    AdoptModel,
    ChangeModels,
    DropValues,
    ErasePayloads,
    ErasePerson,
    JoinUnit,
    MergePersons,
    Receipt,
    RecordConsent,
    RecordEvent,
    RecordOutcome,
    ReleaseLeases,
    RepeatErasure,
    SaveDecision,
    SaveProfile,
    SaveRevision,
    SplitPersons,
    SwitchAction,
    WindowOpened,
    Write,
)

__all__ = [
    "BACKENDS",
    "AdoptModel",
    "Anchor",
    "ChangeBody",
    "ChangeModels",
    "Committed",
    "Consent",
    "ConsentBody",
    "ConsentPayload",
    "Contacts",
    "Counts",
    "DecisionBody",
    "DecisionPayload",
    "DropValues",
    "DueLease",
    "DueWindow",
    "Entry",
    "ErasePayloads",
    "ErasePerson",
    "Erasure",
    "ErasureBody",
    "EventBody",
    "EventPayload",
    "ForgetBody",
    "GroupWriter",
    "Happening",
    "History",
    "JoinUnit",
    "Kind",
    "KnownMerge",
    "KnownPerson",
    "MemberBody",
    "MemberPayload",
    "MergeBody",
    "MergePayload",
    "MergePersons",
    "ModelBody",
    "ModelState",
    "OutcomeBody",
    "OwnValues",
    "Profile",
    "ProfileBody",
    "ProfilePayload",
    "Receipt",
    "RecordConsent",
    "RecordEvent",
    "RecordOutcome",
    "ReleaseBody",
    "ReleaseLeases",
    "RepeatErasure",
    "ReservationState",
    "Retired",
    "Revision",
    "RevisionBody",
    "RevisionNote",
    "SaveDecision",
    "SaveProfile",
    "SaveRevision",
    "SplitBody",
    "SplitPersons",
    "SqliteStorage",
    "StockCount",
    "Storage",
    "StoredDecision",
    "StoredOutcome",
    "StoredReservation",
    "Switch",
    "SwitchAction",
    "SwitchBody",
    "Unit",
    "WindowOpened",
    "Write",
    "copy_storage",
    "decision_of",
    "id_fault",
    "moment_fault",
    "open_storage",
    "orders_of",
    "retire",
    "verify_storage",
]


def _open_sqlite(url: str, read_only: bool, for_copy: bool) -> Storage:
    path = url.partition("://")[2]
    if not path.startswith("/") or path == "/":
        raise StoreError(
            "store URL: expected sqlite:/// and a path, found another host or no path; add the third slash"
        )
    return SqliteStorage(path[1:], read_only=read_only, for_copy=for_copy)


def _open_postgresql(url: str, read_only: bool, for_copy: bool) -> Storage:
    # Here and not above: the driver takes a tenth of a second to load, and a store in a file needs none.
    from opportune.storage.postgres import PostgresStorage

    return PostgresStorage(url, read_only=read_only, for_copy=for_copy)


BACKENDS: dict[str, Callable[[str, bool, bool], Storage]] = {
    "sqlite": _open_sqlite,
    "postgresql": _open_postgresql,
    "postgres": _open_postgresql,
}
"""URL scheme → what opens such a URL, for reading only or not, to copy into it or not."""


def open_storage(url: str, *, read_only: bool = False, for_copy: bool = False) -> Storage:
    """Open the store at a URL such as "sqlite:///var/lib/opportune.db" or "postgresql://user@host/base", or at a path.

    With SQLite, three slashes begin a path from the working folder, four an absolute one.

    Args:
        read_only: do not write; works beside a process that does.
        for_copy: an interrupted copy into it is welcome.

    Raises:
        StoreError: the scheme has no backend, or the store cannot be opened.
    """
    scheme, separator, _ = url.partition("://")
    if not separator:
        opened: Storage = SqliteStorage(url, read_only=read_only, for_copy=for_copy)
        opened.url = url
        return opened
    backend = BACKENDS.get(scheme)
    if backend is None:
        known = ", ".join(f"{name}://" for name in BACKENDS)
        raise StoreError(f"store URL: expected {known} or a path, found the scheme {scheme!r}; change the URL")
    opened = backend(url, read_only, for_copy)
    opened.url = url
    return opened
