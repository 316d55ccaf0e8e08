"""Merges, splits and erasures in any order leave each person as if only what stands had ever been written."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from opportune.errors import InputError, StaleError
from opportune.records import Value
from opportune.storage import (
    Receipt,
    SaveDecision,
    SaveProfile,
    SqliteStorage,
    Storage,
    Write,
    verify_storage,
)
from opportune.storage.books import merging, people
from opportune.storage.postgres import PostgresStorage
from opportune.storage.unions import Marks
from opportune.testing.storage import (
    accept,
    consent,
    decide_for,
    event,
    forget,
    join,
    merge,
    reservation,
    split,
)
from tests.postgres import need_postgres

from .persons_model import PersonsModel

NAMES = [f"c-{number}" for number in range(12)]
BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)
STOCK = 1_000_000


class Machine:
    """Writes at random to a store and to the model, and compares what both know.

    Args:
        every: steps between two comparisons of everything.
    """

    def __init__(self, storage: Storage, seed: int, every: int) -> None:
        self.storage = storage
        self.model = PersonsModel()
        self._chance = random.Random(seed)
        self._every = every
        self._number = 0
        self._epoch: datetime | None = datetime.now(UTC)
        """What is dated from then on is of after the last erasure; None until that is committed."""
        self._merges: list[str] = []
        self._decisions: dict[str, str] = {}
        self._batch: list[tuple[Write, type[Exception] | None]] = []

    def run(self, steps: int) -> None:
        """Take so many steps, several of them in one batch now and then."""
        for step in range(1, steps + 1):
            self._number += 1
            self._chance.choices(
                [self._profile, self._event, self._consent, self._join, self._decide, self._answer, self._merge,
                 self._split, self._forget, self._race],
                [6, 6, 3, 2, 5, 4, 4, 4, 0.6, 1],
            )[0]()  # fmt: skip
            if self._chance.random() < 0.6:
                self._commit()
            if step % self._every == 0:
                self._commit()
                self._compare(self._chance.sample(NAMES, 4))
        self._commit()
        self._compare(NAMES)
        assert verify_storage(self.storage) == []

    def _name(self) -> str:
        return self._chance.choice(NAMES)

    def _put(self, write: Write, refusal: type[Exception] | None = None) -> None:
        self._batch.append((write, refusal))

    def _commit(self) -> None:
        results = self.storage.write([write for write, _ in self._batch])
        for (write, refusal), result in zip(self._batch, results, strict=True):
            assert isinstance(result, Receipt if refusal is None else refusal), (write, result)
        self._batch = []
        if self._epoch is None:
            self._epoch = datetime.now(UTC)
            time.sleep(0.001)

    def _profile(self) -> None:
        key, name, chance = f"p{self._number}", self._name(), self._chance
        values: dict[str, Value] = {chance.choice("abc"): chance.randrange(9) for _ in range(chance.randrange(3))}
        is_whole = chance.random() < 0.2
        removed = () if is_whole else tuple(one for one in "abc" if one not in values and chance.random() < 0.2)
        self._put(SaveProfile(id=key, identifier=name, attributes=values, removed=removed, replace=is_whole))
        self.model.tell("profile", key, name, values=(values, removed, is_whole))

    def _event(self) -> None:
        key, name = f"e{self._number}", self._name()
        self._put(event(key, name))
        self.model.tell("event", key, name)

    def _consent(self) -> None:
        # Some late and some at one moment, but none from before an erasure: those have tests of their own.
        if self._epoch is None:
            return
        key, name = f"k{self._number}", self._name()
        at = self._epoch + timedelta(microseconds=self._chance.randrange(9))
        given = self._chance.random() < 0.5
        self._put(consent(key, name, given=given, occurred_at=at))
        self.model.tell("consent", key, name, values=(at, given))

    def _join(self) -> None:
        key, name = f"j{self._number}", self._name()
        unit = self._chance.choice(["h-1", "h-2", None])
        self._put(join(key, name, unit))
        self.model.tell("join", key, name, values=unit)

    def _decision(self, key: str, name: str, **changes: Any) -> SaveDecision:
        write = decide_for(self.storage, key, name, **changes)
        decision = msgspec.structs.replace(write.decision, at=datetime.now(UTC))
        return msgspec.structs.replace(write, decision=decision, reserves=(reservation(most=STOCK),))

    def _decide(self) -> None:
        self._commit()
        key, name = f"d{self._number}", self._name()
        if name not in self.model.known():
            return
        seen = self.storage.happened(name, "customer", BEGINNING).last
        self._put(self._decision(key, name, contacts_seen=seen, seen_kinds=("decision", "outcome", "event")))
        self._note(key, name)

    def _note(self, key: str, name: str) -> None:
        self.model.tell("decision", key, name)
        self.model.taken += 1
        self._decisions[key] = name

    def _answer(self) -> None:
        open_ = [key for key, name in self._decisions.items() if name]
        if not open_:
            return
        decision = self._chance.choice(open_)
        name = self._decisions.pop(decision)
        key = f"o{self._number}"
        self._put(accept(key, f"d-{decision}"))
        if any(told.name == decision for told in self.model.log):
            self.model.tell("outcome", key, name)

    def _merge(self) -> None:
        key, name, other = f"m{self._number}", self._name(), self._name()
        known = self.model.known()
        if name == other or not {name, other} & known:
            return
        self._put(merge(key, name, other))
        # Whom nobody knew is absorbed.
        self.model.tell("merge", key, *((name, other) if name in known else (other, name)))
        self._merges.append(key)

    def _split(self) -> None:
        if not self._merges:
            return
        key = self._merges.pop(self._chance.randrange(len(self._merges)))
        is_there = self.model.undo(key)
        self._put(split(f"s{self._number}", key), None if is_there else InputError)

    def _forget(self) -> None:
        name = self._name()
        if name in self.model.known():
            self._put(forget(f"f{self._number}", name))
            self.model.forget(name)
            self._epoch = None

    def _race(self) -> None:
        """Two decisions at once by the same knowledge, under two identifiers: of one person, one is refused."""
        self._commit()
        known = sorted(self.model.known())
        if len(known) < 2:
            return
        pair = self._chance.sample(known, 2)
        writes = [
            self._decision(f"d{self._number}{place}", name, contacts_seen=self.storage.contacts(name, BEGINNING).last)
            for place, name in zip("xy", pair, strict=True)
        ]
        is_one = pair[1] in self.model.union(pair[0])
        self._put(writes[0])
        self._put(writes[1], StaleError if is_one else None)
        self._note(f"d{self._number}x", pair[0])
        if not is_one:
            self._note(f"d{self._number}y", pair[1])
        self._commit()

    def _compare(self, names: list[str]) -> None:
        storage, model = self.storage, self.model
        known = model.known()
        for name in names:
            person = storage.person_of(name)
            assert (person is None) == (name not in known), name
            if person is None:
                continue
            same = {other for other in known if storage.person_of(other) == person}
            assert same == model.union(name)
            profile = storage.profile(name)
            assert (None if profile is None else profile.attributes) == model.profile(name), name
            told = [entry.id for entry in storage.history(name, limit=100_000) if entry.kind not in ("split", "forget")]
            assert told == model.history(name), name
            happened = storage.happened(name, "customer", BEGINNING)
            assert [one.attributes["key"] for one in happened.events] == model.events(name)
            assert len(happened.contacts) == model.contacts(name)
            assert next((found.given for found in storage.consents(name)), None) == model.consent(name), name
            unit = storage.units(name).get("household")
            assert (None if unit is None else unit.unit) == model.unit(name)
        assert storage.counts().customers == model.customers()
        assert sum(count.taken for count in storage.stocks()) == model.taken


@contextmanager
def _sqlite(folder: Path) -> Iterator[Storage]:
    with SqliteStorage(folder / "store.db") as storage:
        yield storage


@contextmanager
def _postgres(folder: Path) -> Iterator[Storage]:
    server = need_postgres()
    url = server.database()
    try:
        with PostgresStorage(url) as storage:
            yield storage
    finally:
        server.execute(f"drop database {url.rpartition('/')[2]} with (force)")


STORES = [_sqlite, _postgres]


@pytest.mark.parametrize("opened", STORES, ids=["sqlite", "postgres"])
def test_persons_are_as_if_only_what_stands_had_been_written(opened: Callable[[Path], Any], tmp_path: Path) -> None:
    with opened(tmp_path) as storage:
        Machine(storage, seed=1, every=20).run(500)


@pytest.mark.full
@pytest.mark.parametrize("seed", range(2, 6))
@pytest.mark.parametrize("opened", STORES, ids=["sqlite", "postgres"])
def test_persons_are_so_for_ten_thousand_steps(opened: Callable[[Path], Any], tmp_path: Path, seed: int) -> None:
    with opened(tmp_path) as storage:
        Machine(storage, seed, every=25).run(2_500)


def _stay_together(persons: Any, links: Any) -> dict[str, str]:
    """Everybody stays with the first."""
    return dict.fromkeys(persons, next(iter(persons)))


def _of_who_stands(ledger: Any, kind: str, value: str) -> Any:
    """What is written goes to whoever stands for the person."""
    person, comer = PERSON_OF(ledger, kind, value)
    return ledger.root(person), comer


PERSON_OF = people.person_of


@pytest.mark.parametrize(
    ("module", "name", "fault"),
    [
        (merging, "parts_of", _stay_together),
        (people, "person_of", _of_who_stands),
        (people, "marked", lambda old, *_, **__: Marks(1, None)),
    ],
    ids=["splits-nobody", "writes-to-who-stands", "forgets-when"],
)
def test_a_store_that_splits_wrongly_is_found_out(
    module: Any, name: str, fault: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, name, fault)

    with _sqlite(tmp_path) as storage, pytest.raises(AssertionError):
        Machine(storage, seed=1, every=20).run(500)
