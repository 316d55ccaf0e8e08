"""Publishing, going back and listing from the command line."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.cli.conftest import Run
from tests.service.process import running
from tests.service.shop import PROJECT

LEVER = "\nlever: 2\n"


@pytest.fixture
def shop(run: Run) -> Path:
    """A copy of the shop's folder, published as revision 1 of shop.db."""
    folder = Path(shutil.copytree(PROJECT, "shop"))
    assert run("publish", folder, "--store", "shop.db", "--author", "ada", "--reason", "begin").code == 0
    return folder


def change(folder: Path, file: str, text: str) -> None:
    path = folder / file
    path.write_text(path.read_text() + text)


def test_publishing_says_what_changed_and_going_back_undoes_it(run: Run, shop: Path) -> None:
    change(shop, "actions/drinks/water.yaml", LEVER)
    done = run("publish", shop, "--store", "shop.db", "--author", "bob")
    again = run("publish", shop, "--store", "shop.db")
    back = run("rollback", "--store", "shop.db", "--author", "eve", "--reason", "no")
    listed = run("revisions", "--store", "shop.db")
    found = run("revisions", "--store", "shop.db", "--json").json

    assert (done.code, again.code, back.code, listed.code) == (0, 0, 0, 0)
    assert done.out.splitlines()[:2] == ["Revision 2 is the current one.", "  action 'water', lever: 1 → 2"]
    assert "Revision 2 is the current one already; nothing changed." in again.out
    assert "Revision 3 is the current one, back to revision 1." in back.out
    assert [line[:4] for line in listed.out.splitlines() if line[2].isdigit()] == ["  1 ", "  2 ", "* 3 "]
    assert "by eve, back to revision 1: no" in listed.out
    assert [(one["number"], one["author"], one["live"]) for one in found] == [
        (1, "ada", False),
        (2, "bob", False),
        (3, "eve", True),
    ]


def test_problems_are_printed_like_those_of_check(run: Run, shop: Path) -> None:
    change(shop, "actions/drinks/water.yaml", "\nlever: much\n")

    published = run("publish", shop, "--store", "shop.db")

    assert published.code == 1
    assert published.err == run("check", shop).err
    assert len(run("revisions", "--store", "shop.db", "--json").json) == 1


def test_a_running_service_is_reached_over_http(run: Run, shop: Path) -> None:
    with running(Path("shop.db")) as service:
        change(shop, "actions/drinks/water.yaml", LEVER)
        held = run("publish", shop, "--store", "shop.db")
        done = run("publish", shop, "--url", service.url)
        change(shop, "project.yaml", "\nzzz: 1\n")
        wrong = run("publish", shop, "--url", service.url)
        back = run("rollback", "--url", service.url)
        none = run("rollback", "--url", service.url)
        beside = run("revisions", "--store", "shop.db")
        listed = run("revisions", "--url", service.url)
        both = run("publish", shop, "--url", service.url, "--store", "shop.db")

    assert held.code == 2
    assert "add --url with its address" in held.err
    assert (done.code, "Revision 2 is live." in done.out) == (0, True)
    assert (wrong.code, "project.yaml:6:1" in wrong.err) == (1, True)
    assert (back.code, "Revision 3 is live, back to revision 1." in back.out) == (0, True)
    assert (none.code, "no revision before the current one" in none.err) == (1, True)
    assert beside.out == listed.out
    assert both.code == 1 or both.code == 2


def test_another_project_is_refused(run: Run, shop: Path) -> None:
    settings = shop / "project.yaml"
    settings.write_text(settings.read_text().replace("corner_shop", "other_shop"))

    refused = run("publish", shop, "--store", "shop.db")
    meant = run("publish", shop, "--store", "shop.db", "--another-project")

    assert (refused.code, "--another-project" in refused.err) == (1, True)
    assert meant.code == 0


def test_a_service_that_is_away_is_named(run: Run, shop: Path) -> None:
    ended = run("revisions", "--url", "http://127.0.0.1:9")

    assert (ended.code, "--url http://127.0.0.1:9" in ended.err) == (2, True)


def test_a_store_without_a_revision_lists_none(run: Run, tmp_path: Path) -> None:
    from opportune.storage import SqliteStorage

    SqliteStorage(tmp_path / "new.db").close()

    assert "Nothing was published yet." in run("revisions", "--store", "new.db").out
    assert run("rollback", "--store", "new.db").code == 1
