"""The file for systemd starts a service that may write to no other folder than its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

UNIT = Path(__file__).parents[2] / "deploy" / "opportune.service"


def settings() -> dict[str, list[str]]:
    """Values of each key, in their order."""
    found = defaultdict(list)
    for line in UNIT.read_text(encoding="utf-8").splitlines():
        key, sign, value = line.partition("=")
        if sign and not line.startswith("#"):
            found[key].append(value)
    return dict(found)


def test_compiled_code_goes_where_the_service_may_write(tmp_path: Path) -> None:
    unit = settings()
    named = dict(one.split("=", 1) for one in unit["Environment"])
    assert unit["ProtectSystem"] == ["strict"]
    assert named["NUMBA_CACHE_DIR"] == f"/var/cache/{unit['CacheDirectory'][0]}"

    program = "from opportune.learning.narrow_numba import to_half; to_half(0.5)"
    homeless = {**os.environ, "HOME": str(tmp_path / "nowhere"), "NUMBA_CACHE_DIR": str(tmp_path / "cache")}
    subprocess.run([sys.executable, "-c", program], env=homeless, check=True, timeout=60)

    assert list(tmp_path.rglob("*to_half*.nbi"))
    assert not (tmp_path / "nowhere").exists()


def test_the_service_is_started_again_however_often_it_ends() -> None:
    unit = settings()

    assert unit["Restart"] == ["always"]
    assert unit["StartLimitIntervalSec"] == ["0"]


def test_what_the_service_writes_is_for_its_user_alone() -> None:
    unit = settings()

    assert unit["UMask"] == ["0077"]
    assert unit["CacheDirectoryMode"] == unit["StateDirectoryMode"] == ["0700"]
