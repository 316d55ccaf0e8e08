"""`opportune fallback`: the answers of a proxy, as files."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.conftest import Run
from tests.service.shop import PROJECT


def test_it_writes_an_answer_per_channel_and_placement(run: Run, tmp_path: Path) -> None:
    ended = run("fallback", PROJECT, "--out", tmp_path / "out", "--json")

    written = json.loads((tmp_path / "out" / "answers.json").read_text())
    lines = dict(line.split(" ", 1) for line in (tmp_path / "out" / "haproxy.map").read_text().splitlines())
    assert ended.code == 0
    assert ended.json == written
    assert set(written) == {"till", "till/receipt", "till/screen", "app", "app/card"}
    assert {key: json.loads(line) for key, line in lines.items()} == written
    assert written["till/receipt"]["degraded"] == "service-away"
    assert written["till/receipt"]["id"] == ""


def test_it_takes_the_current_revision_of_a_store(run: Run, tmp_path: Path, store: Path) -> None:
    ended = run("fallback", "--store", store, "--out", tmp_path / "out")

    assert ended.code == 0
    assert "till/receipt: water" in ended.out


def test_what_is_switched_off_in_the_store_is_left_out(run: Run, tmp_path: Path, store: Path) -> None:
    assert run("off", "water", "--store", store).code == 0

    ended = run("fallback", "--store", store, "--out", tmp_path / "out")

    assert "till/receipt: nothing" in ended.out


def test_it_wants_one_of_both(run: Run, tmp_path: Path) -> None:
    assert run("fallback", "--out", tmp_path / "out").code == 2
    assert run("fallback", PROJECT, "--store", "x.db", "--out", tmp_path / "out").code == 2


def test_a_folder_that_cannot_be_written_is_named(run: Run, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    ended = run("fallback", PROJECT, "--out", tmp_path / "file")

    assert ended.code == 2
    assert str(tmp_path / "file") in ended.err
