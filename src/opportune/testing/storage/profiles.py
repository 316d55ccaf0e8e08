"""Profiles, and what cannot be stored."""

from __future__ import annotations

from typing import Any

import pytest

from opportune.errors import InputError
from opportune.records import DecisionRequest
from opportune.storage import ErasePayloads, Receipt, RecordEvent, SaveProfile, Storage, verify_storage
from opportune.testing.storage.case import StorageCase
from opportune.testing.storage.writes import NOON, entry, one, save_decision, save_profile, window

__all__ = ["ProfilesContract"]


class ProfilesContract(StorageCase):
    """Profiles, and what cannot be stored."""

    def test_put_replaces_and_patch_merges(self, storage: Storage) -> None:
        one(storage, save_profile("p1", age=41, city="Gdynia"))
        one(storage, save_profile("p2", replace=False, city="Sopot"))
        patched = storage.profile("c-001")
        one(storage, save_profile("p3", age=42))
        put = storage.profile("c-001")

        assert patched is not None
        assert put is not None
        assert (patched.attributes, patched.version) == ({"age": 41, "city": "Sopot"}, 2)
        assert (put.attributes, put.version) == ({"age": 42}, 3)

    def test_patch_removes_what_it_names(self, storage: Storage) -> None:
        one(storage, save_profile("p1", age=41, city="Gdynia"))
        one(storage, SaveProfile(id="p2", identifier="c-001", attributes={}, removed=("city", "pet"), replace=False))

        profile = storage.profile("c-001")
        assert profile is not None
        assert profile.attributes == {"age": 41}

    def test_a_newcomer_is_made_once(self, storage: Storage) -> None:
        made = SaveProfile(id="p1", identifier="c-001", attributes={}, replace=False, newcomer=True)
        again = SaveProfile(id="p2", identifier="c-001", attributes={}, replace=False, newcomer=True)
        first, second = storage.write([made, again])
        third = one(storage, SaveProfile(id="p3", identifier="c-001", attributes={}, replace=False, newcomer=True))

        assert isinstance(first, Receipt)
        assert isinstance(second, Receipt)
        assert [receipt.repeated for receipt in (first, second, third)] == [False, True, True]
        profile = storage.profile("c-001")
        assert profile is not None
        assert profile.version == 1
        assert list(verify_storage(storage)) == []

    def test_patches_of_one_batch_see_each_other(self, storage: Storage) -> None:
        attributes: list[dict[str, Any]] = [{f"a{number}": number} for number in range(5)]
        storage.write([save_profile(f"p{i}", replace=False, **values) for i, values in enumerate(attributes)])

        profile = storage.profile("c-001")
        assert profile is not None
        assert (len(profile.attributes), profile.version) == (5, 5)

    def test_values_of_all_types_come_back(self, storage: Storage) -> None:
        values: dict[str, Any] = {
            "flag": True,
            "count": -(2**62),
            "rate": 0.1,
            "name": "Zażółć 🐝",
            "born": NOON,
            "tags": ["a", "b"],
        }
        one(storage, save_profile("p1", **values))

        profile = storage.profile("c-001")
        assert profile is not None
        assert profile.attributes == values

    def test_a_person_keeps_the_internal_id(self, storage: Storage) -> None:
        first = one(storage, RecordEvent(id="e", type="call", identifier="c-001", attributes={}))
        second = one(storage, save_profile("p1", age=41))

        persons = {entry(storage, receipt).person for receipt in (first, second)}
        assert persons == {storage.person_of("c-001")}
        assert storage.person_of("c-002") is None
        assert storage.person_of("c-001", "card") is None

    @pytest.mark.parametrize("value", [10**400, "\ud800"])
    def test_what_cannot_be_stored_is_refused_without_echo(self, storage: Storage, value: object) -> None:
        good, bad = storage.write([save_profile("p1", age=1), save_profile("p2", secret=value)])

        assert isinstance(good, Receipt)
        assert isinstance(bad, InputError)
        assert "ud800" not in str(bad)
        assert "secret" not in str(bad)

    @pytest.mark.parametrize(
        "changes",
        [
            {"facts": {"customer.secret": "\ud800"}},
            {"facts": {"customer.secret": 2**64}},
            {"seed": "\ud800"},
            {"facts": {"zone": "\ud800"}},
            {"id": "\ud800"},
        ],
    )
    def test_a_decision_that_cannot_be_stored_spoils_no_other(self, storage: Storage, changes: dict[str, Any]) -> None:
        bad, good = storage.write([save_decision("a", **changes), save_decision("b")])

        assert isinstance(bad, InputError)
        assert isinstance(good, Receipt)
        assert storage.last_sequence() == 1
        assert verify_storage(storage) == []

    def test_two_windows_of_one_treatment_are_refused(self, storage: Storage) -> None:
        (refusal,) = storage.write([save_decision("a", windows=(window(), window(NOON)))])

        assert isinstance(refusal, InputError)

    @pytest.mark.parametrize("text", ["a\0b", "\ud800"])
    def test_a_text_that_cannot_be_kept_is_refused_and_spoils_no_other(self, storage: Storage, text: str) -> None:
        request = DecisionRequest(id="k", channel="web", session=text, placements=())
        *refusals, kept = storage.write(
            [
                save_decision("k", request=request),
                save_decision("k", facts={"zone": text}),
                RecordEvent(id="e", type="visit", session=text, attributes={}),
                save_profile("p", age=1),
            ]
        )

        assert all(isinstance(refusal, InputError) for refusal in refusals)
        assert kept == Receipt(sequence=1, version=1)

    def test_sequences_beyond_all_entries_are_refused(self, storage: Storage) -> None:
        refusals = storage.write([ErasePayloads(id=f"x{s}", sequences=(s,)) for s in (0, -1, 1 << 63)])

        assert all(isinstance(refusal, InputError) for refusal in refusals)

    @pytest.mark.parametrize("key", ["", "x" * 257, "a\0b", "\ud800"])
    def test_an_id_that_cannot_be_a_key_is_refused(self, storage: Storage, key: str) -> None:
        (refusal,) = storage.write([save_profile(key, age=1)])

        assert isinstance(refusal, InputError)
        assert storage.last_sequence() == 0
