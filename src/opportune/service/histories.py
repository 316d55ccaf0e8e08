"""The past of persons: contacts, events and consents, in memory as far as there is room.

What is in memory may be behind what other processes wrote. That costs a second draw and never a wrong answer: a
decision says up to which journal entry it knew its person, and the store refuses it where there is a newer one.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import Iterable
from concurrent.futures import Executor
from datetime import datetime
from functools import partial
from itertools import islice

from opportune.records import Contact
from opportune.service.needs import Needs
from opportune.service.pasts import Past, read_past
from opportune.storage import Entry, Storage
from opportune.storage.entries import to_microseconds
from opportune.storage.kinds import DecisionBody, EventPayload, Kind

__all__ = ["Histories", "Past"]

SHOWN = "shown"
READS_MAX = 64
"""Reads under way that go on though nobody waits for them any more."""
MEANWHILE_MAX = 10_000
"""Entries that are remembered while the store is being read."""


class _Read:
    """A read of a person's past under way.

    Attributes:
        key, person: by which it is read, and whose.
        begin: how many entries had come when it began.
        waiting: how many decisions wait for it.
        is_whole: whether what it gives may be kept: nothing was forgotten meanwhile.
    """

    __slots__ = ("begin", "is_whole", "key", "person", "task", "waiting")

    def __init__(self, key: str, person: str, begin: int) -> None:
        self.key = key
        self.person = person
        self.begin = begin
        self.waiting = 0
        self.is_whole = True
        self.task: asyncio.Task[Past]


class Histories:
    """The pasts used last; lives in the event loop's thread, but for what it has the reader do.

    Args:
        reader: where the store is read.
        entries_max: contacts and events that are kept in memory, of all persons together; of one alone it may be more.
    """

    def __init__(self, storage: Storage, reader: Executor, entries_max: int) -> None:
        self._storage = storage
        self._reader = reader
        self._entries_max = entries_max
        self._needs = Needs()
        self._kept: OrderedDict[str, Past] = OrderedDict()
        self._by_key: dict[str, str] = {}
        self._person_of: dict[str, str] = {}
        """Internal id of a person or of one who became one with it → whose past holds it."""
        self._meanwhile: deque[tuple[str, Entry, bool]] = deque()
        """What came while the store was being read: of which person, and whether that changed who is one."""
        self._dropped = 0
        """How many of those nobody needs any more."""
        self._reads: set[_Read] = set()
        self._under_way: dict[str, _Read] = {}
        """Internal id of a person → the read that others may wait for too."""
        self.follows = False
        """Whether `take` gets every entry that is committed, whoever writes it."""
        self.entries = 0
        """Contacts and events in memory."""
        self.reads = 0
        """How often the store was asked since the start."""

    @property
    def persons(self) -> int:
        """Persons whose past is in memory."""
        return len(self._kept)

    async def of(self, needs: Needs, key: str, person: str, now: datetime) -> Past:
        """Give a person's past.

        Args:
            key: by which the store finds the person.
            person: internal id.

        Raises:
            StoreError: the store cannot be read.
        """
        if needs != self._needs:
            self.forget_all()
            self._needs = needs
        owner = self._person_of.get(person, "")
        known = self._kept.get(owner)
        if known is not None:
            self._kept.move_to_end(owner)
            if not needs.levels:
                return known
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._reader, read_past, self._storage, needs, key, known, now)
        read = self._under_way.get(person)
        if read is None:
            read = self._begin(needs, key, person, now)
        return await self._wait(read)

    async def close(self) -> None:
        """End the reads that are under way."""
        tasks = [read.task for read in self._reads]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _begin(self, needs: Needs, key: str, person: str, now: datetime) -> _Read:
        """Begin to read a past, which is kept whenever it comes: what takes longer than a deadline helps the next."""
        read = _Read(key, person, self._dropped + len(self._meanwhile))
        read.task = asyncio.get_running_loop().create_task(self._read_whole(read, needs, now))
        read.task.add_done_callback(partial(self._end_read, read))
        self._reads.add(read)
        self._under_way[person] = read
        self.reads += 1
        return read

    async def _read_whole(self, read: _Read, needs: Needs, now: datetime) -> Past:
        loop = asyncio.get_running_loop()
        past = await loop.run_in_executor(self._reader, read_past, self._storage, needs, read.key, None, now)
        # Who was one with the person as the caller knows it, and is one no more, has a past of its own.
        if read.is_whole and needs == self._needs and read.person in past.members:
            self._keep(read.person, read.key, past, list(self._came_since(read.begin)))
        return past

    async def _wait(self, read: _Read) -> Past:
        read.waiting += 1
        try:
            return await asyncio.shield(read.task)
        finally:
            read.waiting -= 1
            # Where the store cannot keep up, reads that nobody waits for would pile up.
            if not read.waiting and len(self._reads) > READS_MAX:
                read.task.cancel()
                self._leave(read)

    def _came_since(self, begin: int) -> Iterable[tuple[str, Entry, bool]]:
        return islice(self._meanwhile, begin - self._dropped, None)

    def _came(self, person: str, entry: Entry, is_move: bool) -> None:
        """Remember an entry for the reads that are under way."""
        if not self._reads:
            return
        self._meanwhile.append((person, entry, is_move))
        if len(self._meanwhile) > MEANWHILE_MAX:
            for read in self._reads:
                read.is_whole = False
            self._dropped += len(self._meanwhile)
            self._meanwhile.clear()

    def _end_read(self, read: _Read, task: asyncio.Task[Past]) -> None:
        self._leave(read)
        if not task.cancelled():
            # Nobody may be waiting for it any more.
            task.exception()

    def _leave(self, read: _Read) -> None:
        """Forget a read, and what came before all that are still under way."""
        self._reads.discard(read)
        if self._under_way.get(read.person) is read:
            del self._under_way[read.person]
        needed = min((one.begin for one in self._reads), default=self._dropped + len(self._meanwhile))
        while self._dropped < needed:
            self._meanwhile.popleft()
            self._dropped += 1

    def _keep(self, person: str, key: str, past: Past, came: Iterable[tuple[str, Entry, bool]]) -> None:
        """Keep what was read, with what came meanwhile, unless that changed who is one."""
        members = {*past.members, person}
        news = [(entry, is_move) for one, entry, is_move in came if entry.sequence > past.last and one in members]
        if any(is_move for _, is_move in news):
            return
        for member in members:
            self.forget(member)
        # Units are read anew each time.
        kept = Past(past.last, past.contacts, past.events, past.consents, tuple(members)) if past.units else past
        kept.key, kept.members = key, tuple(members)
        self._kept[person] = kept
        self._by_key[key] = person
        self._person_of.update(dict.fromkeys(members, person))
        self._grow(kept.size)
        for entry, _ in news:
            if self._kept.get(person) is kept and entry.sequence > kept.last:
                self._take(person, entry)

    def _grow(self, size: int) -> None:
        """Count entries that came, and drop the pasts that were used longest ago where there is no room for them."""
        self.entries += size
        while self.entries > self._entries_max and len(self._kept) > 1:
            self._drop(next(iter(self._kept)))

    def forget(self, person: str | None) -> None:
        """Drop a person's past: it is not whole."""
        if person is None:
            return
        read = self._under_way.pop(person, None)
        if read is not None:
            read.is_whole = False
        owner = self._person_of.get(person)
        if owner is not None:
            self._drop(owner)

    def _drop(self, owner: str) -> None:
        past = self._kept.pop(owner)
        self.entries -= past.size
        self._by_key.pop(past.key, None)
        for member in past.members:
            self._person_of.pop(member, None)

    def forget_key(self, key: str) -> None:
        """Drop the past that was read by a key."""
        for person in [person for person, read in self._under_way.items() if read.key == key]:
            self.forget(person)
        self.forget(self._by_key.get(key))

    def holds(self, person: str) -> bool:
        """Whether a person's past is in memory."""
        return person in self._person_of

    def forget_all(self) -> None:
        """Drop everything."""
        for read in self._reads:
            read.is_whole = False
        self._under_way.clear()
        self._kept.clear()
        self._by_key.clear()
        self._person_of.clear()
        self.entries = 0

    def take(self, entries: Iterable[Entry]) -> None:
        """Take in what was committed, where nobody else writes to the store: every entry, in journal order."""
        for entry in entries:
            if entry.kind is Kind.ERASURE:
                self.forget_all()
            if entry.person is None:
                continue
            self._came(entry.person, entry, False)
            owner = self._person_of.get(entry.person)
            if owner is not None and entry.sequence > self._kept[owner].last:
                self._take(owner, entry)
            if entry.kind in _MOVES:
                self._part(entry)

    def _take(self, owner: str, entry: Entry) -> None:
        past = self._kept[owner]
        before = past.size
        payload = entry.payload
        if isinstance(payload, EventPayload) and entry.kind is Kind.EVENT:
            name = entry.body.type  # type: ignore[union-attr]
            if name in self._needs.events:
                # What is dated ahead happened when it was recorded.
                at = to_microseconds(min(entry.occurred_at, entry.recorded_at))
                past.events.add(entry.sequence, at, name, payload.attributes)
        elif isinstance(entry.body, DecisionBody):
            past.contacts = past.contacts + _shown(entry, entry.body) if self._needs.contacts else ()
        elif entry.kind is Kind.PROFILE:
            return
        else:
            self.forget(owner)
            return
        past.last = entry.sequence
        self._grow(past.size - before)

    def _part(self, entry: Entry) -> None:
        """Drop the pasts of all who became one person, or are one no more."""
        body = entry.body
        named = [*(getattr(body, "link", None) or ()), *getattr(body, "persons", ())]
        for move in getattr(body, "moves", ()):
            named += move
        for person in named:
            self.forget(person)
            self._came(person, entry, True)

    def decided(self, person: str | None, sequence: int, contacts: tuple[Contact, ...]) -> None:
        """Take in a decision that was committed: the store had refused it, had it not known all before."""
        past = None if person is None else self._kept.get(self._person_of.get(person, ""))
        if past is not None and sequence > past.last:
            before = past.size
            past.contacts = past.contacts + contacts if self._needs.contacts else ()
            past.last = sequence
            self._grow(past.size - before)


_MOVES = frozenset((Kind.MERGE, Kind.SPLIT, Kind.FORGET))


def _shown(entry: Entry, body: DecisionBody) -> tuple[Contact, ...]:
    at, decision = to_microseconds(entry.occurred_at), entry.decision or ""
    return tuple(
        Contact(at, SHOWN, one.action, one.treatment, body.channel, placement.name, decision)
        for placement in body.placements
        for one in placement.actions
    )
