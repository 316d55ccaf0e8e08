"""What persons may ask of a running service: that it heeds what they allow, tells what it knows, and forgets them."""

from __future__ import annotations

import asyncio
from concurrent.futures import Executor

import msgspec
import structlog

from opportune.customers.identity import Identifier
from opportune.errors import StoreError, UnknownError
from opportune.learning.marks import mark_of
from opportune.service.consents import ConsentLine, Said, lines_of, write_of
from opportune.service.course import Course
from opportune.service.erasing import Erased, certify, orders, settle
from opportune.service.erasure_list import ErasureList
from opportune.service.event_writes import ids_wrong, refuse_if
from opportune.service.export import PersonExport, export_person
from opportune.service.identity_links import check_level, check_words
from opportune.service.live import Live
from opportune.service.profiles import key_of
from opportune.service.settings import Settings
from opportune.storage import GroupWriter, Receipt, Storage
from opportune.storage.cluster import identifier_mark

__all__ = ["Rights"]

log = structlog.get_logger()


class Rights:
    """Lives in the event loop's thread.

    Args:
        reader: where the store is read.
        course: revisions of the store.
        listed: where erasures are written down for restored backups; None where nowhere.
    """

    def __init__(
        self,
        live: Live,
        storage: Storage,
        writer: GroupWriter,
        reader: Executor,
        settings: Settings,
        course: Course,
        listed: ErasureList | None,
    ) -> None:
        self._live = live
        self._storage = storage
        self._writer = writer
        self._reader = reader
        self._settings = settings
        self._course = course
        self._listed = listed

    async def record_consent(self, customer: str, said: Said, write_id: str | None = None) -> Receipt:
        """Keep what a customer said; the next decision obeys, in whichever process it is made.

        Raises:
            InputError: with all that is wrong.
            StoreError: nothing was acknowledged.
        """
        kind, value = self._named(customer)
        project = self._live.current.strategy.project
        write = write_of(project, said, write_id or self._settings.new_id(), value, kind)
        try:
            return await self._writer.write(write)
        finally:
            # Who was nobody is somebody now. What was said is never remembered in vain: the store refuses a decision
            # that does not know it.
            self._live.current.profiles.forget(key_of(kind, value))

    async def consents(self, customer: str) -> tuple[ConsentLine, ...]:
        """Tell what a customer allows.

        Raises:
            InputError: the identifier is none.
            StoreError: the store cannot be read.
        """
        kind, value = self._named(customer)
        project = self._live.current.strategy.project
        loop = asyncio.get_running_loop()
        return lines_of(project, await loop.run_in_executor(self._reader, self._storage.consents, value, kind))

    async def export(self, customer: str) -> PersonExport:
        """Tell all that is kept about a person.

        Raises:
            UnknownError: nobody is known under the identifier.
            StoreError: the store cannot be read.
        """
        kind, value = self._named(customer)
        return await asyncio.get_running_loop().run_in_executor(self._reader, self._export, value, kind)

    def _export(self, identifier: str, kind: str) -> PersonExport:
        strategy = self._live.current.strategy
        return export_person(self._storage, self._course, strategy, self._settings.clock(), identifier, kind)

    async def erase(self, customer: str, author: str, reason: str, write_id: str | None = None) -> Erased:
        """Forget a person for good: the store, its files, this process and, by their notices, all others.

        Raises:
            UnknownError: nobody is known under the identifier.
            StoreError: nothing was acknowledged; what was erased stays erased.
        """
        return await self._erase(*self._named(customer), author, reason, write_id)

    async def erase_unit(self, level: str, unit: str, author: str, reason: str, write_id: str | None = None) -> Erased:
        """Forget a unit, such as a household; its members stay.

        Raises:
            InputError: there is no such level.
            UnknownError: the unit is not known.
            StoreError: nothing was acknowledged; what was erased stays erased.
        """
        check_level(self._live.current.strategy.registries.levels, level)
        refuse_if(ids_wrong(unit=unit))
        return await self._erase(level, unit, author, reason, write_id)

    async def _erase(self, kind: str, value: str, author: str, reason: str, write_id: str | None) -> Erased:
        check_words(author, reason)
        loop = asyncio.get_running_loop()
        persons = await loop.run_in_executor(self._reader, self._storage.persons_of, value, kind)
        new_id = write_id or self._settings.new_id()
        wanted = await loop.run_in_executor(self._reader, orders, self._storage, new_id, value, kind, author, reason)
        try:
            for write in wanted:
                receipt = await self._writer.write(write)
        except UnknownError:
            await asyncio.to_thread(settle, self._storage, self._listed)
            raise
        finally:
            mark = identifier_mark(kind, value)
            self._live.current.profiles.forget_changed(persons, (mark,))
            mark_of.cache_clear()
        try:
            done = await asyncio.to_thread(certify, self._storage, self._listed, receipt.sequence, receipt.version)
        except StoreError as error:
            log.error("erased, and not certified", entry=receipt.sequence, reason=str(error))
            raise
        log.info("erased", entry=receipt.sequence, payloads=done.payloads)
        return msgspec.structs.replace(done, repeated=receipt.repeated)

    def _named(self, customer: str) -> Identifier:
        """Read an identifier as paths have it.

        Raises:
            InputError: it is none.
        """
        named = self._live.current.strategy.registries.identifiers.in_path(customer)
        refuse_if(ids_wrong(customer=named.value))
        return named
