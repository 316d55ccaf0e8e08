"""A store moves into another one, of the same kind or the other, with all that it holds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import apsw
import pytest

from opportune.errors import StoreError
from opportune.storage import (
    ErasePayloads,
    SaveRevision,
    SqliteStorage,
    Storage,
    SwitchAction,
    WindowOpened,
    copy_storage,
    open_storage,
    retire,
    verify_storage,
)
from opportune.testing.storage import (
    LATER,
    NOON,
    accept,
    checkpoint,
    consent,
    fill,
    forget,
    join,
    merge,
    replacement,
    reserving,
    save_decision,
    save_profile,
)
from tests.postgres import need_postgres

KINDS = ["sqlite", "postgresql"]
Places = Callable[[str], str]


@pytest.fixture
def places(tmp_path: Path) -> Places:
    """Gives the URL of a new empty store of a kind."""

    def place(kind: str) -> str:
        if kind == "sqlite":
            return f"sqlite:///{tmp_path}/{len(list(tmp_path.iterdir()))}.db"
        return need_postgres().schema()

    return place


def _fill(storage: Storage) -> None:
    window = WindowOpened(action="gold_card", treatment="banner", outcome="ignored", due_at=NOON + timedelta(days=7))
    for round_ in range(3):
        storage.write([save_profile(f"p{round_}-{n}", f"c-{n}", age=n, city="Łódź 🐝") for n in range(30)])
        storage.write([save_decision(f"{round_}-{n}") for n in range(30)])
        storage.write([accept(f"o{round_}-{n}", f"d-{round_}-{n}") for n in range(30)])
        storage.write([accept(f"again{round_}", f"d-{round_}-1"), merge(f"m{round_}", "c-1", f"c-{round_ + 2}")])
        storage.write([SaveRevision(id=f"r{round_}", hash=f"r{round_}", bundle=b"bundle %d" % round_)])
        storage.write([checkpoint(f"a{round_}", storage.last_sequence())])
    storage.write([replacement("replace", state=b"state"), SwitchAction(id="s", target="group:cards", off=True)])
    storage.write([save_decision("open", windows=(window,)), save_decision("erased"), accept("o", "d-erased")])
    storage.write([ErasePayloads(id="x", sequences=(storage.last_sequence() - 1,))])
    storage.write([reserving("taken"), reserving("taken too"), accept("bought", "d-taken")])


def _tables(storage: Storage) -> dict[str, Any]:
    from opportune.storage.tables import TABLES

    return {name: sorted(storage._everything(name), key=repr) for name in TABLES}


@pytest.fixture(params=KINDS)
def source(request: pytest.FixtureRequest, places: Places) -> Iterator[Storage]:
    """A store with rows in every table."""
    with open_storage(places(request.param)) as storage:
        _fill(storage)
        fill(storage, ("f-1", "f-2", "f-3"))
        storage.write([forget("forget", "f-1"), join("j", "c-1"), consent("k", "c-1"), merge("last", "c-1", "c-29")])
        storage.secret("tokens")
        assert retire(storage, LATER).entries > 0
        yield storage


@pytest.mark.parametrize("kind", KINDS)
def test_a_copy_holds_the_same_rows_and_goes_on(source: Storage, places: Places, kind: str) -> None:
    url = places(kind)
    steps: list[tuple[int, int]] = []
    with open_storage(url, for_copy=True) as target:
        assert copy_storage(source, target, lambda done, total: steps.append((done, total))) == []
    with open_storage(url) as target:
        assert all(rows for rows in _tables(source).values())
        assert _tables(target) == _tables(source)
        first, second = (store.write([save_decision("2-3"), save_decision("new")]) for store in (source, target))
        assert first == second
        assert verify_storage(target) == []

    assert steps == sorted(steps)
    assert steps[-1][0] == steps[-1][1]


@pytest.mark.parametrize("kind", KINDS)
def test_a_target_that_is_not_empty_is_refused(source: Storage, places: Places, kind: str) -> None:
    with open_storage(places(kind), for_copy=True) as target:
        target.write([save_profile("p", age=1)])
        before = _tables(target)
        with pytest.raises(StoreError, match="expected an empty store"):
            copy_storage(source, target)

        assert _tables(target) == before


@pytest.mark.parametrize("kind", KINDS)
def test_a_damaged_source_is_not_copied(tmp_path: Path, places: Places, kind: str) -> None:
    path = tmp_path / "damaged.db"
    with SqliteStorage(path) as storage:
        _fill(storage)
    connection = apsw.Connection(str(path))
    connection.execute("delete from keys where id = 'o1-3'")
    connection.close()

    with SqliteStorage(path) as damaged, open_storage(places(kind), for_copy=True) as target:
        assert copy_storage(damaged, target) != []
        assert target.last_sequence() == 0
        assert target.interrupted_copies() == []


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("share", [0.4, 0.6, 0.9])
def test_an_interrupted_copy_is_refused_and_may_be_begun_again(
    source: Storage, places: Places, kind: str, share: float
) -> None:
    class StopError(Exception):
        """The copy is stopped from outside."""

    def stop(done: int, total: int) -> None:
        if done > share * total:
            raise StopError

    url = places(kind)
    with open_storage(url, for_copy=True) as target, pytest.raises(StopError):
        copy_storage(source, target, stop)
    for read_only in (False, True):
        with pytest.raises(StoreError, match=r"did not end; run .opportune copy. or .opportune restore. again"):
            open_storage(url, read_only=read_only)
    with open_storage(url, for_copy=True) as target:
        assert copy_storage(source, target) == []
    with open_storage(url) as target:
        assert _tables(target) == _tables(source)


def test_a_snapshot_sees_nothing_of_later_writes(source: Storage) -> None:
    with source.snapshot() as frozen:
        before = _tables(frozen)
        last = frozen.last_sequence()
        source.write([save_profile("later", "c-3", age=99), accept("later", "d-open"), merge("later", "c-1", "c-9")])

        assert verify_storage(frozen) == []
        assert _tables(frozen) == before
        assert (frozen.last_sequence(), source.last_sequence()) == (last, last + 3)
    assert verify_storage(source) == []
