"""Commands for what persons may ask: consents, the export, the erasure, and backups that forget again."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from opportune.service.revisions import strategy_from_files
from opportune.storage import open_storage
from tests.cli.conftest import Ended, Run
from tests.service.shop import files, serving

CONSENTS = "offers: { basis: consent, kinds: [offer, service], texts: { v1: 'May we?' } }\n"


@pytest.fixture
def asked(tmp_path: Path) -> Path:
    """A store whose strategy asks for consent, with one customer and a decision."""
    place = tmp_path / "store" / "shop.db"
    place.parent.mkdir()
    with serving(place, of=strategy_from_files(files(consents=CONSENTS))[0]) as service:
        service.call("PATCH", "/v1/customers/c-1", {"attributes": {"age": 41, "city": "Gdynia"}})
        service.decide("r-1", customer="c-1")
    return place


def test_consents_are_recorded_and_shown(run: Run, asked: Path) -> None:
    before = run("consent", "show", "c-1", "--store", asked, "--json").json["consents"]
    done = run("consent", "record", "c-1", "offers", "--given", "--source", "letter", "--text", "v1", "--store", asked)
    after = run("consent", "show", "c-1", "--store", asked)

    assert [one["allowed"] for one in before] == [False, False]
    assert (done.code, done.out) == (0, "Recorded as entry 5.\n")
    assert "letter" in after.out
    assert "yes" in after.out


def test_what_the_strategy_does_not_ask_is_refused(run: Run, asked: Path) -> None:
    ended = run("consent", "record", "c-1", "offer", "--given", "--store", asked)

    assert ended.code == 1
    assert "did you mean 'offers'?" in ended.err


def test_consents_are_imported_once_by_named_columns(run: Run, asked: Path, tmp_path: Path) -> None:
    file = tmp_path / "zgody.csv"
    file.write_text(
        "customer,purpose,zgoda,data\n"
        "c-1,offers,tak,2026-05-04T12:30:00+02:00\n"
        "c-2,offers,nie,2026-05-04T12:31:00+02:00\n"
        "c-3,offers,może,2026-05-04T12:31:00+02:00\n"
        "c-4,nothing,tak,\n"
    )
    names = ("--column", "given=zgoda", "--column", "occurred_at=data", "--store", asked, "--json")

    first = run("consent", "import", file, *names)
    again = run("consent", "import", file, *names)

    assert first.code == 1
    assert [one["row"] for one in first.json["refused"]] == [3, 4]
    assert [(one.json["recorded"], one.json["repeated"]) for one in (first, again)] == [(2, 0), (0, 2)]
    with open_storage(str(asked)) as storage:
        assert [one.given for one in storage.consents("c-1")] == [True]
        assert [one.given for one in storage.consents("c-2")] == [False]
        assert storage.counts().repeats == 2


def _import(run: Run, store: Path, name: str, content: str | bytes, *options: str) -> Ended:
    file = store.parent / name
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return run("consent", "import", file, *options, "--store", store, "--json")


def test_an_undated_row_again_is_refused_where_another_word_came_since(run: Run, asked: Path) -> None:
    row = "customer,purpose,given\nc-1,offers,nie\n"
    _import(run, asked, "a.csv", row)
    before = _import(run, asked, "b.csv", row)
    run("consent", "record", "c-1", "offers", "--given", "--store", asked)

    after = _import(run, asked, "c.csv", row)

    assert (before.code, before.json["repeated"]) == (0, 1)
    assert (after.code, after.json["recorded"], after.json["repeated"]) == (1, 0, 0)
    assert "said since" in after.json["refused"][0]["problems"][0]


@pytest.mark.parametrize("column", ["occurred_at=dta", "given=zgoda"])
def test_a_named_column_must_be_there(run: Run, asked: Path, column: str) -> None:
    ended = _import(run, asked, "a.csv", "customer;purpose;given;data\nc-1;offers;tak;\n", "--column", column)

    assert (ended.code, ended.json["problems"][0]["code"]) == (1, "unknown-column")


@pytest.mark.parametrize(
    ("name", "content", "where"),
    [
        ("a.csv", b"customer;purpose;given\nza\xb3;offers;tak\n", "customer: expected text in UTF-8"),
        ("a.csv", "customer,purpose,given\n" + "x" * 200_000 + ",offers,tak\n", "identifier: expected 1 to 256"),
        ("a.csv", "customer,purpose,given\nc-1,,\n", "row: expected customer, purpose, given, found no purpose and"),
        ("a.jsonl", '{"customer":{"a":1},"purpose":"offers","given":true}\n', "customer: expected text"),
        (
            "a.jsonl",
            '{"customer":"\\ud800"}\n{"customer":"c-2","purpose":"offers","given":true}\n',
            "row: expected a JSON",
        ),
        ("a.jsonl", '{"customer":"c-2","purpose":"offers","given":"perhaps"}\n', "given: expected one of true"),
    ],
)
def test_a_row_that_cannot_be_read_is_refused_with_its_reason(
    run: Run, asked: Path, name: str, content: str | bytes, where: str
) -> None:
    ended = _import(run, asked, name, content)

    assert ended.code == 1
    assert ended.json["refused"][0]["problems"][0].startswith(where)


def test_an_export_that_cannot_be_written_is_told(run: Run, asked: Path, tmp_path: Path) -> None:
    ended = run("export-person", "c-1", "--store", asked, "--out", tmp_path / "none" / "c.html")

    assert (ended.code, "No such file" in ended.err) == (2, True)


def test_the_export_is_json_or_a_page(run: Run, asked: Path, tmp_path: Path) -> None:
    said = run("export-person", "c-1", "--store", asked).json
    page = run("export-person", "c-1", "--store", asked, "--out", tmp_path / "c-1.html", "--language", "pl")
    unknown = run("export-person", "c-404", "--store", asked)

    assert said["identifiers"] == [{"name": "customer", "value": "c-1", "at": None}]
    assert [one["value"] for one in said["profile"]] == [41, "Gdynia"]
    assert len(said["decisions"]) == 1
    assert page.code == 0
    assert "Co o Tobie przechowujemy" in (tmp_path / "c-1.html").read_text()
    assert unknown.code == 1


def test_an_erased_person_stays_erased_in_a_restored_backup(run: Run, asked: Path, tmp_path: Path) -> None:
    backup = tmp_path / "backup.db"
    shutil.copy(asked, backup)
    erased = run("erase", "c-1", "--reason", "letter 17", "--store", asked, "--json").json
    again = run("erase", "c-1", "--reason", "letter 17", "--store", asked)
    asked.unlink()

    restored = run("restore", backup, "--store", asked, "--json").json

    assert erased["compacted"]
    assert erased["listed"]
    assert again.code == 1
    assert restored["erased_again"] == 1
    with open_storage(str(asked)) as storage:
        assert storage.profile("c-1") is None
        assert storage.counts().customers == 0
    assert b"Gdynia" not in asked.read_bytes()


def test_a_list_that_cannot_be_read_stops_everything(run: Run, asked: Path, tmp_path: Path) -> None:
    listed = tmp_path / "list"
    listed.write_text("nonsense\n")

    ended = run("restore", asked, "--store", tmp_path / "new.db", "--erasures", listed)
    served = run("verify", "--store", tmp_path / "new.db")
    listed.write_text("")
    again = run("restore", asked, "--store", tmp_path / "new.db", "--erasures", listed)

    assert ended.code == 2
    assert "list:1: expected an erasure" in ended.err
    assert (served.code, "did not end" in served.err) == (2, True)
    assert again.code == 0


def test_an_erased_decision_keeps_what_became_of_everybody_and_invents_no_reason(run: Run, tmp_path: Path) -> None:
    place = tmp_path / "shop.db"
    with serving(place) as service:
        service.call("PATCH", "/v1/customers/c-1", {"attributes": {"age": 12, "city": "Gdynia"}})
        name = service.decide("r-1", customer="c-1", context={"weather": "Rainy"})["id"]
    before = run("explain", name, "--store", place, "--json").json["explanation"]
    exported = run("export-person", "c-1", "--store", place).json["decisions"][0]
    run("erase", "c-1", "--reason", "letter 17", "--store", place)

    said = run("explain", name, "--store", place).out
    after = run("explain", name, "--store", place, "--json").json["explanation"]

    assert (before["erased"], after["erased"]) == (False, True)
    assert "customer.age is 12" in str(exported["reasons"])
    assert "its personal part was erased" in said
    assert not [word for word in ("is missing", "are missing", "would pass", "no customer") if word in said]
    stages = [
        [one["stage"] for place in found["placements"] for one in place["candidates"]] for found in (before, after)
    ]
    assert stages[0] == stages[1]
    dropped = [one for place in after["placements"] for one in place["candidates"] if one["stage"] == "eligibility"]
    assert {one["reason"] for one in dropped} == {"the personal part was erased, and the reason is no longer known"}
    assert not any(one["rules"] or one["change"] for one in dropped)
    shown = [one for place in after["placements"] for one in place["candidates"] if one["stage"] == "shown"]
    assert all("propensity.accept" in one["parts"] for one in shown)


def test_a_backup_is_not_restored_without_the_list(run: Run, asked: Path, tmp_path: Path) -> None:
    backup, new = tmp_path / "backup.db", tmp_path / "new.db"
    shutil.copy(asked, backup)
    run("erase", "c-1", "--reason", "letter 17", "--store", asked)
    listed = Path(f"{asked}.erasures")

    refused = run("restore", backup, "--store", new)
    missing = run("restore", backup, "--store", new, "--erasures", tmp_path / "none")
    both = run("restore", backup, "--store", new, "--erasures", listed, "--no-erasures")
    restored = run("restore", backup, "--store", new, "--erasures", listed, "--json").json
    told = run("restore", backup, "--store", tmp_path / "old.db", "--no-erasures")

    assert [one.code for one in (refused, missing, both, told)] == [2, 2, 2, 0]
    assert "new.db.erasures: expected the list of erasures" in refused.err
    assert restored["erased_again"] == 1
    with open_storage(str(new), read_only=True) as storage:
        assert storage.profile("c-1") is None


def test_a_household_that_is_erased_again_is_told_as_an_erasure_and_not_as_a_person(run: Run, tmp_path: Path) -> None:
    place, backup, new = (tmp_path / name for name in ("shop.db", "backup.db", "new.db"))
    with serving(place, of=strategy_from_files(files(levels="household: { attributes: {} }\n"))[0]) as service:
        service.call("PUT", "/v1/customers/c-1/units", {"id": "j-1", "level": "household", "unit": "h-1"})
    shutil.copy(place, backup)
    run("erase", "h-1", "--level", "household", "--reason", "letter 18", "--store", place)

    restored = run("restore", backup, "--store", new, "--erasures", Path(f"{place}.erasures"))

    assert restored.code == 0
    assert "1 erasure made again, by" in restored.out


def test_the_page_is_for_people_in_both_languages(run: Run, tmp_path: Path) -> None:
    place = tmp_path / "shop.db"
    titled = {
        "attributes": "age: {type: integer, title: Wiek, unit: lat}\nmember: {type: boolean, title: Członek klubu}\n"
        "since: {type: timestamp, title: Klient od}\nproducts: {type: texts, title: Produkty}\n",
        "consents": "offers: { basis: consent, kinds: [offer], title: Oferty }\n",
        "context": files()["context.yaml"].replace("values: [Sunny", "title: Pogoda, values: [Sunny"),
        "features": "calls_7d: {count: call_ended, within: {days: 7}, title: Rozmowy z tygodnia}\n",
    }
    with serving(place, of=strategy_from_files(files(**titled))[0]) as service:
        values = {"age": 12, "member": True, "since": "2020-01-15T10:00:00Z", "products": ["sim", "tv"]}
        service.call("PATCH", "/v1/customers/c-1", {"attributes": values})
        service.call("PUT", "/v1/customers/c-1/consents", {"purpose": "offers", "given": True, "source": "list"})
        service.call(
            "POST", "/v1/events", {"id": "e-1", "type": "call_ended", "customer": "c-1", "attributes": {"minutes": 4.5}}
        )
        answer = service.decide("r-1", customer="c-1", context={"weather": "Rainy"})
        shown = answer["placements"][0]["actions"][0]["action"]
        outcome = {"id": "o-1", "decision": answer["id"], "action": shown, "outcome": "accept"}
        service.call("POST", "/v1/outcomes", outcome)
        served = service.call("GET", "/v1/customers/c-1/export.html?language=pl").text

    pages = {}
    for language in ("en", "pl"):
        run("export-person", "c-1", "--store", place, "--out", tmp_path / "page.html", "--language", language)
        pages[language] = (tmp_path / "page.html").read_text().partition("</style>")[2]

    for page in (*pages.values(), served.partition("</style>")[2]):
        assert not [
            sign for sign in ("{", "}", "[&", "&quot;", "true", "T10:00", "customer.", "eligibility") if sign in page
        ]
        for said in ("Wiek", "12 lat", "2020-01-15 10:00 UTC", "sim, tv", "Oferty", "Pogoda", "Rozmowy z tygodnia"):
            assert said in page
    assert "nie spełnia warunków; wzięto pod uwagę: Wiek: 12 lat" in pages["pl"]
    assert "its conditions do not hold; taken into account: Wiek: 12 lat" in pages["en"]
    assert "minutes: 4,5" in pages["pl"]
    assert not [word for word in ("rank", "shown", "yes", "event", "accept if", "passed") if f">{word}" in pages["pl"]]


def test_a_strategy_that_asks_about_nothing_says_so(run: Run) -> None:
    run("init", "shop")
    run("publish", "shop", "--store", "new.db")

    shown = run("consent", "show", "c-1", "--store", "new.db")

    assert (shown.code, shown.out.startswith("The strategy of the store asks about nothing")) == (0, True)
