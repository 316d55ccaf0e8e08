"""Changes of models: orders in the journal, and the bytes that they came with."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from opportune.errors import ConflictError, DamageError, InputError
from opportune.storage import ChangeModels, ErasePayloads, Kind, Receipt, SaveRevision, Storage, retire, verify_storage
from opportune.storage.digests import digest_of
from opportune.testing.storage.case import StorageCase
from opportune.testing.storage.writes import LATER, accept, checkpoint, entry, one, replacement, save_decision

__all__ = ["ChangesContract"]

PROMOTION = ChangeModels(id="promote", order="promote", model="simple", author="c-001", reason="better")


class ChangesContract(StorageCase):
    """Changes of models."""

    def test_a_change_of_models_is_an_entry_of_the_journal(self, tmp_path: Path) -> None:
        part = replacement("part", state=b"trees", order="part", model="main", part="trees", reason="trained")
        with self.open(tmp_path) as storage:
            storage.write([save_decision("a"), PROMOTION, replacement("again", 1, again=True), part])
        with self.open(tmp_path) as storage:
            entries = storage.journal(kinds=(Kind.CHANGE,))
            bodies = [msgspec.to_builtins(found.body) for found in entries]
            assert [found.sequence for found in entries] == [2, 3, 4]
            assert bodies == [
                {"order": "promote", "model": "simple", "author": "c-001", "reason": "better"},
                {"order": "replace", "position": 1, "hash": digest_of(b"state").hex(), "size": 5, "again": True},
                {"order": "part", "model": "main", "part": "trees", "hash": part.hash, "size": 5, "reason": "trained"},
            ]
            assert [storage.change_state(sequence) for sequence in (3, 4)] == [b"state", b"trees"]
            with pytest.raises(DamageError):
                storage.change_state(2)
            assert verify_storage(storage) == []

    def test_a_repeated_change_has_no_second_effect(self, storage: Storage) -> None:
        _, first, second = storage.write([PROMOTION, replacement("r"), replacement("r")])
        again, other = storage.write([PROMOTION, replacement("r", state=b"another")])

        assert isinstance(first, Receipt)
        assert second == msgspec.structs.replace(first, repeated=True)
        assert again == Receipt(sequence=1, repeated=True)
        assert isinstance(other, ConflictError)
        assert storage.last_sequence() == 2
        assert verify_storage(storage) == []

    @pytest.mark.parametrize(
        "write",
        [
            ChangeModels(id="x", order="promote"),
            replacement("x", order="promote", model="simple"),
            replacement("x", state=b"", hash=""),
            replacement("x", hash=digest_of(b"other").hex()),
            replacement("x", hash=""),
            replacement("x", order="part", model="main"),
            replacement("x", order="part", part="trees"),
            replacement("x", order="part", model="main", part="trees", again=True),
            replacement("x", position=2),
            replacement("x", position=-1),
        ],
    )
    def test_a_change_that_contradicts_itself_is_refused(self, storage: Storage, write: ChangeModels) -> None:
        one(storage, save_decision("a"))

        (refusal,) = storage.write([write])

        assert isinstance(refusal, InputError)
        assert storage.last_sequence() == 1

    def test_the_bytes_of_a_change_go_with_its_entry(self, storage: Storage) -> None:
        storage.write([SaveRevision(id="r", hash="r1", bundle=b"one"), replacement("x"), replacement("y")])
        storage.write([checkpoint("m", 3), save_decision("a")])

        assert retire(storage, LATER).entries == 4
        assert [row[0] for row in storage._table("change_states")] == []
        assert verify_storage(storage) == []

    def test_what_no_checkpoint_has_learned_of_a_change_stays(self, storage: Storage) -> None:
        storage.write([SaveRevision(id="r", hash="r1", bundle=b"one"), checkpoint("m", 2 - 1)])
        storage.write([save_decision("a"), accept("o", "d-a"), checkpoint("n", 4)])
        held = replacement("x", 2, again=True)
        storage.write([held, save_decision("b"), save_decision("c")])

        first = retire(storage, LATER)
        storage.write([checkpoint("p", 6), save_decision("d")])
        second = retire(storage, LATER)

        assert (first.entries, second.entries) == (2, 7)
        assert verify_storage(storage) == []

    def test_what_a_change_taught_anew_must_be_there_to_be_learned_again(self, storage: Storage) -> None:
        storage.write([save_decision("a"), accept("o", "d-a"), save_decision("b")])
        sequence = one(storage, replacement("x", 1, again=True)).sequence
        one(storage, ErasePayloads(id="e", sequences=(1,)))

        assert entry(storage, one(storage, replacement("x", 1, again=True))).sequence == sequence
        assert [storage.learnable(after, until) for after, until in ((2, 3), (2, 4), (4, 5), (0, 3))] == [
            True,
            False,
            True,
            False,
        ]
