"""Merges, households, the key of proofs and the search for duplicates from the command line."""

from __future__ import annotations

import base64
import re
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from opportune.customers.identity.proof import claimed_in
from opportune.storage import SaveProfile, open_storage
from tests.cli.conftest import Run
from tests.service.process import running
from tests.service.shop import PROJECT

STORE = ("--store", "shop.db")
GUIDE = Path(__file__).parents[2] / "docs" / "guides" / "identity.md"


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


def _household_of_two(run: Run) -> None:
    run("household", "h-1", "--join", "4711", "--join", "4712", *STORE)
    with open_storage("shop.db") as storage:
        size = SaveProfile(id="h", identifier="h-1", identifier_kind="household", attributes={"size": 3}, replace=False)
        storage.write([size])


def test_a_household_is_erased_and_its_members_stay(run: Run, shop: Path) -> None:
    _household_of_two(run)
    words = ("--level", "household", "--reason", "asked", *STORE)

    erased = run("erase", "h-1", *words, "--json")
    again = run("erase", "h-1", *words)
    told = run("household", "h-1", *STORE, "--json").json

    assert (erased.code, again.code) == (0, 1)
    assert erased.json["payloads"] >= 1
    assert (erased.json["compacted"], erased.json["listed"]) == (True, True)
    assert "nobody is known under it" in again.err
    assert (told["attributes"], told["members"]) == ({}, [])
    with open_storage("shop.db", read_only=True) as storage:
        profile = storage.profile("4711")
        assert profile is not None
        assert profile.attributes["age"] == 46


def test_an_erased_household_stays_erased_in_a_restored_backup(run: Run, shop: Path) -> None:
    _household_of_two(run)
    shutil.copy("shop.db", "backup.db")
    said = run("erase", "h-1", "--level", "household", "--reason", "asked", *STORE)
    Path("shop.db").unlink()

    restored = run("restore", "backup.db", *STORE, "--json").json

    assert re.fullmatch(r"Erased by entry \d+: \d+ personal parts? deleted, files rewritten\.\n", said.out)
    assert restored["erased_again"] == 1
    assert run("household", "h-1", *STORE, "--json").json["members"] == []


def test_what_is_no_unit_is_not_erased(run: Run, shop: Path) -> None:
    reason = ("--reason", "x", *STORE)
    level = run("erase", "h-1", "--level", "company", *reason)
    person = run("erase", "4711", "--level", "household", *reason)
    mixed = run("erase", "household:h-1", *reason)
    empty = run("erase", "", "--level", "household", *reason)
    open_storage("none.db").close()
    none = run("erase", "h-1", "--level", "household", "--reason", "x", "--store", "none.db")

    assert [one.code for one in (level, person, mixed, empty, none)] == [1] * 5
    assert "level: the strategy has no such level; known: household" in level.err
    assert "nobody is known under it" in person.err
    assert "found a unit of the level 'household'; name a person; household tells of units, and erase --level" in (
        mixed.err
    )
    assert "unit: expected 1 to 256 characters, found 0" in empty.err
    assert "known: none" in none.err


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


CONSENTS = "profiling: { basis: objection, profiling: true }\n"


def _asking(run: Run, shop: Path) -> None:
    """Merge an e-mail address and ask about profiling."""
    (shop / "consents.yaml").write_text(CONSENTS)
    assert run("publish", shop, *STORE).code == 0
    assert run("merge", "4711", "email:anna@example.com", *STORE).code == 0


def test_every_command_reaches_a_person_by_any_identifier(run: Run, shop: Path) -> None:
    (shop / "features.yaml").write_text("contacts: { count: shown, over: contacts, within: { days: 7 } }\n")
    _asking(run, shop)
    mail = "email:anna@EXAMPLE.com"

    refused = run("consent", "record", mail, "profiling", "--refused", *STORE)
    told = [run("consent", "show", name, *STORE, "--json").json["consents"] for name in (mail, "4711")]
    Path("said.csv").write_text(f"customer,purpose,given\n{mail},profiling,yes\nfax:1,profiling,no\n")
    imported = run("consent", "import", "said.csv", *STORE, "--json").json
    features = run("features", "show", "--customer", mail, *STORE)
    exported = run("export-person", mail, *STORE).json
    erased = run("erase", mail, "--reason", "asked", *STORE)
    gone = run("export-person", "4711", *STORE)

    assert refused.code == 0, refused.err
    assert told[0] == told[1]
    assert not any(line["allowed"] for line in told[0])
    assert (imported["recorded"], len(imported["refused"])) == (1, 1)
    assert features.code == 0, features.err
    assert {one["value"] for one in exported["identifiers"]} == {"4711", "anna@example.com"}
    assert (erased.code, gone.code) == (0, 1)


