"""One bit flipped anywhere in the file, or its end cut off, never passes for a sound store with other answers."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from opportune.errors import StoreError
from opportune.storage import AdoptModel, Kind, SaveRevision, SqliteStorage, Storage, retire, verify_storage
from opportune.testing.storage import LATER, accept, merge, replacement, save_decision, save_profile

CUSTOMERS = 60


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Bytes of a closed store with entries of most kinds, whose first ones went."""
    path = tmp_path_factory.mktemp("sound") / "store.db"
    with SqliteStorage(path) as storage:
        storage.write([save_profile(f"gone{i}", f"c-gone{i}", age=i) for i in range(30)])
        storage.write([save_decision(f"k{i}") for i in range(CUSTOMERS)])
        storage.write([save_profile(f"p{i}", f"c-{i}", age=i, city="Gdynia") for i in range(CUSTOMERS)])
        storage.write([accept(f"o{i}", f"d-k{i}") for i in range(CUSTOMERS)])
        storage.write([merge(f"m{i}", f"c-{i}", f"c-gone{i}") for i in range(10)])
        storage.write([AdoptModel(id="a", name="bayes", position=30, hash="h", state=b"state" * 999)])
        storage.write([replacement("replace", 30, b"other" * 999)])
        assert retire(storage, LATER).entries == 30
        storage.write([SaveRevision(id="r", hash="h", bundle=b"bundle" * 999)])
    return path.read_bytes()


def _answers(storage: Storage) -> list[Any]:
    people = [storage.profile(f"c-{i}") for i in range(CUSTOMERS)]
    people += [storage.profile(f"c-gone{i}") for i in range(30)]
    histories = [storage.history(f"c-{i}") for i in range(CUSTOMERS)]
    decisions = [storage.decision(f"d-k{i}") for i in range(CUSTOMERS)]
    retries = [storage.decision_of_request(f"k{i}") for i in range(CUSTOMERS)]
    outcomes = [storage.outcomes_of(f"d-k{i}") for i in range(CUSTOMERS)]
    rest = [storage.current_revision(), storage.model_states("bayes"), storage.journal(), storage.counts()]
    changes = [storage.change_state(entry.sequence) for entry in storage.journal(kinds=[Kind.CHANGE])]
    return [people, histories, decisions, retries, outcomes, rest, changes]


def _verdict(path: Path, sound: list[Any]) -> str:
    """ "refused" with the file's name, "same" answers, or "wrong" ones that nothing noticed."""
    try:
        with SqliteStorage(path) as storage:
            problems = verify_storage(storage)
            if problems:
                assert all(str(problem) for problem in problems)
                return "refused"
            return "same" if _answers(storage) == sound else "wrong"
    except StoreError as error:
        return "refused" if path.name in str(error) else "refused without the name of the file"


def _verdicts(content: bytes, folder: Path, damaged: list[bytes]) -> list[str]:
    whole = folder / "whole.db"
    whole.write_bytes(content)
    with SqliteStorage(whole) as storage:
        sound = _answers(storage)
    verdicts = []
    for number, copy in enumerate(damaged):
        path = folder / f"damaged-{number}.db"
        path.write_bytes(copy)
        verdicts.append(_verdict(path, sound))
    return verdicts


@pytest.mark.parametrize("flips", [80, pytest.param(600, marks=pytest.mark.full)])
def test_a_flipped_bit_is_noticed_or_changes_nothing(content: bytes, tmp_path: Path, flips: int) -> None:
    chance = random.Random(3)
    damaged = []
    for _ in range(flips):
        copy, bit = bytearray(content), chance.randrange(len(content) * 8)
        copy[bit // 8] ^= 1 << bit % 8
        damaged.append(bytes(copy))

    verdicts = _verdicts(content, tmp_path, damaged)

    assert set(verdicts) <= {"refused", "same"}
    # The rest lies in what no row fills: every table and index has pages of its own, however few rows it holds.
    assert verdicts.count("refused") > flips // 4


def test_a_file_cut_short_is_noticed(content: bytes, tmp_path: Path) -> None:
    verdicts = _verdicts(content, tmp_path, [content[: len(content) * part // 10] for part in range(1, 10)])

    assert set(verdicts) == {"refused"}
