"""Contract tests for storages: subclass `StorageContract`, say how to open yours, and run pytest.

Example:
    class TestMyStorage(StorageContract):
        def open(self, folder, **ports):
            return MyStorage(folder / "store", **ports)
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from opportune.errors import ConflictError, InputError, UnknownError
from opportune.records import (
    Decision,
    DecisionRequest,
    Origin,
    Outcome,
    PlacementAnswer,
    PlacementRequest,
    PlacementTrace,
    Shown,
    Sign,
)
from opportune.storage import (
    AdoptModel,
    DecisionPayload,
    Entry,
    ErasePayloads,
    GroupWriter,
    Kind,
    MergeBody,
    MergePersons,
    OutcomeBody,
    Receipt,
    RecordEvent,
    RecordOutcome,
    SaveDecision,
    SaveProfile,
    SaveRevision,
    Storage,
    WindowOpened,
    Write,
    decision_of,
    retire,
    verify_storage,
)

__all__ = [
    "LATER",
    "NOON",
    "StorageContract",
    "accept",
    "checkpoint",
    "merge",
    "save_decision",
    "save_profile",
]

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)

LATER = datetime(2126, 3, 2, 12, 0, tzinfo=UTC)
"""After all that a test records."""


def save_decision(key: str, *, windows: tuple[WindowOpened, ...] = (), **changes: Any) -> SaveDecision:
    """A decision that shows one action, of request `key`; its id is "d-" and the key."""
    shown = Shown(
        rank=1,
        action="gold_card",
        group="cards",
        treatment="banner",
        kind="offer",
        propensity={"accept": 0.25},
        priority=1.5,
        selection_probability=0.5,
        how="explored",
        content={"title": f"A card for {key}"},
    )
    request = DecisionRequest(
        id=key,
        customer="c-001",
        session="s-001",
        channel="web",
        placements=(PlacementRequest(name="hero"),),
        context={"page": "home", "seen": NOON},
    )
    decision = Decision(
        id=f"d-{key}",
        request=request,
        person="person-1",
        at=NOON,
        revision="r1",
        model="bayes",
        position=0,
        kernel="numpy",
        seed="seed",
        facts={"customer.age": 41, "now": NOON, "zone": "Europe/Warsaw", "customer.products": ["account"]},
        control=None,
        degraded=None,
        ignored=("context.mood",),
        placements=(PlacementAnswer(name="hero", actions=(shown,)),),
        traces=(PlacementTrace(name="hero", stages=b"\0", kept=b"", parts=b"", chosen=(0,), uniforms=(0.5,)),),
    )
    decision = msgspec.structs.replace(decision, **changes)
    return SaveDecision(decision=decision, answer=b"answer " + key.encode(), origin=Origin.ENGINE, windows=windows)


def accept(
    key: str, decision: str, outcome: str = "accept", sign: Sign = Sign.POSITIVE, **changes: Any
) -> RecordOutcome:
    """The outcome `key` of a decision's gold card."""
    write = RecordOutcome(
        outcome=Outcome(id=key, decision=decision, action="gold_card", outcome=outcome),
        origin=Origin.ENGINE,
        treatment="banner",
        placement="hero",
        sign=sign,
    )
    return msgspec.structs.replace(write, **changes)


def save_profile(key: str, identifier: str = "c-001", /, *, replace: bool = True, **attributes: Any) -> SaveProfile:
    """Attributes of a customer."""
    return SaveProfile(id=key, identifier=identifier, attributes=attributes, replace=replace)


def merge(key: str, identifier: str = "c-001", other: str = "c-002", **changes: Any) -> MergePersons:
    """Two identifiers are one customer."""
    return MergePersons(id=key, identifier=identifier, other=other, **changes)


def checkpoint(key: str, position: int, name: str = "bayes") -> AdoptModel:
    """A model that has learned to a position."""
    return AdoptModel(id=key, name=name, position=position, hash=key, state=b"state " + key.encode())


def _window(due_at: datetime = NOON + timedelta(days=7)) -> WindowOpened:
    return WindowOpened(action="gold_card", treatment="banner", outcome="ignored", due_at=due_at)


def _entry(storage: Storage, receipt: Receipt) -> Entry:
    """Read what a receipt is of."""
    return storage.journal(receipt.sequence - 1, 1)[0]


def _closes(storage: Storage, receipt: Receipt) -> bool:
    """Say whether an outcome closed a response window."""
    body = _entry(storage, receipt).body
    assert isinstance(body, OutcomeBody)
    return body.closes


