"""How long an import takes; printed, and judged where the machine is quiet."""

from __future__ import annotations

import random
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.postgres import need_postgres
from tests.service.shop import PROJECT

ROWS = 1_000_000
SECONDS = 60
MEBIBYTES = 500


def write_table(path: Path) -> None:
    chance = random.Random(1)
    with path.open("w", encoding="utf-8") as file:
        file.write("id,age,member,city,products,since\n")
        for number in range(ROWS):
            since = f"20{chance.randrange(10, 26)}-0{chance.randrange(1, 10)}-1{chance.randrange(10)}T10:00:00Z"
            customer = f"c-{chance.randrange(10**9)}-{number}"
            file.write(f"{customer},{chance.randrange(100)},{number % 2},Gdynia,wine;water,{since}\n")


@pytest.mark.full
@pytest.mark.serial
@pytest.mark.timeout(900)
@pytest.mark.parametrize("store", ["sqlite", "postgresql"])
def test_a_million_customers_take_a_minute_of_one_core(tmp_path: Path, tell: Callable[[str], None], store: str) -> None:
    write_table(tmp_path / "people.csv")
    url = str(tmp_path / "shop.db") if store == "sqlite" else need_postgres().database()
    command = [sys.executable, "-m", "opportune.cli", "import", PROJECT, tmp_path / "people.csv", "--store", url]
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    ended = subprocess.run([*map(str, command)], capture_output=True, text=True, check=False)
    after, wall = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic() - began
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    tell(
        f"import into {store}: {ROWS / seconds:,.0f} rows/s of one core ({seconds:.1f} s), {wall:.1f} s in all,"
        f" {after.ru_maxrss / 1024:.0f} MiB"
    )

    assert f"{ROWS:,} rows imported, {ROWS:,} new customers among them; 0 rows refused." in ended.stdout
    assert seconds <= SECONDS
    assert after.ru_maxrss / 1024 <= MEBIBYTES
