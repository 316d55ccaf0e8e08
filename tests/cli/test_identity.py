"""Merges, households, the key of proofs and the search for duplicates from the command line."""

from __future__ import annotations

import base64
import shutil
from pathlib import Path

import pytest

from opportune.storage import SaveProfile, open_storage
from tests.cli.conftest import Run
from tests.service.process import running
from tests.service.shop import PROJECT

STORE = ("--store", "shop.db")


@pytest.fixture
def shop(run: Run) -> Path:
    """The shop with identifiers and households, published in shop.db, and some customers."""
    folder = Path(shutil.copytree(PROJECT, "shop"))
    (folder / "identifiers.yaml").write_text("email: {normalize: email, trust: claimed}\n")
    (folder / "levels.yaml").write_text("household: {attributes: {size: {type: integer}}}\n")
    (folder / "attributes.yaml").write_text(
        (folder / "attributes.yaml").read_text() + "name: {type: text}\nborn: {type: text}\n"
    )
    (folder / "duplicates.yaml").write_text("name: {compare: name}\nborn: {compare: date}\n")
    done = run("publish", folder, *STORE)
    assert done.code == 0, done.err
    people = {
        "4711": {"name": "Anna Kowalska", "born": "1980-05-04", "age": 46},
        "4712": {"name": "Ania Nowak", "born": "1991-01-02"},
        "4713": {"name": "Anna Kowalska ", "born": "1980-05-04"},
    }
    with open_storage("shop.db") as storage:
        storage.write(
            [
                SaveProfile(id=f"p{name}", identifier=name, attributes=known, replace=False)
                for name, known in people.items()
            ]
            + [
                SaveProfile(
                    id=f"n{n}",
                    identifier=f"n{n}",
                    attributes={"name": f"Person{n}x", "born": f"19{n % 90 + 10}-01-01"},
                    replace=False,
                )
                for n in range(200)
            ]
        )
    return folder


def test_a_merge_is_logged_and_undone(run: Run, shop: Path) -> None:
    merged = run("merge", "4711", "email:Anna@EXAMPLE.com", *STORE, "--author", "Ola", "--reason", "she said so")
    again = run("merge", "4711", "email:Anna@example.com", *STORE)
    listed = run("merges", "email:Anna@example.com", *STORE)
    entry = run("merges", "4711", *STORE, "--json").json["merges"][-1]["entry"]
    undone = run("split", "4711", entry, *STORE, "--author", "Ewa")
    after = run("merges", "4711", *STORE)

    assert [one.code for one in (merged, again, listed, undone, after)] == [0] * 5
    assert merged.out == "They are one customer.\n"
    assert again.out == "They were one customer already.\n"
    assert "by Ola: 4711 and email:Anna@example.com: she said so" in listed.out
    assert f"The merge of entry {entry} is undone" in undone.out
    assert "by Ewa" in after.out


def test_what_cannot_be_merged_is_told(run: Run, shop: Path) -> None:
    nobody = run("merge", "x", "y", *STORE)
    wrong = run("merge", "4711", "email:nonsense", *STORE)
    never = run("split", "4711", "1", *STORE)
    unknown = run("merges", "nobody", *STORE)

    assert (nobody.code, wrong.code, never.code, unknown.code) == (1, 1, 2, 1)
    assert "nobody is known under either" in nobody.err
    assert "expected an e-mail address" in wrong.err
    assert "nonsense" not in wrong.err
    assert "no merge of entry 1" in never.err


def test_the_same_against_a_running_service(run: Run, shop: Path) -> None:
    with running(Path("shop.db"), project=shop) as served:
        url = ("--url", served.url)
        merged = run("merge", "4711", "email:a@b.pl", *url)
        entry = run("merges", "4711", *url, "--json").json["merges"][0]["entry"]
        undone = run("split", "4711", entry, *url)
    assert (merged.code, undone.code) == (0, 0), merged.err + undone.err


def test_a_household(run: Run, shop: Path) -> None:
    joined = run("household", "h-1", "--join", "4711", "--join", "4712", *STORE)
    left = run("household", "h-1", "--leave", "4712", *STORE, "--json")
    wrong = run("household", "h-1", "--leave", "4712", *STORE)
    level = run("household", "h-1", "--level", "company", *STORE)

    assert (joined.code, left.code, wrong.code, level.code) == (0, 0, 1, 2)
    assert joined.out == "household h-1: no attributes\n  4711\n  4712\n"
    assert left.json["members"] == [["4711"]]
    assert "no level 'company'" in level.err


