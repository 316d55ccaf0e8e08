"""Revisions and states of models."""

from __future__ import annotations

import msgspec

from opportune.errors import InputError
from opportune.storage import AdoptModel, Kind, SaveRevision, Storage, verify_storage
from opportune.testing.storage.case import StorageCase
from opportune.testing.storage.writes import one

__all__ = ["RevisionsContract"]


class RevisionsContract(StorageCase):
    """Revisions and states of models."""

    def test_the_revision_saved_last_is_the_current_one(self, storage: Storage) -> None:
        storage.write([SaveRevision(id="1", hash="r1", bundle=b"one"), SaveRevision(id="2", hash="r2", bundle=b"two")])
        one(storage, SaveRevision(id="3", hash="r1", bundle=b"one"))

        current = storage.current_revision()
        assert current is not None
        assert (current.number, current.hash, current.bundle) == (3, "r1", b"one")
        second, latest = storage.revision(2), storage.revision("r1")
        assert second is not None
        assert second.bundle == b"two"
        assert latest == current
        assert storage.revision(9) is None

    def test_saving_the_current_revision_again_changes_nothing(self, storage: Storage) -> None:
        first = one(storage, SaveRevision(id="1", hash="r1", bundle=b"one"))
        second = one(storage, SaveRevision(id="2", hash="r1", bundle=b"one"))

        assert second == msgspec.structs.replace(first, repeated=True)
        assert storage.last_sequence() == 1
        assert verify_storage(storage) == []

    def test_the_last_ten_states_of_a_model_are_kept(self, storage: Storage) -> None:
        for number in range(12):
            one(
                storage,
                AdoptModel(id=f"m{number}", name="bayes", position=number, hash=f"h{number}", state=b"%d" % number),
            )
        one(storage, AdoptModel(id="other", name="trees", position=0, hash="h", state=b"t"))

        assert [state.position for state in storage.model_states("bayes")] == list(range(11, 1, -1))
        latest = storage.model_state("bayes")
        assert latest is not None
        assert (latest.hash, latest.state) == ("h11", b"11")
        assert len(storage.journal(kinds=[Kind.MODEL])) == 13

    def test_a_model_of_the_future_is_refused(self, storage: Storage) -> None:
        (refusal,) = storage.write([AdoptModel(id="m", name="bayes", position=5, hash="h", state=b"")])

        assert isinstance(refusal, InputError)