def test_kinds_that_are_not_declared_are_refused(run: Run, shop: Path) -> None:
    (shop / "features.yaml").write_text("contacts: { count: shown, over: contacts, within: { days: 7 } }\n")
    _asking(run, shop)
    for command in (
        "consent record fax:1 profiling --refused",
        "consent show fax:1",
        "erase fax:1 --reason x",
        "export-person fax:1",
        "features show --customer fax:1",
        "household h-1 --join fax:1",
        "merge 4711 fax:1",
        "decide shop --customer fax:1",
    ):
        ended = run(*command.split(), *STORE)
        assert ended.code == 1, command
        assert "no such kind of identifier" in ended.err, command
        assert "customer:NUMBER" in ended.err


def test_a_number_with_a_colon_and_a_store_without_a_strategy(run: Run, shop: Path) -> None:
    colon = run("household", "h-1", "--join", "customer:crm:1", *STORE)
    with open_storage("new.db") as storage:
        storage.write([SaveProfile(id="p", identifier="4711", attributes={}, replace=False)])
    alone = run("merge", "4711", "email:anna@example.com", "--store", "new.db")

    assert colon.out.endswith("customer:crm:1\n")
    assert alone.code == 1
    assert "known: customer" in alone.err


def test_what_is_said_beside_a_running_service(run: Run, shop: Path) -> None:
    _asking(run, shop)
    key = run("secret", "identity", *STORE).out
    Path("said.csv").write_text("customer,purpose,given\n4711,profiling,yes\n")
    Path("found.jsonl").write_text('{"one": "4711", "other": "4712", "accept": true}\n')
    with running(Path("shop.db"), project=shop) as served:
        away = [
            run("household", "h-1", "--join", "4711", *STORE),
            run("consent", "import", "said.csv", *STORE),
            run("duplicates", "--accept", "found.jsonl", *STORE),
        ]
        record = run("consent", "record", "email:anna@example.com", "profiling", "--refused", *STORE)
        again = run("secret", "identity", *STORE)
        url = ("--url", served.url)
        recorded = run("consent", "record", "email:anna@example.com", "profiling", "--refused", *url)
        shown = run("consent", "show", "4711", *STORE, "--json").json["consents"]
        joining = {"id": "j", "level": "household", "unit": "h 1/2"}
        httpx.put(f"{served.url}/v1/customers/4712/units", json=joining).raise_for_status()
        unit = run("erase", "h 1/2", "--level", "household", "--reason", "asked", *url, "--json")
        wrong = run("erase", "h", "--level", "company", "--reason", "asked", *url)
        erased = run("erase", "email:anna@example.com", "--reason", "asked", *url, "--json")
        gone = run("export-person", "4711", *STORE)
        both = run("erase", "4711", "--reason", "x", *STORE, *url)

    assert [one.code for one in away] == [2, 2, 2]
    assert not any("--url with its address" in one.err for one in away)
    assert "PUT /v1/customers/CUSTOMER/units" in away[0].err
    assert "add --url" in record.err
    assert again.out == key
    assert recorded.out.startswith("Recorded as entry"), recorded.err
    assert not shown[0]["allowed"]
    assert erased.json["listed"]
    assert unit.json.keys() == erased.json.keys()
    assert (unit.code, unit.json["listed"]) == (0, True)
    assert (wrong.code, "level: the strategy has no such level; known: household" in wrong.err) == (1, True)
    assert (gone.code, both.code) == (1, 2)


def test_a_key_that_was_never_drawn_needs_the_store(run: Run, shop: Path) -> None:
    with running(Path("shop.db"), project=shop):
        ended = run("secret", "identity", *STORE)
    assert ended.code == 2
    assert "--url" not in ended.err
    assert "with the service stopped" in ended.err


def test_the_guide_signs_proofs_with_the_standard_library(run: Run, shop: Path) -> None:
    key = run("secret", "identity", *STORE).out.strip()
    sample = re.search(r"```python\n(.*?)```", GUIDE.read_text(), re.DOTALL)
    assert sample is not None
    lines = [line.removeprefix("   ") for line in sample[1].splitlines()]
    program = "\n".join([f"key, cookie = {key!r}, '5f0c'", *lines, "print(proof)"])
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    secret = base64.urlsafe_b64decode(key + "=")
    assert claimed_in(secret, done.stdout.strip(), datetime.now(UTC)) == {"customer": "4711", "cookie": "5f0c"}
