"""The running service lets old data go by the strategy's rule, and nothing that it needs."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from opportune.service.retaining import Retaining
from opportune.service.settings import Settings
from opportune.storage import SqliteStorage
from opportune.testing.storage import NOON, save_profile


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now


def days_of_profiles(path: Path, clock: Clock, days: int) -> SqliteStorage:
    storage = SqliteStorage(path, clock=clock)
    for day in range(days):
        clock.now = NOON + timedelta(days=day)
        storage.write([save_profile(f"p{day}-{n}", f"c-{n}", age=n) for n in range(3)])
    return storage


def apply(retaining: Retaining, days: int | None) -> int:
    return asyncio.run(retaining.apply(days))


def test_what_is_older_than_the_rule_goes_once_a_day(tmp_path: Path) -> None:
    clock = Clock()
    with days_of_profiles(tmp_path / "shop.db", clock, 60) as storage:
        retaining = Retaining(storage, Settings(clock=clock))
        first = apply(retaining, 40)
        clock.now += timedelta(hours=23)
        early = apply(retaining, 40)
        clock.now += timedelta(hours=2)
        next_day = apply(retaining, 40)

        assert (first, early, next_day) == (57, 0, 6)
        assert storage.journal()[0].recorded_at >= clock.now - timedelta(days=40)


def test_without_a_rule_everything_stays(tmp_path: Path) -> None:
    clock = Clock()
    with days_of_profiles(tmp_path / "shop.db", clock, 60) as storage:
        assert apply(Retaining(storage, Settings(clock=clock)), None) == 0
        assert storage.journal()[0].sequence == 1


def test_a_long_backlog_goes_in_several_rounds(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr("opportune.service.retaining.ENTRIES_AT_ONCE", 10)
    monkeypatch.setattr("opportune.storage.retention.BATCH", 5)
    clock = Clock()
    with days_of_profiles(tmp_path / "shop.db", clock, 60) as storage:
        retaining = Retaining(storage, Settings(clock=clock))
        rounds = [apply(retaining, 40) for _ in range(8)]

        assert rounds == [10, 10, 10, 10, 10, 7, 0, 0]
        assert clock.now.tzinfo is UTC
