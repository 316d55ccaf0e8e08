"""Memory is laid together in large pages where the system has them, and nothing else changes."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from opportune.service import pages
from opportune.service.pages import join_pages

LARGE = """
import re
from pathlib import Path
from opportune.service.pages import join_pages

def large():
    return sum(int(size) for size in re.findall(r"AnonHugePages: +([0-9]+)", Path("/proc/self/smaps").read_text()))

kept = [str(number) for number in range(1_000_000)]
before = large()
joined = join_pages()
print(joined, large() - before, kept == [str(number) for number in range(1_000_000)])
"""


def _has_large_pages() -> bool:
    release = re.match(r"(\d+)\.(\d+)", Path("/proc/sys/kernel/osrelease").read_text()) if pages.MAPS.exists() else None
    new = release is not None and (int(release[1]), int(release[2])) >= (6, 1)
    setting = pages.SETTINGS / "enabled"
    return new and setting.exists() and "[never]" not in setting.read_text()


def test_what_is_in_memory_lies_in_large_pages() -> None:
    run = subprocess.run([sys.executable, "-c", LARGE], capture_output=True, text=True, check=True)

    joined, grown, is_whole = run.stdout.split()
    assert is_whole == "True"
    if _has_large_pages():
        assert int(joined) > 10
        assert int(grown) > 20_000
    else:
        assert (joined, grown) == ("0", "0")


def test_who_wants_no_large_pages_gets_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "enabled").write_text("always madvise [never]\n")
    (tmp_path / "hpage_pmd_size").write_text("2097152\n")
    monkeypatch.setattr(pages, "SETTINGS", tmp_path)
    assert join_pages() == 0

    (tmp_path / "enabled").unlink()
    assert join_pages() == 0
