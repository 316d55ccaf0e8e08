"""Every command: what it prints, and how it ends."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from opportune.cli.main import COMMANDS
from opportune.records import Origin
from opportune.service.revisions import strategy_from_folder
from opportune.storage import Kind, SqliteStorage
from tests.service.shop import PROJECT, Service, serving

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """What it printed, read as JSON."""
        return json.loads(self.out)


Run = Callable[..., Ended]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Run a command in this process, in an empty folder."""
    import typer

    from opportune.cli import main

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")

    def run_command(*arguments: object) -> Ended:
        monkeypatch.setattr(sys, "argv", ["opportune", *map(str, arguments)])
        monkeypatch.setattr(main.__globals__["app"], "registered_commands", [])
        try:
            main()
            code = 0
        except (SystemExit, typer.Exit) as end:
            code = int(getattr(end, "code", None) or getattr(end, "exit_code", 0) or 0)
        captured = capsys.readouterr()
        assert "Traceback" not in captured.err
        return Ended(code, captured.out, captured.err)

    return run_command


def fill(service: Service, decisions: int) -> list[str]:
    ids = []
    for number in range(decisions):
        answer = service.decide(f"r-{number}")
        outcome = {"decision": answer["id"], "action": "water", "outcome": "accept" if number % 2 else "reject"}
        service.call("POST", "/v1/outcomes", {"id": f"o-{number}", **outcome})
        ids.append(answer["id"])
    service.wait(0.05)
    return ids


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A store with a hundred answers, of two runs of the service."""
    for _ in range(2):
        with serving(tmp_path / "shop.db") as service:
            fill(service, 50)
    return tmp_path / "shop.db"


def test_without_a_command_the_help_lists_all(run: Run) -> None:
    ended = run()

    assert ended.code == 2
    assert all(re.search(rf"\b{name}\b", ended.out + ended.err) for name in COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(run: Run, name: str) -> None:
    ended = run(name, "--help")

    assert ended.code == 0
    assert "Usage: " in ended.out


def test_it_runs_as_a_module() -> None:
    command = [sys.executable, "-m", "opportune.cli", "--version"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)

    assert (ended.returncode, ended.stdout.split()[0]) == (0, "opportune")


@pytest.mark.parametrize(
    "arguments", [("nope",), ("check",), ("check", PROJECT, "--nope"), ("serve", PROJECT, "--port", "99999")]
)
def test_wrong_use_exits_with_2(run: Run, arguments: tuple[object, ...]) -> None:
    assert run(*arguments).code == 2


def test_init_starts_a_strategy_that_checks_and_passes_its_tests(run: Run) -> None:
    assert run("init", "shop").code == 0
    assert run("check", "shop").code == 0
    assert run("test", "shop").code == 0


def test_init_overwrites_nothing(run: Run) -> None:
    run("init", "shop", "--json")

    ended = run("init", "shop")

    assert ended.code == 1
    assert ended.err == "shop: here is a strategy already; name a folder that is new or empty\n"


def test_check_lists_all_problems_with_their_places(run: Run) -> None:
    run("init", "shop")
    Path("shop/segments.yaml").write_text("young: customer.aeg < 26\n")
    Path("shop/goals.yaml").write_text("profit: {unit: EUR, wieght: 2}\n")

    ended = run("check", "shop")
    as_json = run("check", "shop", "--json")

    assert ended.code == as_json.code == 1
    assert "segments.yaml:1:" in ended.err
    assert "goals.yaml:1:" in ended.err
    assert {problem["file"] for problem in as_json.json["problems"]} >= {"segments.yaml", "goals.yaml"}


def test_check_of_a_good_project_says_what_it_found(run: Run) -> None:
    assert run("check", PROJECT, "--json").json["actions"] == 4
    assert "no problems" in run("check", PROJECT).out


def test_a_failing_persona_test_says_what_was_expected_and_found(run: Run) -> None:
    run("init", "shop")
    tests = Path("shop/tests")
    text = next(tests.glob("*.yaml")).read_text()
    first = text.index("expect:")
    (tests / "wrong.yaml").write_text(
        re.sub(r"(?m)^- name: .*$", "- name: an impossible wish", text[:first], count=1)
        + "expect:\n    present: [plus_plan, family_sim, travel_pack, explain_invoice]\n"
    )

    ended = run("test", "shop")

    assert ended.code == 1
    assert re.search(r"failed tests/wrong\.yaml:\d+: an impossible wish: expected plus_plan .*; plus_plan", ended.out)
    assert re.search(r"\d+ passed, 1 failed", ended.out)


def test_decide_shows_what_and_why_and_why_not(run: Run) -> None:
    contact = {"customer": {"age": 12}, "context": {"weather": "Rainy"}, "channel": "till", "placement": "receipt"}

    table = run("decide", PROJECT, json.dumps(contact))
    found = run("decide", PROJECT, json.dumps(contact), "--size", "9", "--json").json

    assert table.code == 0
    assert "water" in table.out
    assert "customer.age is 12" in table.out
    assert "would pass with" in table.out
    assert {shown["action"] for shown in found["decision"]["placements"][0]["actions"]} == {"water", "call_back"}


def test_decide_cuts_nothing_at_any_width(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    run("init", "shop")
    contact = {"customer": {"age": 41, "plan": "plus"}, "channel": "call_centre", "context": {"topic": "travel"}}
    wide = run("decide", "shop", json.dumps(contact), "--at", "2026-05-04T18:00:00Z")
    monkeypatch.setenv("COLUMNS", "40")

    narrow = run("decide", "shop", json.dumps(contact), "--at", "2026-05-04T18:00:00Z")

    assert narrow.out == wide.out
    assert "…" not in narrow.out
    assert "decision not recorded, at 2026-05-04T18:00:00+00:00" in narrow.out
    assert "channel call_centre, customer known by 2 attributes" in narrow.out
    assert "nothing is shown" in narrow.out
    assert "\n-  family_sim (script)  eligibility: unknown: customer.products is missing" in narrow.out


def test_decide_shows_how_a_priority_came_about(run: Run) -> None:
    run("init", "shop")
    contact = {"customer": {"age": 41, "plan": "basic", "data_used_percent": 95}, "channel": "app"}

    said = run("decide", "shop", json.dumps(contact)).out

    assert re.search(
        r"1\. plus_plan \(card\)  priority 0\.\d+ = \(margin 0\.\d+ \+ loyalty 0\.\d+\) x lever 1 x context 1", said
    )
    assert "selection probability 0." in said
    assert "solved" not in said


def test_decide_says_when_nobody_else_stood_for_a_place(run: Run) -> None:
    run("init", "shop")

    assert "selection probability 1.000, the only candidate" in run("decide", "shop", "--channel", "app").out


def test_decide_names_all_that_is_wrong_at_once(run: Run) -> None:
    run("init", "shop")

    ended = run("decide", "shop", "--channel", "app", "--placement", "agent", "--customer", '{"aeg": 1}')

    assert ended.code == 1
    assert "channel 'app' has no placement 'agent'" in ended.err
    assert "the project does not declare 'aeg'; did you mean 'age'?" in ended.err


def test_decide_reads_a_stored_profile_by_its_identifier(run: Run) -> None:
    Path("people.csv").write_text("id,age\nc-1,30\n")
    run("import", PROJECT, "people.csv", "--store", "shop.db")

    known = run("decide", PROJECT, "--customer", "c-1", "--store", "shop.db", "--json")
    unknown = run("decide", PROJECT, "--customer", "c-2", "--store", "shop.db")
    without = run("decide", PROJECT, "--customer", "c-1")

    assert known.json["decision"]["facts"]["customer.age"] == 30
    assert (unknown.code, "nobody in the store has this identifier" in unknown.err) == (1, True)
    assert (without.code, "an identifier needs --store" in without.err) == (2, True)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [(("check", "nowhere"), 1), (("verify", "--store", "none.db"), 2), (("decide", PROJECT, "--at", "x"), 1)],
)
def test_with_json_problems_are_json_too(run: Run, arguments: tuple[object, ...], code: int) -> None:
    ended = run(*arguments, "--json")

    assert (ended.code, ended.err) == (code, "")
    assert ended.json["problems"][0]["message"]


def test_an_internal_error_is_one_line_without_values(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ValueError("c-001 is 41 years old")

    monkeypatch.setattr("opportune.cli.check.check_directory", broken)

    ended = run("check", PROJECT)

    assert ended.code == 2
    assert re.fullmatch(r"opportune: internal error \(ValueError at .*:\d+\); please report it\n", ended.err)


@pytest.mark.parametrize("arguments", [["init", "--help"], ["decide", str(PROJECT), "--json"]])
def test_a_reader_that_leaves_early_is_no_error(arguments: list[str]) -> None:
    program = [sys.executable, "-m", "opportune.cli", *arguments]
    with subprocess.Popen(program, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.stderr is not None
        assert process.stderr.read() == ""


def test_messages_name_the_program_as_it_was_started(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPPORTUNE_COMMAND", "./run opportune")

    assert "./run opportune check shop" in run("init", "shop").out
    assert "Usage: ./run opportune check" in run("check", "--help").out


def test_every_summary_fits_on_its_line(run: Run) -> None:
    summaries = re.findall(rf"(?m)^  (?:{'|'.join(COMMANDS)}) +(.*)$", run("--help").out)

    assert len(summaries) == len(COMMANDS)
    assert all(len(summary) <= 60 and not summary.endswith("...") for summary in summaries)


def test_decide_takes_files_and_options(run: Run) -> None:
    Path("someone.json").write_text('{"age": 40}')

    found = run(
        "decide", PROJECT, "--customer", "someone.json", "--context", '{"weather": "Rainy"}', "--channel", "till",
        "--placement", "receipt", "--size", "4", "--at", "2026-05-04T18:00:00Z", "--json",
    ).json  # fmt: skip

    assert found["decision"]["at"] == "2026-05-04T18:00:00Z"
    assert "wine" in {shown["action"] for shown in found["decision"]["placements"][0]["actions"]}


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (('{"chanel": 1}',), 2, "unknown key"),
        (("missing.json",), 2, "No such file"),
        (("--customer", "{"), 2, "expected a JSON object"),
        (("--customer", '{"aeg": 1}'), 1, "did you mean 'age'?"),
        (("--channel", "tll"), 1, "did you mean 'till'?"),
        (("--at", "tomorrow"), 1, "expected a moment"),
    ],
)
def test_decide_says_what_is_wrong(run: Run, arguments: tuple[str, ...], code: int, said: str) -> None:
    ended = run("decide", PROJECT, *arguments)

    assert ended.code == code
    assert said in ended.err


def test_decide_uses_what_a_store_has_learned(run: Run, store: Path) -> None:
    contact = '{"channel": "till", "placement": "receipt"}'
    trained = run("decide", PROJECT, contact, "--store", store, "--json").json

    propensities = {
        shown["action"]: shown["propensity"]["accept"] for shown in trained["decision"]["placements"][0]["actions"]
    }
    assert trained["decision"]["position"] > 0
    assert propensities["water"] != pytest.approx(0.2, abs=0.01)


def test_explain_finds_a_decision_by_its_id_and_by_its_request(run: Run, store: Path) -> None:
    by_request = run("explain", "r-49", "--store", store, "--json").json
    by_id = run("explain", by_request["decision"]["id"], "--store", store)
    unknown = run("explain", "d-404", "--store", store)

    assert by_request["explanation"]["scores"] == "recomputed"
    assert by_id.code == 0
    assert "customer.age is missing" in by_id.out or "missing" in by_id.out
    assert (unknown.code, "no decision" in unknown.err) == (1, True)


def test_verify_learns_every_stretch_again(run: Run, store: Path) -> None:
    ended = run("verify", "--store", store, "--json")

    assert ended.code == 0
    assert ended.json["problems"] == []
    assert ended.json["stretches"] >= 1


def test_verify_notices_a_model_that_is_not_its_journal(run: Run, store: Path) -> None:
    with serving(store) as service:
        fill(service, 1)
        service.runtime.learner.model.learn({}, 0, 0, True)
        fill(service, 60)

    ended = run("verify", "--store", store)

    assert ended.code == 1
    assert "leads to another state" in ended.err


def test_replay_folds_to_the_served_model_and_judges_it(run: Run, store: Path) -> None:
    found = run("replay", "--store", store, "--kernel", "numpy", "--json").json
    text = run("replay", "--store", store, "--kernel", "numpy").out

    assert found["equal"] is True
    assert found["report"]["answers"] == 50
    assert "equal to the served model" in text


def test_explain_says_what_became_of_it(run: Run, store: Path) -> None:
    said = run("explain", "r-49", "--store", store).out

    assert re.search(r"decision d-\w+, at 20", said)
    assert "channel till, no customer known" in said
    assert "outcomes so far: water accept" in said
    assert "no single change" in said or "would pass with" in said


def test_replay_compares_although_a_test_was_renamed(run: Run, tmp_path: Path) -> None:
    def serve_from(folder: Path, name: str) -> None:
        strategy = strategy_from_folder(folder)
        with serving(tmp_path / "two.db", of=strategy) as service:
            for number in range(4):
                answer = service.decide(f"{name}-{number}")
                body = {"id": f"o-{name}-{number}", "decision": answer["id"], "action": "water", "outcome": "accept"}
                service.call("POST", "/v1/outcomes", body)
            service.wait(0.05)

    shutil.copytree(PROJECT, "shop")
    serve_from(Path("shop"), "first")
    Path("shop/tests").mkdir()
    Path("shop/tests/none.yaml").write_text("[]\n")
    serve_from(Path("shop"), "second")
    renamed = run("replay", "--store", "two.db", "--kernel", "numpy", "--json")
    goals = Path("shop/goals.yaml")
    goals.write_text(goals.read_text() + "\n# another word\n")
    serve_from(Path("shop"), "third")
    changed = run("replay", "--store", "two.db", "--kernel", "numpy")

    assert (renamed.json["revisions"], renamed.json["equal"]) == (2, True)
    assert re.search(
        r"not compared with the served model, which other revisions taught too: \w{12}, \w{12}", changed.out
    )


@pytest.mark.parametrize("command", [("verify",), ("replay",), ("explain", "x"), ("decide", PROJECT)])
@pytest.mark.parametrize(
    ("store", "said"), [("none.db", "found nothing"), ("folder", "found a folder"), ("text.db", "found another file")]
)
def test_what_is_no_store_is_named(run: Run, command: tuple[object, ...], store: str, said: str) -> None:
    Path("folder").mkdir()
    Path("text.db").write_text("not a store at all" * 100)

    ended = run(*command, "--store", store)

    assert ended.code == 2
    assert f"{store}: expected a store of Opportune, {said}" in ended.err
    assert "; " in ended.err


def test_a_store_that_is_none_is_refused(run: Run, tmp_path: Path) -> None:
    (tmp_path / "other.db").write_text("not a store at all" * 100)

    for command in (("verify",), ("replay",), ("explain", "x")):
        ended = run(*command, "--store", tmp_path / "other.db")
        assert ended.code == 2
        assert ended.err.startswith("opportune: ")


CSV = """id,age,member,city,products,since,shoe
c-1,30,true,Gdynia,wine;water,2026-01-01T00:00:00Z,43
c-2,,no,,,,
c-3,old,true,,,,
,30,true,,,,
c-5,300,maybe,,,,
"""


def attributes(path: Path, customer: str) -> Any:
    with SqliteStorage(path, read_only=True) as storage:
        profile = storage.profile(customer)
        return None if profile is None else profile.attributes


def test_import_takes_good_rows_and_reports_the_others(run: Run, tmp_path: Path) -> None:
    Path("people.csv").write_text(CSV)

    ended = run("import", PROJECT, "people.csv", "--store", "shop.db")

    refused = [json.loads(line) for line in Path("people.csv.refused.jsonl").read_text().splitlines()]
    assert ended.code == 1
    assert "2 rows of 2 customers imported, 3 rows refused." in ended.out
    assert "not imported: shoe" in ended.err
    assert [(line["row"], line["line"]) for line in refused] == [(3, 4), (4, 5), (5, 6)]
    assert [problem["where"] for problem in refused[2]["problems"]] == ["member", "age"]
    assert "300" not in Path("people.csv.refused.jsonl").read_text()
    first = attributes(tmp_path / "shop.db", "c-1")
    assert (first["age"], first["products"], first["member"]) == (30, ["wine", "water"], True)
    assert attributes(tmp_path / "shop.db", "c-2") == {"member": False}


@pytest.mark.parametrize("name", ["people.parquet", "people.jsonl"])
def test_import_reads_typed_files(run: Run, tmp_path: Path, name: str) -> None:
    table = pl.DataFrame({"id": ["c-1", "c-2"], "age": [30, None], "products": [["wine"], ["water", "tea"]]})
    table.write_parquet(name) if name.endswith("parquet") else table.write_ndjson(name)

    found = run("import", PROJECT, name, "--store", "shop.db", "--json")

    assert (found.code, found.json["imported"]) == (0, 2)
    assert attributes(tmp_path / "shop.db", "c-2") == {"products": ["water", "tea"]}


def test_import_maps_columns_and_merges_unless_told_to_replace(run: Run, tmp_path: Path) -> None:
    Path("people.csv").write_text("Customer No,Years\n17,30\n")
    Path("towns.csv").write_text("id,city\n17,Gdynia\n")
    Path("map.yaml").write_text("id: Customer No\nattributes: {age: Years}\n")

    run("import", PROJECT, "people.csv", "--mapping", "map.yaml", "--store", "shop.db")
    run("import", PROJECT, "towns.csv", "--store", "shop.db")
    merged = attributes(tmp_path / "shop.db", "17")
    run("import", PROJECT, "towns.csv", "--replace", "--store", "shop.db")

    assert merged == {"age": 30, "city": "Gdynia"}
    assert attributes(tmp_path / "shop.db", "17") == {"city": "Gdynia"}
    with SqliteStorage(tmp_path / "shop.db", read_only=True) as storage:
        assert {entry.origin for entry in storage.journal(kinds=(Kind.PROFILE,))} == {Origin.IMPORT}


def test_a_mapping_changes_only_what_it_names(run: Run, tmp_path: Path) -> None:
    Path("people.csv").write_text("id,Years,age,city,member\n17,30,99,Gdynia,yes\n")
    Path("map.yaml").write_text("attributes: {age: Years, member: ~}\n")

    ended = run("import", PROJECT, "people.csv", "--mapping", "map.yaml", "--store", "shop.db")

    assert attributes(tmp_path / "shop.db", "17") == {"age": 30, "city": "Gdynia"}
    assert "columns not imported: age, member" in ended.err


@pytest.mark.parametrize("separator", [";", "\t"])
def test_import_finds_out_what_stands_between_columns(run: Run, tmp_path: Path, separator: str) -> None:
    lines = (("id", "age", "products"), ("c-1", "30", '"wine;water"'), ("c-2", "31", "tea"))
    Path("people.csv").write_text("".join(separator.join(line) + "\n" for line in lines))

    ended = run("import", PROJECT, "people.csv", "--store", "shop.db")

    assert ended.code == 0
    assert attributes(tmp_path / "shop.db", "c-1") == {"age": 30, "products": ["wine", "water"]}


def test_import_counts_rows_and_customers(run: Run) -> None:
    Path("people.csv").write_text('id,age,city\nc-1,30,"Gdynia\nCentre"\nc-1,31,\nc-2,old,\n')

    ended = run("import", PROJECT, "people.csv", "--store", "shop.db")

    (refused,) = [json.loads(line) for line in Path("people.csv.refused.jsonl").read_text().splitlines()]
    assert "2 rows of 1 customer imported, 1 row refused." in ended.out
    assert (refused["row"], refused["line"]) == (3, 5)


@pytest.mark.parametrize(
    ("name", "text", "options", "said"),
    [
        ("people.txt", "id,age\n", (), "expected a file that ends in"),
        ("people.parquet", "id,age\n", (), "expected Parquet"),
        ("people.jsonl", "{", (), "expected JSON Lines"),
        ("people.csv", "key,age\n1,2\n", (), "the file has no such column"),
        ("people.csv", "id,shoe\n1,2\n", (), "no column has the name of an attribute"),
        ("people.csv", "", (), "no such column"),
        ("missing.csv", None, (), "No such file"),
        ("people.csv", "id,age\n1,2\n", ("--mapping", "map.yaml"), "the project does not declare it"),
    ],
)
def test_import_says_what_is_wrong_with_a_file(
    run: Run, name: str, text: str | None, options: tuple[str, ...], said: str
) -> None:
    Path("map.yaml").write_text("id: id\nattributes: {height: age}\n")
    if text is not None:
        Path(name).write_text(text)

    ended = run("import", PROJECT, name, "--store", "shop.db", *options)

    assert ended.code in (1, 2)
    assert said in ended.err


def test_import_does_not_write_beside_a_service(run: Run, store: Path) -> None:
    Path("people.csv").write_text("id,age\nc-1,30\n")

    with serving(store):
        ended = run("import", PROJECT, "people.csv", "--store", store)

    assert ended.code == 2
    assert "another process writes to this store" in ended.err


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.7", "example.test", "::"])
def test_serve_listens_on_loopback_unless_told_twice(run: Run, host: str) -> None:
    ended = run("serve", PROJECT, "--host", host)

    assert ended.code == 2
    assert "--open-to-network" in ended.err


def test_serve_never_starts_with_a_broken_project(run: Run) -> None:
    run("init", "shop")
    Path("shop/goals.yaml").write_text("profit: {}\n")

    ended = run("serve", "shop", "--port", "0")

    assert ended.code == 1
    assert "goals.yaml:1:" in ended.err
    assert not Path("opportune.db").exists()
