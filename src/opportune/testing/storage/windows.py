"""Response windows open, close and fall due."""

from __future__ import annotations

from datetime import timedelta

import pytest

from opportune.errors import ConflictError
from opportune.records import Sign
from opportune.storage import Receipt, Storage, verify_storage
from opportune.testing.storage.case import StorageCase
from opportune.testing.storage.writes import NOON, accept, closes, one, save_decision, window

__all__ = ["WindowsContract"]


class WindowsContract(StorageCase):
    """Response windows open, close and fall due."""

    def test_windows_fall_due_in_order(self, storage: Storage) -> None:
        storage.write(
            [
                save_decision("b", windows=(window(NOON + timedelta(hours=2)),)),
                save_decision("a", windows=(window(NOON),)),
            ]
        )

        assert [due.decision for due in storage.due_windows(NOON + timedelta(hours=2), 10)] == ["d-a", "d-b"]
        assert [due.decision for due in storage.due_windows(NOON, 10)] == ["d-a"]
        assert len(storage.due_windows(NOON + timedelta(days=1), 1)) == 1

    @pytest.mark.parametrize("sign", [Sign.POSITIVE, Sign.NEGATIVE])
    def test_an_answer_closes_the_window(self, storage: Storage, sign: Sign) -> None:
        storage.write([save_decision("a", windows=(window(),))])

        receipt = one(storage, accept("o1", "d-a", sign=sign))
        later = one(storage, accept("o2", "d-a", "return"))

        assert closes(storage, receipt)
        assert not closes(storage, later)
        assert one(storage, accept("o1", "d-a", sign=sign)).sequence == receipt.sequence
        assert storage.due_windows(NOON + timedelta(days=30), 10) == []
        assert verify_storage(storage) == []

    def test_a_neutral_outcome_leaves_the_window_open(self, storage: Storage) -> None:
        storage.write([save_decision("a", windows=(window(),))])

        receipt = one(storage, accept("o1", "d-a", "impression", Sign.NEUTRAL))

        assert not closes(storage, receipt)
        assert len(storage.due_windows(NOON + timedelta(days=30), 10)) == 1
        assert verify_storage(storage) == []

    def test_an_answer_that_leads_on_leaves_the_window_open_for_what_follows(self, storage: Storage) -> None:
        storage.write([save_decision("a", windows=(window(),)), save_decision("b", windows=(window(),))])

        clicks = [one(storage, accept(f"c-{name}", f"d-{name}", "click", leads_on=True)) for name in "ab"]
        bought = one(storage, accept("o1", "d-a", "buy"))
        silence = one(storage, accept("w-b", "d-b", "ignored", Sign.NEGATIVE, expiry=True))

        assert [closes(storage, receipt) for receipt in (*clicks, bought, silence)] == [False, False, True, True]
        assert storage.due_windows(NOON + timedelta(days=30), 10) == []
        assert verify_storage(storage) == []

    def test_silence_counts_once_and_only_while_the_window_is_open(self, storage: Storage) -> None:
        storage.write([save_decision("a", windows=(window(),)), save_decision("b", windows=(window(),))])
        one(storage, accept("o1", "d-a"))
        silent_a = accept("w-a", "d-a", "ignored", Sign.NEGATIVE, expiry=True)
        silent_b = accept("w-b", "d-b", "ignored", Sign.NEGATIVE, expiry=True)

        late, silence = storage.write([silent_a, silent_b])

        assert isinstance(late, ConflictError)
        assert late.code == "window-closed"
        assert isinstance(silence, Receipt)
        assert closes(storage, silence)
        assert storage.due_windows(NOON + timedelta(days=30), 10) == []
        assert verify_storage(storage) == []

    def test_silence_closes_a_window_whose_default_was_reported_as_neutral(self, storage: Storage) -> None:
        storage.write([save_decision("a", windows=(window(),))])
        first = one(storage, accept("o1", "d-a", "ignored", Sign.NEUTRAL))
        outcomes = storage.counts().outcomes

        silence = one(storage, accept("w-a", "d-a", "ignored", Sign.NEGATIVE, expiry=True))
        again = one(storage, accept("o2", "d-a", "ignored", Sign.NEUTRAL))

        assert closes(storage, silence)
        assert again.repeated
        assert again.sequence > first.sequence
        assert storage.counts().outcomes == outcomes
        assert storage.due_windows(NOON + timedelta(days=30), 10) == []
        assert verify_storage(storage) == []
