"""What persons may ask of a running service: that it heeds what they allow, tells what it knows, and forgets them."""

from __future__ import annotations

import asyncio
from concurrent.futures import Executor

from opportune.errors import InputError
from opportune.service.consents import ConsentLine, Said, lines_of, write_of
from opportune.service.contacts import id_problem
from opportune.service.live import Live
from opportune.service.settings import Settings
from opportune.storage import GroupWriter, Receipt, Storage

__all__ = ["Rights"]


class Rights:
    """Lives in the event loop's thread.

    Args:
        reader: where the store is read.
    """

    def __init__(
        self,
        live: Live,
        storage: Storage,
        writer: GroupWriter,
        reader: Executor,
        settings: Settings,
    ) -> None:
        self._live = live
        self._storage = storage
        self._writer = writer
        self._reader = reader
        self._settings = settings

    async def record_consent(self, customer: str, purpose: str, said: Said, write_id: str | None = None) -> Receipt:
        """Keep what a customer said; the next decision obeys, in whichever process it is made.

        Raises:
            InputError: with all that is wrong.
            StoreError: nothing was acknowledged.
        """
        _check(customer)
        project = self._live.current.strategy.project
        write = write_of(project, purpose, said, write_id or self._settings.new_id(), customer)
        try:
            return await self._writer.write(write)
        finally:
            # Who was nobody is somebody now. What was said is never remembered in vain: the store refuses a decision
            # that does not know it.
            self._live.current.profiles.forget(customer)

    async def consents(self, customer: str) -> tuple[ConsentLine, ...]:
        """Tell what a customer allows.

        Raises:
            InputError: the identifier is none.
            StoreError: the store cannot be read.
        """
        _check(customer)
        project = self._live.current.strategy.project
        loop = asyncio.get_running_loop()
        return lines_of(project, await loop.run_in_executor(self._reader, self._storage.consents, customer))


def _check(customer: str) -> None:
    problem = id_problem("customer", customer)
    if problem is not None:
        raise InputError([problem])
