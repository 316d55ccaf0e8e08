"""The list of erasures survives an end in the middle of a line, and hides no other damage."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from opportune.errors import StoreError
from opportune.service.erasure_list import ErasureList
from opportune.storage import Erasure


def _erasure(number: int) -> Erasure:
    return Erasure(sequence=number, at=datetime(2026, 1, number, tzinfo=UTC), marks=(bytes([number]) * 16,), key="k")


@pytest.fixture
def listed(tmp_path: Path) -> ErasureList:
    one = ErasureList(tmp_path / "shop.db.erasures")
    one.add([_erasure(1), _erasure(2)])
    return one


@pytest.mark.parametrize("cut", [1, 20, 60])
def test_a_line_that_was_begun_is_written_anew(listed: ErasureList, cut: int) -> None:
    listed.path.write_bytes(listed.path.read_bytes()[:-cut])

    assert [one.sequence for one in listed.read()] == ([1, 2] if cut == 1 else [1])
    listed.add([_erasure(1), _erasure(2), _erasure(3)])

    assert listed.read() == [_erasure(1), _erasure(2), _erasure(3)]
    assert listed.path.read_bytes().count(b"\n") == 3


@pytest.mark.parametrize("damage", [b"", b"{}", b"\x00\x00"])
def test_a_whole_line_that_is_no_erasure_stops_everything(listed: ErasureList, damage: bytes) -> None:
    first, second, _ = listed.path.read_bytes().split(b"\n")
    listed.path.write_bytes(b"\n".join([first[:-9] + damage, second, b""]))

    with pytest.raises(StoreError, match=":1: expected an erasure"):
        listed.read()
