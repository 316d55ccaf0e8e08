"""What is sent twice has one effect."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from opportune.errors import ConflictError
from opportune.records import DecisionRequest
from opportune.storage import (
    AdoptModel,
    GroupWriter,
    Receipt,
    RecordEvent,
    SaveRevision,
    Storage,
    Write,
    verify_storage,
)
from opportune.testing.storage.case import StorageCase
from opportune.testing.storage.writes import NOON, accept, merge, one, save_decision, save_profile

__all__ = ["RepeatsContract"]


class RepeatsContract(StorageCase):
    """What is sent twice has one effect."""

    @pytest.mark.parametrize(
        "write",
        [
            save_profile("k", age=1),
            save_decision("k"),
            RecordEvent(id="k", type="call", attributes={"n": 1}),
            SaveRevision(id="k", hash="r9", bundle=b"bundle"),
            AdoptModel(id="k", name="bayes", position=1, hash="h", state=b"state"),
            accept("k", "d-base"),
            merge("k"),
        ],
        ids=lambda write: type(write).__name__,
    )
    def test_the_same_write_again_gets_the_first_receipt(self, tmp_path: Path, write: Write) -> None:
        with self.open(tmp_path) as storage:
            storage.write([save_decision("base"), save_profile("base", "c-002", age=1)])
            before = storage.last_sequence()
            first, second = storage.write([write, write])
            third = one(storage, write)
        with self.open(tmp_path) as storage:
            fourth = one(storage, write)
            assert storage.last_sequence() == before + 1
            assert verify_storage(storage) == []

        assert isinstance(first, Receipt)
        assert not first.repeated
        assert second == third == fourth == msgspec.structs.replace(first, repeated=True)

    @pytest.mark.parametrize(
        ("write", "other"),
        [
            (save_profile("k", age=1), save_profile("k", age=2)),
            (save_profile("k", age=1), save_profile("k", age=1, replace=False)),
            (
                save_decision("k"),
                save_decision("k", request=DecisionRequest(id="k", channel="web", placements=()), id="d-other"),
            ),
            (accept("k", "d-base"), accept("k", "d-base", "click")),
            (RecordEvent(id="k", type="call", attributes={}), RecordEvent(id="k", type="visit", attributes={})),
            (SaveRevision(id="k", hash="r9", bundle=b"x"), SaveRevision(id="k", hash="r8", bundle=b"x")),
            (merge("k"), merge("k", "c-002", "c-001")),
        ],
        ids=lambda write: type(write).__name__,
    )
    def test_the_same_id_with_another_body_is_refused(self, storage: Storage, write: Write, other: Write) -> None:
        storage.write([save_decision("base"), save_profile("base")])
        before = storage.last_sequence()
        one(storage, write)

        (refusal,) = storage.write([other])

        assert isinstance(refusal, ConflictError)
        assert refusal.code == "id-conflict"
        assert storage.last_sequence() == before + 1
        assert storage.counts().conflicts == 1

    def test_one_id_may_serve_two_kinds(self, storage: Storage) -> None:
        storage.write([save_decision("k"), accept("k", "d-k"), save_profile("k", age=1)])

        assert storage.last_sequence() == 3

    def test_a_decision_decided_twice_keeps_the_first_answer(self, storage: Storage) -> None:
        first = save_decision("a")
        second = msgspec.structs.replace(save_decision("a", at=NOON + timedelta(seconds=1)), answer=b"other")

        one(storage, first)
        receipt = one(storage, second)

        assert receipt.repeated
        assert receipt.answer == first.answer

    def test_an_outcome_has_one_effect_under_two_ids(self, storage: Storage) -> None:
        storage.write([save_decision("a")])
        first = one(storage, accept("o1", "d-a"))
        second = one(storage, accept("o2", "d-a"))
        (refusal,) = storage.write([accept("o2", "d-a", "click")])

        assert second.repeated
        assert second.sequence == first.sequence + 1
        assert isinstance(refusal, ConflictError)
        assert storage.counts().outcomes == 1
        assert verify_storage(storage) == []

    def test_200_concurrent_copies_of_an_outcome_have_one_effect_and_one_answer(self, storage: Storage) -> None:
        storage.write([save_decision("a")])
        writer = GroupWriter(storage)

        with ThreadPoolExecutor(50) as pool:
            receipts = list(pool.map(lambda _: writer.submit(accept("o1", "d-a")).result(), range(200)))
        writer.close()

        assert sum(not receipt.repeated for receipt in receipts) == 1
        assert len({receipt.sequence for receipt in receipts}) == 1
        assert storage.counts().outcomes == 1
        assert len(storage.outcomes_of("d-a")) == 1
