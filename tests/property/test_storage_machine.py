"""Any sequence of writes, retries, crashes and restarts leaves the store as a simple model in memory says."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from opportune.errors import ConflictError, InputError, UnknownError
from opportune.records import Sign
from opportune.storage import (
    ErasePayloads,
    MergePersons,
    Receipt,
    RecordOutcome,
    SaveDecision,
    SaveProfile,
    SqliteStorage,
    Storage,
    WindowOpened,
    Write,
    retire,
    verify_storage,
)
from opportune.storage.postgres import PostgresStorage
from opportune.testing.storage import LATER, NOON, accept, merge, replacement, save_decision
from tests.postgres import need_postgres

KEYS = st.sampled_from(["a", "b", "c"])
OUTCOMES = st.sampled_from([("accept", Sign.POSITIVE), ("reject", Sign.NEGATIVE), ("impression", Sign.NEUTRAL)])
ATTRIBUTES = st.dictionaries(st.sampled_from(["age", "city"]), st.integers(0, 2), max_size=2)


@dataclass
class Model:
    """What the store should hold, written in the most obvious way."""

    kinds: list[str] = field(default_factory=list)
    requests: dict[tuple[str, str], tuple[Any, int]] = field(default_factory=dict)
    profiles: dict[int, dict[str, Any]] = field(default_factory=dict)
    persons: dict[str, int] = field(default_factory=dict)
    told: dict[int, list[int]] = field(default_factory=dict)
    beginning: int = 0
    effects: set[tuple[str, str]] = field(default_factory=set)
    outcomes: int = 0
    windows: set[str] = field(default_factory=set)
    erased: set[int] = field(default_factory=set)

    def take(self, kind: str, key: str, request: Any, take_effect: Any) -> int | type[Exception]:
        """Sequence of the entry that holds the effect, or the kind of refusal."""
        known = self.requests.get((kind, key))
        if known is not None:
            return known[1] if known[0] == request or known[1] in self.erased else ConflictError
        sequence = take_effect()
        if isinstance(sequence, int):
            self.requests[kind, key] = (request, sequence)
        return sequence

    def append(self, kind: str) -> int:
        self.kinds.append(kind)
        return len(self.kinds)

    def profile(self, write: SaveProfile) -> int | type[Exception]:
        def take_effect() -> int:
            person = self.persons.setdefault(write.identifier, len(self.kinds))
            old = {} if write.replace else self.profiles.get(person, {})
            kept = {**old, **write.attributes}
            self.profiles[person] = {name: kept[name] for name in kept if name not in write.removed}
            self.told.setdefault(person, []).append(len(self.kinds) + 1)
            return self.append("profile")

        request = (write.identifier, tuple(sorted(write.attributes.items())), write.removed, write.replace)
        return self.take("profile", write.id, request, take_effect)

    def merge(self, write: MergePersons) -> int | type[Exception]:
        def take_effect() -> int | type[Exception]:
            known = [self.persons[one] for one in (write.identifier, write.other) if one in self.persons]
            if not known:
                return UnknownError
            kept, other = known[0], known[-1]
            for identifier, person in [*self.persons.items(), (write.identifier, kept), (write.other, kept)]:
                if person in known:
                    self.persons[identifier] = kept
            if kept != other:
                profiles = [self.profiles.pop(one) for one in (other, kept) if one in self.profiles]
                self.profiles[kept] = {name: value for one in profiles for name, value in one.items()}
                self.told[kept] = sorted(self.told[kept] + self.told.pop(other))
            self.told[kept].append(len(self.kinds) + 1)
            return self.append("merge")

        return self.take("merge", write.id, (write.identifier, write.other), take_effect)

    def retire(self, beginning: int) -> None:
        """Forget what went with the entries up to `beginning`."""
        self.beginning = beginning
        self.requests = {key: found for key, found in self.requests.items() if found[1] > beginning}
        decided = {f"d-{key}" for kind, key in self.requests if kind == "decision"}
        self.effects = {effect for effect in self.effects if effect[0] in decided}
        self.told = {person: [one for one in told if one > beginning] for person, told in self.told.items()}

    def oldest_open(self) -> int:
        waiting = [self.requests["decision", one.removeprefix("d-")][1] for one in self.windows]
        return min(waiting, default=len(self.kinds))

    def decision(self, write: SaveDecision) -> int | type[Exception]:
        def take_effect() -> int:
            if write.windows:
                self.windows.add(write.decision.id)
            return self.append("decision")

        return self.take("decision", write.decision.request.id, write.decision.request.id, take_effect)

    def outcome(self, write: RecordOutcome) -> int | type[Exception]:
        outcome = write.outcome

        def take_effect() -> int | type[Exception]:
            if ("decision", outcome.decision.removeprefix("d-")) not in self.requests:
                return UnknownError
            if write.sign is not Sign.NEUTRAL:
                self.windows.discard(outcome.decision)
            effect = (outcome.decision, outcome.outcome)
            self.outcomes += effect not in self.effects
            self.effects.add(effect)
            return self.append("outcome")

        return self.take("outcome", outcome.id, (outcome.decision, outcome.outcome), take_effect)


class StorageMachine(RuleBasedStateMachine):
    """Drives a store and the model side by side; says of a kind of store how to make, reopen and crash it."""

    storage: Storage

    def make(self) -> Storage:
        """Open an empty store."""
        raise NotImplementedError

    def reopen(self) -> Storage:
        """Open the store again after it was closed."""
        raise NotImplementedError

    def survive(self) -> Storage:
        """Go on as after the process was killed."""
        raise NotImplementedError

    def __init__(self) -> None:
        super().__init__()
        self.model = Model()
        self.batch: list[tuple[Write, int | type[Exception]]] = []

    @initialize()
    def open(self) -> None:
        self.storage = self.make()

    def teardown(self) -> None:
        self.storage.close()

    @rule(key=KEYS, customer=KEYS, attributes=ATTRIBUTES, replace=st.booleans(), removes=st.booleans())
    def profile(self, key: str, customer: str, attributes: dict[str, int], replace: bool, removes: bool) -> None:
        write = SaveProfile(
            id=key,
            identifier=customer,
            attributes=attributes,
            removed=("age",) if removes and not replace else (),
            replace=replace,
        )
        self.batch.append((write, self.model.profile(write)))

    @rule(key=KEYS, waits=st.booleans(), seconds=st.integers(0, 3))
    def decide(self, key: str, waits: bool, seconds: int) -> None:
        window = WindowOpened(
            action="gold_card", treatment="banner", outcome="ignored", due_at=NOON + timedelta(days=1)
        )
        write = save_decision(key, windows=(window,) if waits else (), at=NOON + timedelta(seconds=seconds))
        self.batch.append((write, self.model.decision(write)))

    @rule(key=KEYS, decision=KEYS, what=OUTCOMES)
    def outcome(self, key: str, decision: str, what: tuple[str, Sign]) -> None:
        write = accept(key, f"d-{decision}", *what)
        self.batch.append((write, self.model.outcome(write)))

    @rule(key=KEYS, customer=KEYS, other=KEYS)
    def merge(self, key: str, customer: str, other: str) -> None:
        write = merge(key, customer, other)
        self.batch.append((write, self.model.merge(write)))

    @rule(key=KEYS, state=st.sampled_from([b"one", b"two"]))
    def change(self, key: str, state: bytes) -> None:
        write = replacement(key, state=state)
        sequence = self.model.take("change", key, state, lambda: self.model.append("change"))
        self.batch.append((write, sequence))

    @rule()
    def commit(self) -> None:
        results = self.storage.write([write for write, _ in self.batch])
        for result, (_, expected) in zip(results, self.batch, strict=True):
            if isinstance(expected, int):
                assert isinstance(result, Receipt), result
                assert result.sequence == expected
            else:
                assert isinstance(result, InputError)
                assert type(result) is expected
        self.batch = []

    @rule()
    def erase(self) -> None:
        self.commit()
        number = len(self.model.kinds) + 1
        sequences = tuple(
            sequence
            for sequence, kind in enumerate(self.model.kinds, 1)
            if kind == "decision" and sequence not in self.model.erased and sequence > self.model.beginning
        )[:1]
        (receipt,) = self.storage.write([ErasePayloads(id=f"x{number}", sequences=sequences)])
        assert isinstance(receipt, Receipt)
        assert receipt.sequence == self.model.append("erasure")
        self.model.erased.update(sequences)

    @rule()
    def retire(self) -> None:
        self.commit()
        expected = max(self.model.beginning, min(self.model.oldest_open(), len(self.model.kinds)) - 1)
        retired = retire(self.storage, LATER)
        assert retired.beginning - 1 == expected
        self.model.retire(expected)

    @rule()
    def restart(self) -> None:
        self.commit()
        self.storage.close()
        self.storage = self.reopen()

    @rule()
    def crash(self) -> None:
        self.commit()
        self.storage = self.survive()

    @invariant()
    def store_equals_model(self) -> None:
        if self.batch:
            return
        assert [entry.kind for entry in self.storage.journal()] == self.model.kinds[self.model.beginning :]
        for customer, person in self.model.persons.items():
            profile = self.storage.profile(customer)
            assert profile is not None
            assert profile.attributes == self.model.profiles[person]
            assert [entry.sequence for entry in self.storage.history(customer)] == self.model.told[person][::-1]
        assert {due.decision for due in self.storage.due_windows(NOON + timedelta(days=2), 10)} == self.model.windows
        for (kind, _), (request, sequence) in self.model.requests.items():
            assert kind != "change" or self.storage.change_state(sequence) == request
        assert self.storage.counts().outcomes == self.model.outcomes
        assert verify_storage(self.storage) == []


class SqliteMachine(StorageMachine):
    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="opportune-machine-"))
        self.lives = 0

    def make(self) -> Storage:
        return SqliteStorage(self.folder / "store-0.db")

    def reopen(self) -> Storage:
        return SqliteStorage(self.storage.place)

    def survive(self) -> Storage:
        """Take the files as a killed process leaves them, not closed."""
        self.lives += 1
        old, new = Path(self.storage.place), self.folder / f"store-{self.lives}.db"
        for suffix in ("", "-wal"):
            shutil.copyfile(f"{old}{suffix}", f"{new}{suffix}")
        self.storage.close()
        return SqliteStorage(new)

    def teardown(self) -> None:
        super().teardown()
        shutil.rmtree(self.folder)


class PostgresMachine(StorageMachine):
    def make(self) -> Storage:
        self.server = need_postgres()
        self.url = self.server.database()
        return PostgresStorage(self.url)

    def reopen(self) -> Storage:
        return PostgresStorage(self.url)

    def survive(self) -> Storage:
        """Leave the store as it is, and let the server end all of its sessions."""
        old, database = self.storage, self.url.rpartition("/")[2]
        self.server.execute(f"select pg_terminate_backend(pid) from pg_stat_activity where datname = '{database}'")
        new = PostgresStorage(self.url)
        old.close()
        return new

    def teardown(self) -> None:
        super().teardown()
        self.server.execute(f"drop database {self.url.rpartition('/')[2]} with (force)")


SqliteMachine.TestCase.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
TestSqliteMachine = SqliteMachine.TestCase
PostgresMachine.TestCase.settings = settings(max_examples=8, stateful_step_count=30, deadline=None)
TestPostgresMachine = PostgresMachine.TestCase