def _one(storage: Storage, write: Write) -> Receipt:
    (receipt,) = storage.write([write])
    assert isinstance(receipt, Receipt)
    return receipt


class StorageContract(ABC):
    """What every storage must do; each test opens a store of its own."""

    @abstractmethod
    def open(self, folder: Path, **ports: Any) -> Storage:
        """Open the store in a folder, making it if missing; `ports` are `clock`, `new_id` and `new_salt`."""

    @pytest.fixture
    def storage(self, tmp_path: Path) -> Iterator[Storage]:
        """An empty store."""
        with self.open(tmp_path) as storage:
            yield storage

    # Journal

    def test_an_empty_store_has_nothing(self, storage: Storage) -> None:
        assert storage.last_sequence() == 0
        assert storage.journal() == []
        assert storage.profile("c-001") is None
        assert storage.decision("d-1") is None
        assert storage.current_revision() is None
        assert storage.model_state("bayes") is None
        assert verify_storage(storage) == []

    def test_sequences_start_at_one_and_have_no_gaps(self, storage: Storage) -> None:
        storage.write([save_decision("a"), accept("o0", "d-missing"), accept("o1", "d-a")])
        storage.write([save_profile("p1", age=4)])

        assert [entry.sequence for entry in storage.journal()] == [1, 2, 3]
        assert storage.last_sequence() == 3

    def test_journal_pages_and_selects_kinds(self, storage: Storage) -> None:
        storage.write([save_decision("a"), accept("o1", "d-a"), save_decision("b"), accept("o2", "d-b")])

        assert [entry.sequence for entry in storage.journal(after=1, limit=2)] == [2, 3]
        assert [entry.id for entry in storage.journal(kinds=[Kind.OUTCOME])] == ["o1", "o2"]

    def test_committed_entries_equal_those_read(self, storage: Storage) -> None:
        batch: list[Write] = [
            save_profile("p", age=1),
            save_decision("a"),
            accept("o", "d-a"),
            SaveRevision(id="r", hash="r1", bundle=b"bundle"),
        ]
        committed = storage.commit(batch)

        assert storage.journal() == committed.entries

    def test_entry_carries_its_header(self, storage: Storage) -> None:
        storage.write([save_decision("a"), accept("o1", "d-a")])

        decision, outcome = storage.journal()
        assert (decision.id, decision.decision, decision.revision) == ("a", "d-a", "r1")
        assert (decision.occurred_at, decision.zone) == (NOON, "Europe/Warsaw")
        assert (outcome.id, outcome.decision, outcome.person, outcome.session) == ("o1", "d-a", "person-1", "s-001")
        assert (outcome.zone, outcome.origin, outcome.occurred_at) == (
            "Europe/Warsaw",
            Origin.ENGINE,
            outcome.recorded_at,
        )

    def test_times_with_a_zone_are_kept_as_utc(self, storage: Storage) -> None:
        warsaw = datetime.fromisoformat("2026-03-02T13:00:00.000001+01:00")
        _one(storage, RecordEvent(id="e", type="call", attributes={}, occurred_at=warsaw))

        (entry,) = storage.journal()
        assert entry.occurred_at == NOON + timedelta(microseconds=1)
        assert entry.occurred_at.tzinfo is UTC

    def test_a_time_without_zone_is_refused(self, storage: Storage) -> None:
        naive = NOON.replace(tzinfo=None)
        (refusal,) = storage.write([RecordEvent(id="e", type="call", attributes={}, occurred_at=naive)])

        assert isinstance(refusal, InputError)
        assert storage.last_sequence() == 0

    def test_everything_is_there_after_reopening(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as storage:
            storage.write([save_profile("p", age=1), save_decision("a"), accept("o1", "d-a")])
            before = storage.journal()
        with self.open(tmp_path) as storage:
            assert storage.journal() == before
            assert verify_storage(storage) == []

    # Profiles

    def test_put_replaces_and_patch_merges(self, storage: Storage) -> None:
        _one(storage, save_profile("p1", age=41, city="Gdynia"))
        _one(storage, save_profile("p2", replace=False, city="Sopot"))
        patched = storage.profile("c-001")
        _one(storage, save_profile("p3", age=42))
        put = storage.profile("c-001")

        assert patched is not None
        assert put is not None
        assert (patched.attributes, patched.version) == ({"age": 41, "city": "Sopot"}, 2)
        assert (put.attributes, put.version) == ({"age": 42}, 3)

    def test_patch_removes_what_it_names(self, storage: Storage) -> None:
        _one(storage, save_profile("p1", age=41, city="Gdynia"))
        _one(storage, SaveProfile(id="p2", identifier="c-001", attributes={}, removed=("city", "pet"), replace=False))

        profile = storage.profile("c-001")
        assert profile is not None
        assert profile.attributes == {"age": 41}

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
        _one(storage, save_profile("p1", **values))

        profile = storage.profile("c-001")
        assert profile is not None
        assert profile.attributes == values

    def test_a_person_keeps_the_internal_id(self, storage: Storage) -> None:
        first = _one(storage, RecordEvent(id="e", type="call", identifier="c-001", attributes={}))
        second = _one(storage, save_profile("p1", age=41))

        persons = {_entry(storage, receipt).person for receipt in (first, second)}
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
        (refusal,) = storage.write([save_decision("a", windows=(_window(), _window(NOON)))])

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

    # Decisions and outcomes

    def test_a_decision_comes_back_whole(self, storage: Storage) -> None:
        write = save_decision("a")
        _one(storage, write)

        stored = storage.decision("d-a")
        assert stored is not None
        assert stored.decision == write.decision
        assert stored.answer == write.answer
        assert stored.recomputable
        assert storage.decision_of_request("a") == stored

    def test_the_body_of_a_decision_holds_nothing_personal(self, storage: Storage) -> None:
        _one(storage, save_decision("a"))

        (entry,) = storage.journal()
        body = msgspec.json.encode(entry.body).decode()
        assert isinstance(entry.payload, DecisionPayload)
        assert entry.payload.facts["customer.age"] == 41
        for personal in ("c-001", "customer.age", "A card for", "home"):
            assert personal not in body

    def test_decisions_are_read_together_with_their_outcomes(self, storage: Storage) -> None:
        storage.write([save_decision(key) for key in ("a", "b", "c")])
        storage.write([accept("o-1", "d-b"), accept("o-2", "d-a")])

        found = storage.about(["d-b", "d-a", "d-nobody's"])

        assert [(entry.kind, entry.decision) for entry in found] == [
            (Kind.DECISION, "d-a"),
            (Kind.DECISION, "d-b"),
            (Kind.OUTCOME, "d-b"),
            (Kind.OUTCOME, "d-a"),
        ]
        assert found == [entry for entry in storage.journal() if entry.decision in ("d-a", "d-b")]
        assert storage.about([]) == []

    def test_outcomes_of_a_decision_come_in_order(self, storage: Storage) -> None:
        storage.write([save_decision("a"), save_decision("b")])
        storage.write([accept("o1", "d-a", "click"), accept("o2", "d-b"), accept("o3", "d-a")])

        assert [(found.id, found.body.outcome) for found in storage.outcomes_of("d-a")] == [
            ("o1", "click"),
            ("o3", "accept"),
        ]

    def test_an_outcome_without_decision_is_refused_and_counted(self, storage: Storage) -> None:
        first, second = storage.write([accept("o1", "d-a"), save_decision("b")])

        assert isinstance(first, UnknownError)
        assert first.code == "unknown-decision"
        assert isinstance(second, Receipt)
        assert storage.counts().outcomes_refused == 1
        assert storage.counts().outcomes == 0

    def test_a_refused_outcome_may_come_again_after_its_decision(self, storage: Storage) -> None:
        storage.write([accept("o1", "d-a")])
        storage.write([save_decision("a")])

        assert not _one(storage, accept("o1", "d-a")).repeated

    def test_counts_follow_the_writes(self, storage: Storage) -> None:
        storage.write([save_profile("p1", age=1), save_profile("p2", age=2), save_profile("p3", "c-002", age=2)])
        storage.write([save_decision("a"), accept("o1", "d-a"), RecordEvent(id="e", type="call", attributes={})])

        counts = storage.counts()
        assert (counts.customers, counts.decisions, counts.outcomes, counts.events) == (2, 1, 1, 1)

    # Idempotency

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
            third = _one(storage, write)
        with self.open(tmp_path) as storage:
            fourth = _one(storage, write)
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
        _one(storage, write)

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

        _one(storage, first)
        receipt = _one(storage, second)

        assert receipt.repeated
        assert receipt.answer == first.answer

    def test_an_outcome_has_one_effect_under_two_ids(self, storage: Storage) -> None:
        storage.write([save_decision("a")])
        first = _one(storage, accept("o1", "d-a"))
        second = _one(storage, accept("o2", "d-a"))
        (refusal,) = storage.write([accept("o2", "d-a", "click")])

        assert second == msgspec.structs.replace(first, repeated=True)
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

    # Response windows

    def test_windows_fall_due_in_order(self, storage: Storage) -> None:
        storage.write(
            [
                save_decision("b", windows=(_window(NOON + timedelta(hours=2)),)),
                save_decision("a", windows=(_window(NOON),)),
            ]
        )

        assert [due.decision for due in storage.due_windows(NOON + timedelta(hours=2), 10)] == ["d-a", "d-b"]
        assert [due.decision for due in storage.due_windows(NOON, 10)] == ["d-a"]
        assert len(storage.due_windows(NOON + timedelta(days=1), 1)) == 1

    @pytest.mark.parametrize("sign", [Sign.POSITIVE, Sign.NEGATIVE])
    def test_an_answer_closes_the_window(self, storage: Storage, sign: Sign) -> None:
        storage.write([save_decision("a", windows=(_window(),))])

        receipt = _one(storage, accept("o1", "d-a", sign=sign))
        later = _one(storage, accept("o2", "d-a", "return"))

        assert _closes(storage, receipt)
        assert not _closes(storage, later)
        assert _one(storage, accept("o1", "d-a", sign=sign)).sequence == receipt.sequence
        assert storage.due_windows(NOON + timedelta(days=30), 10) == []
        assert verify_storage(storage) == []

    def test_a_neutral_outcome_leaves_the_window_open(self, storage: Storage) -> None:
        storage.write([save_decision("a", windows=(_window(),))])

        receipt = _one(storage, accept("o1", "d-a", "impression", Sign.NEUTRAL))

        assert not _closes(storage, receipt)
        assert len(storage.due_windows(NOON + timedelta(days=30), 10)) == 1
        assert verify_storage(storage) == []

    def test_silence_counts_once_and_only_while_the_window_is_open(self, storage: Storage) -> None:
        storage.write([save_decision("a", windows=(_window(),)), save_decision("b", windows=(_window(),))])
        _one(storage, accept("o1", "d-a"))
        silent_a = accept("w-a", "d-a", "ignored", Sign.NEGATIVE, expiry=True)
        silent_b = accept("w-b", "d-b", "ignored", Sign.NEGATIVE, expiry=True)

        late, silence = storage.write([silent_a, silent_b])

        assert isinstance(late, ConflictError)
        assert late.code == "window-closed"
        assert isinstance(silence, Receipt)
        assert _closes(storage, silence)
        assert storage.due_windows(NOON + timedelta(days=30), 10) == []
        assert verify_storage(storage) == []

    def test_silence_closes_a_window_whose_default_was_reported_as_neutral(self, storage: Storage) -> None:
        storage.write([save_decision("a", windows=(_window(),))])
        first = _one(storage, accept("o1", "d-a", "ignored", Sign.NEUTRAL))
        outcomes = storage.counts().outcomes

        silence = _one(storage, accept("w-a", "d-a", "ignored", Sign.NEGATIVE, expiry=True))
        again = _one(storage, accept("o2", "d-a", "ignored", Sign.NEUTRAL))

        assert _closes(storage, silence)
        assert again.sequence == first.sequence
        assert storage.counts().outcomes == outcomes
        assert storage.due_windows(NOON + timedelta(days=30), 10) == []
        assert verify_storage(storage) == []

    # Revisions and models

    def test_the_revision_saved_last_is_the_current_one(self, storage: Storage) -> None:
        storage.write([SaveRevision(id="1", hash="r1", bundle=b"one"), SaveRevision(id="2", hash="r2", bundle=b"two")])
        _one(storage, SaveRevision(id="3", hash="r1", bundle=b"one"))

        current = storage.current_revision()
        assert current is not None
        assert (current.number, current.hash, current.bundle) == (3, "r1", b"one")
        second, latest = storage.revision(2), storage.revision("r1")
        assert second is not None
        assert second.bundle == b"two"
        assert latest == current
        assert storage.revision(9) is None

    def test_saving_the_current_revision_again_changes_nothing(self, storage: Storage) -> None:
        first = _one(storage, SaveRevision(id="1", hash="r1", bundle=b"one"))
        second = _one(storage, SaveRevision(id="2", hash="r1", bundle=b"one"))

        assert second == msgspec.structs.replace(first, repeated=True)
        assert storage.last_sequence() == 1
        assert verify_storage(storage) == []

    def test_the_last_ten_states_of_a_model_are_kept(self, storage: Storage) -> None:
        for number in range(12):
            _one(
                storage,
                AdoptModel(id=f"m{number}", name="bayes", position=number, hash=f"h{number}", state=b"%d" % number),
            )
        _one(storage, AdoptModel(id="other", name="trees", position=0, hash="h", state=b"t"))

        assert [state.position for state in storage.model_states("bayes")] == list(range(11, 1, -1))
        latest = storage.model_state("bayes")
        assert latest is not None
        assert (latest.hash, latest.state) == ("h11", b"11")
        assert len(storage.journal(kinds=[Kind.MODEL])) == 13

    def test_a_model_of_the_future_is_refused(self, storage: Storage) -> None:
        (refusal,) = storage.write([AdoptModel(id="m", name="bayes", position=5, hash="h", state=b"")])

        assert isinstance(refusal, InputError)

    # Erasure

    def test_erasure_takes_the_personal_part_and_leaves_the_entry(self, storage: Storage) -> None:
        storage.write([save_decision("a"), save_decision("b"), accept("o", "d-a")])
        before = storage.journal()

        _one(storage, ErasePayloads(id="x", sequences=(1,)))

        erased, other, outcome, _ = storage.journal()
        assert (erased.payload, erased.erased) == (None, True)
        assert (erased.digest, erased.body) == (before[0].digest, before[0].body)
        assert [other, outcome] == before[1:]
        assert decision_of(erased).facts == {}
        stored = storage.decision("d-a")
        assert stored is not None
        assert (stored.answer, stored.recomputable) == (None, False)
        assert storage.counts().erased == 1
        assert verify_storage(storage) == []

    def test_a_retry_after_erasure_has_no_second_effect(self, storage: Storage) -> None:
        storage.write([save_decision("a"), ErasePayloads(id="early", sequences=(1,))])
        storage.write([ErasePayloads(id="x", sequences=(1,))])

        receipt = _one(storage, save_decision("a"))

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

    # Merges

    def test_a_merge_unites_identifiers_and_attributes(self, storage: Storage) -> None:
        storage.write([save_profile("p1", "c-001", city="Gdynia", age=41)])
        storage.write([save_profile(f"q{number}", "c-002", city="Sopot", plan="basic") for number in range(3)])
        kept = storage.person_of("c-001")

        receipt = _one(storage, merge("m"))

        profile = storage.profile("c-002")
        assert profile is not None
        assert profile == storage.profile("c-001")
        assert (profile.person, profile.version) == (kept, receipt.version)
        assert profile.attributes == {"city": "Gdynia", "age": 41, "plan": "basic"}
        assert receipt.version > 3
        assert storage.counts().customers == 1
        assert verify_storage(storage) == []

    def test_chains_of_merges_lead_to_the_last_one_kept(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as storage:
            storage.write([save_profile(f"p{n}", f"c-00{n}", **dict[str, Any]({f"a{n}": n})) for n in range(1, 6)])
            last = storage.person_of("c-005")
            storage.write([merge("m1", "c-002", "c-001"), merge("m2", "c-004", "c-003"), merge("m3", "c-004", "c-002")])
            _one(storage, merge("m4", "c-005", "c-001"))
        with self.open(tmp_path) as storage:
            assert {storage.person_of(f"c-00{n}") for n in range(1, 6)} == {last}
            profile = storage.profile("c-003")
            assert profile is not None
            assert profile.attributes == {f"a{n}": n for n in range(1, 6)}
            assert storage.counts().customers == 1
            assert [entry.id for entry in storage.history("c-001")] == [
                *("m4", "m3", "m2", "m1"),
                *("p5", "p4", "p3", "p2", "p1"),
            ]
            assert verify_storage(storage) == []

    @pytest.mark.parametrize("pair", [("c-001", "c-009"), ("c-009", "c-001")])
    def test_an_unknown_identifier_is_one_more_of_the_person(self, storage: Storage, pair: tuple[str, str]) -> None:
        _one(storage, save_profile("p1", age=41))
        before = storage.profile("c-001")

        receipt = _one(storage, merge("m", *pair))

        assert not receipt.repeated
        assert storage.profile("c-009") == storage.profile("c-001") == before
        assert verify_storage(storage) == []

    def test_identifiers_of_two_kinds_may_be_one_person(self, storage: Storage) -> None:
        _one(storage, save_profile("p1", age=41))
        _one(storage, merge("m", other="c-001", other_kind="card"))

        assert storage.person_of("c-001", "card") == storage.person_of("c-001")

    def test_a_merge_of_nobody_is_refused(self, storage: Storage) -> None:
        (refusal,) = storage.write([merge("m")])

        assert isinstance(refusal, UnknownError)
        assert refusal.code == "unknown-customer"
        assert storage.last_sequence() == 0
        assert storage.counts().outcomes_refused == 0

    def test_a_merge_of_one_person_changes_nothing_and_keeps_its_id(self, storage: Storage) -> None:
        storage.write([save_profile("p1", age=41), save_profile("p2", "c-002", age=1), merge("m1")])
        before = storage.profile("c-001")

        again = _one(storage, merge("m2", "c-002", "c-001"))
        retry = _one(storage, merge("m2", "c-002", "c-001"))
        (refusal,) = storage.write([merge("m2")])

        assert again.repeated
        assert retry == again
        assert isinstance(refusal, ConflictError)
        assert storage.profile("c-001") == before
        assert verify_storage(storage) == []

    def test_events_and_outcomes_after_a_merge_are_of_the_kept_person(self, storage: Storage) -> None:
        storage.write([save_profile("p1", age=1), save_profile("p2", "c-002", age=2)])
        kept, absorbed = storage.person_of("c-001"), storage.person_of("c-002")
        storage.write([save_decision("a", person=absorbed), save_decision("b", person=absorbed)])
        inside = storage.write([merge("m"), accept("o1", "d-a")])[1]
        outside = _one(storage, accept("o2", "d-b"))
        event = _one(storage, RecordEvent(id="e", type="call", identifier="c-002", attributes={}))

        assert isinstance(inside, Receipt)
        assert {_entry(storage, receipt).person for receipt in (inside, outside, event)} == {kept}
        stored = storage.decision("d-a")
        assert stored is not None
        assert stored.decision.person == absorbed
        assert verify_storage(storage) == []

    def test_a_merge_of_persons_without_profiles_makes_none(self, storage: Storage) -> None:
        storage.write([RecordEvent(id=f"e{n}", type="call", identifier=f"c-00{n}", attributes={}) for n in (1, 2)])
        receipt = _one(storage, merge("m"))
        counted = storage.counts().customers
        first = _one(storage, save_profile("p", "c-002", age=1))

        assert receipt.version == counted == 0
        assert first.version == storage.counts().customers == 1
        assert verify_storage(storage) == []

    def test_the_history_of_a_person_is_that_of_all_identifiers(self, storage: Storage) -> None:
        storage.write([save_profile("p1", age=1), save_profile("p2", "c-002", age=2), save_profile("p3", "c-003")])
        one, other = storage.person_of("c-001"), storage.person_of("c-002")
        storage.write([save_decision("a", person=one), save_decision("b", person=other), accept("o", "d-b")])
        storage.write([merge("m"), save_profile("p4", "c-002", age=3)])

        assert [entry.id for entry in storage.history("c-002")] == ["p4", "m", "o", "b", "a", "p2", "p1"]
        newest = storage.history("c-001", limit=3)
        assert [entry.id for entry in newest] == ["p4", "m", "o"]
        older = storage.history("c-001", limit=3, before=newest[-1].sequence)
        assert [entry.id for entry in older] == ["b", "a", "p2"]
        assert [entry.id for entry in storage.history("c-003")] == ["p3"]
        assert storage.history("c-004") == []

    def test_an_erased_merge_still_leads_to_one_person(self, storage: Storage) -> None:
        storage.write([save_profile("p1", age=1), save_profile("p2", "c-002", age=2), merge("m")])
        _one(storage, ErasePayloads(id="x", sequences=(1, 2, 3)))

        assert storage.person_of("c-001") == storage.person_of("c-002")
        body = storage.journal(after=2)[0].body
        assert isinstance(body, MergeBody)
        assert "c-00" not in msgspec.json.encode(body).decode()
        assert verify_storage(storage) == []

    # Retention

    def test_retention_drops_a_beginning_and_keeps_what_follows(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as storage:
            storage.write([save_profile("p1", age=1), save_profile("p2", "c-002", age=2), merge("m")])
            storage.write([SaveRevision(id="r1", hash="r1", bundle=b"one"), save_decision("a"), accept("o1", "d-a")])
            storage.write([ErasePayloads(id="x", sequences=(1, 5)), checkpoint("m1", 6), save_decision("b")])
            storage.write([SaveRevision(id="r2", hash="r2", bundle=b"two"), checkpoint("m2", 9), accept("o2", "d-b")])
            storage.write([save_profile("p3", "c-003", age=3), ErasePayloads(id="y", sequences=(9,))])
            before, counts = storage.journal(after=8), storage.counts()
            profile = storage.profile("c-002")

            retired = retire(storage, LATER)

            assert (retired.entries, retired.beginning) == (8, 9)
        with self.open(tmp_path) as storage:
            assert storage.journal() == before
            assert (storage.last_sequence(), storage.counts()) == (14, counts)
            assert storage.decision("d-a") is None
            assert storage.decision_of_request("a") is None
            assert storage.outcomes_of("d-a") == []
            assert storage.profile("c-001") == profile
            assert [state.position for state in storage.model_states("bayes")] == [9, 6]
            first, current = storage.revision(1), storage.current_revision()
            assert first is not None
            assert current is not None
            assert (first.bundle, current.number) == (b"one", 2)
            assert verify_storage(storage) == []

    def test_a_store_goes_on_after_retention(self, storage: Storage) -> None:
        storage.write([save_profile("p1", age=1), save_decision("a"), save_profile("p2", "c-002", age=2)])
        retire(storage, LATER)

        assert storage.write([accept("o1", "d-a")])[0].__class__ is UnknownError
        assert _one(storage, save_profile("p1", age=5)).version == 2
        assert not _one(storage, save_decision("a")).repeated
        assert not _one(storage, merge("m")).repeated
        assert [entry.sequence for entry in storage.journal()] == [3, 4, 5, 6]
        assert [entry.id for entry in storage.history("c-001")] == ["m", "p1", "p2"]
        assert verify_storage(storage) == []

    def test_retention_goes_no_further_than_asked(self, tmp_path: Path) -> None:
        now = NOON
        with self.open(tmp_path, clock=lambda: now) as storage:
            for day in range(6):
                now = NOON + timedelta(days=day)
                storage.write([save_profile(f"p{day}", f"c-{day}", age=1), save_profile(f"q{day}", f"c-{day}", age=2)])

            steps = [retire(storage, NOON + timedelta(days=day)) for day in (0, 2, 2, 3)]

            assert [step.entries for step in steps] == [0, 4, 0, 2]
            assert {step.held for step in steps} == {""}
            assert verify_storage(storage) == []

    def test_the_last_entry_stays(self, storage: Storage) -> None:
        assert retire(storage, LATER).entries == 0
        storage.write([save_profile("p", age=1)])

        assert retire(storage, LATER).entries == 0
        assert storage.last_sequence() == 1

    def test_a_decision_that_waits_for_an_answer_stays(self, storage: Storage) -> None:
        storage.write([save_decision("a"), save_decision("b", windows=(_window(),)), save_decision("c")])
        held = retire(storage, LATER)
        _one(storage, accept("o", "d-b"))
        free = retire(storage, LATER)

        assert (held.entries, free.entries) == (1, 2)
        assert "entry 2 waits" in held.held
        assert verify_storage(storage) == []

    def test_what_is_known_of_a_revision_outlives_its_entry(self, storage: Storage) -> None:
        revision = SaveRevision(id="r", hash="r1", bundle=b"one", author="c-001", reason="first", changes=("all",))
        storage.write([save_decision("a"), revision, checkpoint("m", 2), save_decision("b"), save_decision("c")])
        before = storage.revisions()

        retired = retire(storage, LATER)
        later = [_one(storage, msgspec.structs.replace(revision, id=key)) for key in ("r", "s", "s")]

        assert (retired.entries, retired.held) == (4, "")
        assert storage.revisions() == before
        assert [(receipt.repeated, receipt.version, receipt.sequence) for receipt in later] == [(True, 1, 2)] * 3
        storage.write([checkpoint("m2", 5), save_decision("d")])
        assert retire(storage, LATER).entries == 2
        assert verify_storage(storage) == []

    def test_a_clock_that_ran_ahead_holds_nothing_for_ever(self, tmp_path: Path) -> None:
        now = LATER
        with self.open(tmp_path, clock=lambda: now) as storage:
            storage.write([save_decision(f"ahead-{number}") for number in range(300)])
            now = NOON
            storage.write([save_decision(f"a{number}") for number in range(300)])
            now = NOON + timedelta(days=9)
            storage.write([save_decision("young"), save_decision("last")])

            assert retire(storage, NOON + timedelta(days=1)).entries == 600
            assert verify_storage(storage) == []

    def test_kinds_are_found_among_many_others(self, storage: Storage) -> None:
        for round_ in range(3):
            storage.write([save_decision(f"{round_}-{number}") for number in range(5)])
            revision = SaveRevision(id=f"r{round_}", hash=f"r{round_}", bundle=b"one")
            storage.write([accept(f"o{round_}", f"d-{round_}-1"), revision, checkpoint(f"m{round_}", 1)])
        kinds = [Kind.MODEL, Kind.OUTCOME, Kind.REVISION]

        found = [entry.sequence for entry in storage.journal(after=6, limit=4, kinds=kinds)]
        alone = [entry.sequence for entry in storage.journal(kinds=[Kind.REVISION])]
        mixed = [entry.sequence for entry in storage.journal(after=12, kinds=[Kind.REVISION, Kind.DECISION])]

        assert found == [7, 8, 14, 15]
        assert alone == [7, 15, 23]
        assert mixed == [13, 15, 17, 18, 19, 20, 21, 23]

    def test_without_a_checkpoint_since_the_revision_nothing_behind_it_goes(self, storage: Storage) -> None:
        storage.write([save_decision("a"), checkpoint("m", 1), save_decision("b")])
        storage.write([SaveRevision(id="r", hash="r1", bundle=b"one"), save_decision("c")])

        held = retire(storage, LATER)

        assert (held.entries, held.beginning) == (3, 4)
        assert "checkpoint" in held.held

    def test_a_model_that_has_nothing_to_learn_holds_nothing(self, storage: Storage) -> None:
        storage.write([SaveRevision(id="r", hash="r1", bundle=b"one"), checkpoint("m", 1)])
        storage.write([save_decision(key, position=1) for key in "abc"])

        retired = retire(storage, LATER)
        kept = storage.decision("d-c")

        assert (retired.entries, retired.held) == (4, "")
        assert kept is not None
        assert kept.recomputable

    def test_what_the_last_checkpoint_has_not_learned_stays(self, storage: Storage) -> None:
        storage.write([save_decision("a"), save_decision("b"), save_decision("c"), accept("o1", "d-a")])
        storage.write([SaveRevision(id="r", hash="r1", bundle=b"one"), checkpoint("m1", 4), accept("o2", "d-b")])

        held = retire(storage, LATER)
        _one(storage, checkpoint("m2", 7))
        free = retire(storage, LATER)

        assert (held.entries, free.entries) == (1, 6)
        assert "answered after" in held.held

    def test_what_was_learned_from_dropped_decisions_cannot_be_learned_again(self, storage: Storage) -> None:
        storage.write([save_decision("a"), SaveRevision(id="r", hash="r1", bundle=b"one"), checkpoint("m1", 1)])
        storage.write([save_decision("b", position=3), accept("o", "d-a"), save_decision("c", position=5)])
        storage.write([checkpoint("m2", 6), save_decision("d", position=6)])
        before = storage.decision("d-c")

        retire(storage, LATER)

        decisions = [storage.decision(f"d-{key}") for key in "bcd"]
        assert before is not None
        assert before.recomputable
        assert [decision is not None and decision.recomputable for decision in decisions] == [False, False, True]
        assert [storage.learnable(after, 8) for after in (0, 1, 4, 5)] == [False, False, False, True]

    def test_retention_goes_on_from_where_it_ended(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as storage:
            for round_ in range(5):
                storage.write([save_profile(f"p{round_}-{n}", f"c-{n}", age=round_) for n in range(7)])
                storage.write([save_decision(f"{round_}-{n}", windows=(_window(),)) for n in range(7)])
                storage.write([accept(f"o{round_}-{n}", f"d-{round_}-{n}") for n in range(6 + (round_ < 4))])
                storage.write(
                    [
                        merge(f"m{round_}", f"c-{round_}", f"c-{round_ + 1}"),
                    ]
                )
                _one(storage, checkpoint(f"c{round_}", storage.last_sequence()))
                retire(storage, LATER)
                assert verify_storage(storage) == []
        with self.open(tmp_path) as storage:
            anchor = storage.anchor()
            assert anchor is not None
            assert anchor.sequence > 50
            assert verify_storage(storage) == []
            assert retire(storage, LATER).entries == 0

    # Group writer

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
