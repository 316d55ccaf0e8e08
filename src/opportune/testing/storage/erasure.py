"""Erasure takes the personal part alone."""

from __future__ import annotations

from opportune.storage import AdoptModel, ErasePayloads, Storage, decision_of, verify_storage
from opportune.testing.storage.case import StorageCase
from opportune.testing.storage.writes import accept, one, save_decision

__all__ = ["ErasureContract"]


class ErasureContract(StorageCase):
    """Erasure takes the personal part alone."""

    def test_erasure_takes_the_personal_part_and_leaves_the_entry(self, storage: Storage) -> None:
        storage.write([save_decision("a"), save_decision("b"), accept("o", "d-a")])
        before = storage.journal()

        one(storage, ErasePayloads(id="x", sequences=(1,)))

        erased, other, outcome, _ = storage.journal()
        assert (erased.payload, erased.erased) == (None, True)
        assert (erased.digest, erased.body) == (before[0].digest, before[0].body)
        assert [other, outcome] == before[1:]
        assert decision_of(erased).facts == {}
        stored = storage.decision("d-a")
        assert stored is not None
        assert (stored.answer, stored.recomputable) == (None, False)
        assert storage.said("d-a") == stored.decision
        assert storage.counts().erased == 1
        assert verify_storage(storage) == []

    def test_a_retry_after_erasure_has_no_second_effect(self, storage: Storage) -> None:
        storage.write([save_decision("a"), ErasePayloads(id="early", sequences=(1,))])
        storage.write([ErasePayloads(id="x", sequences=(1,))])

        receipt = one(storage, save_decision("a"))

        assert receipt.repeated
        assert receipt.answer is None

    def test_decisions_whose_model_learned_from_erased_ones_cannot_be_recomputed(self, storage: Storage) -> None:
        storage.write([save_decision("a"), accept("o", "d-a"), save_decision("b", position=2)])
        storage.write([ErasePayloads(id="x", sequences=(1,))])
        before = storage.decision("d-b")
        storage.write([AdoptModel(id="m", name="bayes", position=2, hash="h", state=b"")])
        after = storage.decision("d-b")

        assert before is not None
        assert after is not None
        assert not before.recomputable
        assert after.recomputable
