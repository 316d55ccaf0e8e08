"""The group writer over a storage."""

from __future__ import annotations

import asyncio

import pytest

from opportune.errors import UnknownError
from opportune.storage import Entry, GroupWriter, Storage
from opportune.testing.storage.case import StorageCase
from opportune.testing.storage.writes import accept, save_decision

__all__ = ["GroupsContract"]


class GroupsContract(StorageCase):
    """The group writer over a storage."""

    def test_the_hook_sees_every_entry_once_in_order_before_the_receipt(self, storage: Storage) -> None:
        seen: list[int] = []

        def note(entries: list[Entry]) -> None:
            seen.extend(entry.sequence for entry in entries)

        async def decide() -> None:
            writer = GroupWriter(storage, note)

            async def one(number: int) -> None:
                receipt = await writer.write(save_decision(f"k{number}"))
                assert receipt.sequence in seen

            await asyncio.gather(*(one(number) for number in range(100)))
            writer.close()

        asyncio.run(decide())

        assert seen == list(range(1, 101))

    def test_the_writer_hands_refusals_to_their_caller(self, storage: Storage) -> None:
        async def outcome() -> None:
            writer = GroupWriter(storage)
            try:
                await writer.write(accept("o1", "d-none"))
            finally:
                writer.close()

        with pytest.raises(UnknownError):
            asyncio.run(outcome())

    def test_closing_commits_what_waits(self, storage: Storage) -> None:
        writer = GroupWriter(storage)
        futures = [writer.submit(save_decision(f"k{number}")) for number in range(50)]
        writer.close()

        assert all(future.result(0).sequence for future in futures)
        assert storage.counts().decisions == 50