def test_the_key_of_proofs(run: Run, shop: Path) -> None:
    first, second = run("secret", "identity", *STORE), run("secret", "identity", *STORE)
    other = run("secret", "tokens", *STORE)
    assert first.out == second.out
    assert len(base64.urlsafe_b64decode(first.out.strip() + "=")) == 32
    assert other.code == 2


@pytest.mark.parametrize("name", ["found.csv", "found.jsonl"])
def test_duplicates_are_proposed_and_merged_when_marked(run: Run, shop: Path, name: str) -> None:
    found = run("duplicates", *STORE, "--to", name, "--at-least", "0.5")
    assert found.code == 0, found.err
    assert "203 persons" in found.out
    assert "1 likely duplicates" in found.out
    none = run("duplicates", *STORE, "--accept", name)
    assert none.out.startswith("0 pairs merged")
    text = Path(name).read_text()
    assert "Kowalska" not in text
    marked = text[:-1].removesuffix("\n") + "x\n" if name.endswith("csv") else text.replace("false", "true")
    Path(name).write_text(marked)
    merged = run("duplicates", *STORE, "--accept", name, "--author", "Ola")
    again = run("duplicates", *STORE, "--accept", name)
    listed = run("merges", "4711", *STORE)
    assert merged.out.startswith("1 pair merged, 0 were one already"), merged.out + merged.err
    assert again.out.startswith("0 pairs merged, 1 were one already")
    assert f"by Ola: 4711 and 4713: duplicates of {name}" in listed.out
    assert "0 likely duplicates" in run("duplicates", *STORE).out


def test_marked_lines_that_cannot_be_merged_are_told(run: Run, shop: Path) -> None:
    Path("f.jsonl").write_text('{"one": "4711", "other": "nobody", "accept": true}\n')
    done = run("duplicates", *STORE, "--accept", "f.jsonl")
    assert done.code == 1
    assert "f.jsonl:1" in done.out


def test_a_strategy_that_compares_nothing(run: Run, shop: Path) -> None:
    (shop / "duplicates.yaml").unlink()
    run("publish", shop, *STORE)
    done = run("duplicates", *STORE)
    assert done.code == 2
    assert "duplicates.yaml" in done.err


def test_rows_are_imported_by_any_kind_of_identifier(run: Run, shop: Path) -> None:
    Path("mails.csv").write_text("mail,age\nAnna@EXAMPLE.com,41\nnonsense,42\n")
    done = run("import", shop, "mails.csv", *STORE, "--id", "mail", "--kind", "email")
    wrong = run("import", shop, "mails.csv", *STORE, "--id", "mail", "--kind", "mail")

    assert (done.code, wrong.code) == (1, 2)
    assert "1 row imported" in done.out
    assert "did you mean 'email'?" in wrong.err
    assert "expected an e-mail address" in Path("mails.csv.refused.jsonl").read_text()
    with open_storage("shop.db", read_only=True) as storage:
        profile = storage.profile("Anna@example.com", "email")
        assert profile is not None
        assert profile.attributes == {"age": 41}


def test_a_decision_by_another_kind_knows_the_household_and_its_cap(run: Run, shop: Path) -> None:
    (shop / "contact_policies.yaml").write_text(
        "coffees: {at_most: 1, within: {days: 7}, over: household, actions: [coffee]}\n"
    )
    assert run("publish", shop, *STORE).code == 0
    run("merge", "4711", "email:a@b.pl", *STORE)
    run("household", "h-1", "--join", "4711", *STORE)
    with open_storage("shop.db") as storage:
        size = SaveProfile(id="h", identifier="h-1", identifier_kind="household", attributes={"size": 3}, replace=False)
        storage.write([size])
    done = run("decide", shop, *STORE, "--customer", "email:a@B.pl", "--json")
    assert done.code == 0, done.err
    facts = done.json["decision"]["facts"]
    assert (facts["customer.age"], facts["household.size"]) == (46, 3)
