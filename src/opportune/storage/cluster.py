"""What the processes of one installation tell one another: beside the journal, and lost without harm."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from datetime import datetime
from hashlib import blake2b

import msgspec

__all__ = [
    "REPORT_SECONDS",
    "Cluster",
    "Leadership",
    "LiveModel",
    "Notice",
    "ProcessReport",
    "Watch",
    "identifier_mark",
]

REPORT_SECONDS = 60
"""How long a process that is heard of no more stays listed."""

_MARK_BYTES = 8
"""Two identifiers share a mark once in 2**64: the other one is then read anew, which costs a look-up."""


def identifier_mark(kind: str, value: str) -> str:
    """Short digest by which a notice names an identifier.

    It keeps identifiers out of the store's logs and off the wire, no more: who can guess an identifier can test the
    guess. Marks pass from process to process and are never stored.
    """
    return blake2b(f"{kind}\0{value}".encode(errors="surrogatepass"), digest_size=_MARK_BYTES).hexdigest()


class Notice(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Something that was committed by any process, this one included.

    Args:
        last: sequence of the last entry at that commit.
        outcomes: whether outcomes are among the new entries.
        changes: whether changes of models are among the new entries.
        switches: whether an action or a group was switched off or on.
        revision: number of the revision that became the current one; None where it stays.
        persons: internal ids whose profile, identifiers or attributes changed.
        identifiers: keys, by `identifier_mark`, of identifiers that lead to a person since then.
        model: position of a live model that was posted; None where none was.
        missed: notices may have been lost before this one: forget what is cached and read anew.
    """

    last: int = 0
    outcomes: bool = False
    changes: bool = False
    switches: bool = False
    revision: int | None = None
    persons: tuple[str, ...] = ()
    identifiers: tuple[str, ...] = ()
    model: int | None = None
    missed: bool = False


class LiveModel(msgspec.Struct, frozen=True, kw_only=True):
    """What the learner learned last, for the processes that decide: one per name, the last one posted wins.

    Not part of the journal: the same state follows from the last checkpoint and the journal behind it.

    Args:
        name: of the model.
        revision: content hash of the strategy whose plan the model is bound to.
        position: last journal entry that it has learned.
        hash: digest of the learned state.
        state: bytes of the snapshot.
    """

    name: str
    revision: str
    position: int
    hash: str
    state: bytes


class ProcessReport(msgspec.Struct, frozen=True, kw_only=True):
    """One process of the installation, by its own word.

    Args:
        id: unique among all processes of all hosts and times.
        host: name of its machine; `pid` its process there.
        role: "embedded", "decider", "learner" or "standby".
        address: where it takes requests, such as "127.0.0.1:8080"; "" where it takes none.
        revision: number of the revision that it decides with; 0 before the first.
        model: name of the model.
        position: last journal entry that its model has learned.
        lag: of one that learns, entries of the journal that it has not looked at; of a decider, entries between its
            model and the last one that was posted.
        started_at: when the process began.
        seen_at: when the report was written.
        quality: what it counted of the data of its decisions, as the service writes it; empty where it counts nothing.
    """

    id: str
    host: str
    pid: int
    role: str
    address: str
    revision: int
    model: str
    position: int
    lag: int
    started_at: datetime
    seen_at: datetime
    quality: bytes = b""


class Watch(ABC):
    """Delivers notices until it is closed."""

    @abstractmethod
    def close(self) -> None:
        """End it; no notice comes after this returned."""


class Leadership(ABC):
    """A role that one process of the installation holds at a time; lost with the connection or the process."""

    @abstractmethod
    def held(self) -> bool:
        """Ask the store whether the role is still held; blocks for at most a second."""

    @abstractmethod
    def release(self) -> None:
        """Give it up."""


class Cluster(ABC):
    """How processes of one installation find, hear and relieve one another.

    All methods may be called from any thread and raise `StoreError` where the store cannot be reached, unless they say
    otherwise.
    """

    shared: bool
    """Whether several processes may write to the store at the same time."""

    @abstractmethod
    def watch(self, on_notice: Callable[[Notice], None]) -> Watch:
        """Call `on_notice` for every commit that others must know of, in a thread of its own, in order of the commits.

        Those are outcomes, revisions, changes of models and of persons, switches, and live models; of decisions and
        events alone nobody is told, since nothing that is cached for longer than a moment depends on them. `on_notice`
        must be quick and must not raise.
        A lost connection is opened again by itself; the first notice after that has `missed` set.
        The first notice of all has `missed` set too: what was read before it may be old.
        """

    @abstractmethod
    def lead(self, role: str) -> Leadership | None:
        """Take a role, or None where another process holds it; does not wait."""

    @abstractmethod
    def post(self, model: LiveModel) -> None:
        """Make a state the live one of its name and tell everybody."""

    @abstractmethod
    def live(self, name: str) -> LiveModel | None:
        """The live state of a model; None where none was posted. The caller checks it against its hash."""

    @abstractmethod
    def report(self, process: ProcessReport) -> None:
        """Write or renew the report of a process."""

    @abstractmethod
    def withdraw(self, process_id: str) -> None:
        """Remove the report of a process that ends."""

    @abstractmethod
    def processes(self) -> list[ProcessReport]:
        """Reports of the last minute, by host and pid."""
