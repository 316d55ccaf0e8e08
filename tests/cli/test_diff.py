"""`opportune diff`: two folders, a folder and a store, a folder and git."""

from __future__ import annotations

import subprocess

import pytest

from tests.service.shop import files


def folder(place, **changed):
    for path, text in files(**changed).items():
        (place / path).parent.mkdir(parents=True, exist_ok=True)
        (place / path).write_text(text)
    return place


@pytest.fixture
def shop(tmp_path):
    return folder(tmp_path / "shop")


@pytest.fixture
def other(tmp_path):
    return folder(tmp_path / "other", goals="profit: {unit: EUR, currency: EUR, weight: 2}\n")


def git(place, *arguments):
    names = ("-c", "user.name=c-001", "-c", "user.email=c-001@example.com")
    subprocess.run(["git", *names, *arguments], cwd=place, check=True, capture_output=True)


def test_it_says_what_changed_between_two_folders(run, shop, other):
    ended = run("diff", shop, other)

    assert ended.code == 0
    assert ended.out.splitlines()[1:] == ["  goal 'profit', weight: 1 → 2"]


def test_it_gives_the_changes_as_data(run, shop, other):
    told = run("diff", shop, other, "--json").json

    assert told["changes"] == ["goal 'profit', weight: 1 → 2"]
    assert told["before"]["name"] == shop.as_posix()
    assert told["before"]["revision"] != told["after"]["revision"]


def test_it_writes_numbers_that_differ_with_the_digits_in_which_they_do(run, tmp_path):
    before = folder(tmp_path / "before", goals="profit: {unit: EUR, currency: EUR, normal: 1234567, weight: 0.5}\n")
    after = folder(
        tmp_path / "after", goals="profit: {unit: EUR, currency: EUR, normal: 1234568, weight: 0.50000001}\n"
    )

    told = run("diff", before, after, "--json").json

    assert told["changes"] == [
        "goal 'profit', weight: 0.5 → 0.50000001",
        "goal 'profit', normal: 1234567 → 1234568",
    ]


def test_it_says_that_nothing_changed(run, shop):
    ended = run("diff", shop, shop)

    assert ended.out.startswith("Nothing changed")


def test_it_compares_with_what_a_store_serves(run, shop, other, tmp_path):
    assert run("publish", shop, "--store", tmp_path / "shop.db").code == 0

    ended = run("diff", other, "--store", tmp_path / "shop.db")

    assert "1 change from revision 1 to" in ended.out
    assert "weight: 1 → 2" in ended.out


def test_it_compares_with_a_revision_of_git_and_leaves_the_checkout_alone(run, shop):
    git(shop.parent, "init", "--quiet")
    git(shop.parent, "add", "shop")
    git(shop.parent, "commit", "--quiet", "-m", "first")
    (shop / "goals.yaml").write_text("profit: {unit: EUR, currency: EUR, weight: 3}\n")

    ended = run("diff", shop, "--git", "HEAD")

    assert "goal 'profit', weight: 1 → 3" in ended.out
    assert "weight: 3" in (shop / "goals.yaml").read_text()


@pytest.mark.parametrize("revision", ["nowhere", "--output=/tmp/x", "HEAD:goals.yaml"])
def test_a_revision_that_git_does_not_know_is_refused(run, shop, revision):
    git(shop.parent, "init", "--quiet")

    ended = run("diff", shop, f"--git={revision}")

    assert ended.code == 2
    assert "git knows no such revision" in ended.err


def test_a_folder_that_git_does_not_have_in_that_revision_is_refused(run, shop, other):
    git(shop.parent, "init", "--quiet")
    git(shop.parent, "add", "shop")
    git(shop.parent, "commit", "--quiet", "-m", "first")

    ended = run("diff", other, "--git", "HEAD")

    assert ended.code == 2
    assert "does not have the folder" in ended.err


def test_problems_are_told_with_their_folder(run, shop, other):
    (other / "goals.yaml").write_text("profit: {weight: many}\n")

    ended = run("diff", shop, other)

    assert ended.code == 1
    assert f"{other.as_posix()}/goals.yaml:1" in ended.err


def test_what_cannot_be_compared_is_refused(run, shop, other):
    assert "expected one folder or two" in run("diff", shop, other, shop).err
    assert "found both" in run("diff", shop, other, "--git", "HEAD").err
    assert run("diff", shop, "--store", "nowhere.db").code == 2
