"""`opportune decide`: what it shows, what it takes, and what it says of a wrong contact."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from opportune.service.revisions import strategy_from_folder
from tests.cli.conftest import Run
from tests.service.shop import PROJECT, files, serving


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


@pytest.mark.parametrize(
    ("contact", "said"),
    [
        ({"channel": ["a"]}, "channel: expected the name of a channel as text; known: "),
        ({"channel": {"a": 1}}, "channel: expected the name of a channel as text; known: "),
        ({"at": "0001-01-01T00:00:00+14:00"}, "at: expected a moment of the years 1 to 9999 in UTC, found one outside"),
        ({"at": "9999-12-31T23:59:59-14:00"}, "at: expected a moment of the years 1 to 9999 in UTC, found one outside"),
        ({"channel": "[red]:x:[/red]"}, "the strategy has no channel '[red]:x:[/red]'"),
    ],
)
def test_decide_refuses_a_wrong_contact_with_place_and_remedy(run: Run, contact: dict[str, object], said: str) -> None:
    ended = run("decide", PROJECT, json.dumps(contact))

    assert ended.code == 1
    assert said in ended.err


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


def test_decide_says_what_showing_changes(run: Run) -> None:
    run("init", "shop")
    project, groups = Path("shop/project.yaml"), Path("shop/control_groups.yaml")
    channels = Path("shop/channels.yaml")
    project.write_text(project.read_text() + "score: incremental\n")
    groups.write_text("half: { share: 0.5, choose: withhold, period: forever }\n")
    window = "call_centre:\n  response_window: { days: 2, default: reject }\n"
    channels.write_text(channels.read_text().replace("call_centre:\n", window))
    contact = {"customer": {"age": 41, "plan": "basic", "data_used_percent": 95}, "channel": "app"}

    found = [run("decide", "shop", json.dumps({**contact, "session": f"s-{number}"})) for number in range(8)]

    assert {one.code for one in found} == {0}
    shown = [one.out for one in found if "control group" not in one.out]
    held = [one.out for one in found if "control group half" in one.out]
    assert shown
    assert held
    assert all(re.search(r"\n   accept \d+\.\d % if shown, \d+\.\d % if not: \+0\.0 points\n", one) for one in shown)
    assert all("\nnothing is shown: the control group goes without\n" in one for one in held)
    assert all(re.search(r"\n-  \w+ \(\w+\)  withheld: it would have been shown in place 1, rank", one) for one in held)
    assert all("% if not: +0.0 points" in one for one in held)


def test_decide_names_the_values_that_the_rules_of_a_shown_action_read(run: Run) -> None:
    contact = {"customer": {"age": 40, "city": "Gdynia"}, "channel": "till", "placement": "receipt", "size": 9}

    lines = run("decide", PROJECT, json.dumps(contact)).out.splitlines()

    coffee = next(place for place, line in enumerate(lines) if ". coffee (" in line)
    water = next(place for place, line in enumerate(lines) if ". water (" in line)
    assert "   rules passed with customer.age = 40" in lines[coffee : coffee + 5]
    assert not any("rules passed" in line for line in lines[water : water + 2])


@pytest.fixture
def asking(tmp_path: Path) -> Path:
    """The corner shop, where offers need consent, coffee an event and a complaint."""
    coffee = files()["actions/drinks/coffee.yaml"]
    texts = files(
        consents="offers: { basis: consent, kinds: [offer], texts: { v1: 'May we?' } }\n",
        events="left_shop: {attributes: {minutes: {type: number}}}\n",
        features="leavings_7d: {count: left_shop, within: {days: 7}}\n",
        texts="mood: {models: film_moods, labels: {anger: annoyed, disgust: annoyed, joy: calm}, at_least: 0.4}\n",
        context=files()["context.yaml"] + "mood: {type: text, values: [calm, annoyed]}\n",
        actions__drinks__coffee=coffee.replace(
            '"customer.age >= 18"', "\"feature.leavings_7d >= 2 && context.mood == 'annoyed'\""
        ),
    )
    return folder_of(texts, tmp_path / "asking")


def folder_of(texts: dict[str, str], folder: Path) -> Path:
    for path, text in texts.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")
    return folder


CONTACT = {"customer": {"age": 40}, "channel": "till", "placement": "receipt", "size": 9, "language": "pl"}
LEFT = [{"event": "left_shop", "ago": {"days": days}} for days in (1, 3, 30)]


def test_decide_imagines_what_was_said_and_what_happened(run: Run, asking: Path) -> None:
    text = "Nienawidzę was! Oddajcie mi moje pieniądze!"
    full = {**CONTACT, "consents": {"offers": True}, "events": LEFT, "text": text}

    def shown(contact: dict[str, object]) -> set[str]:
        found = run("decide", asking, json.dumps(contact), "--json").json["decision"]
        return {one["action"] for one in found["placements"][0]["actions"]}

    assert shown(CONTACT) == {"call_back"}
    assert shown({**full, "consents": {"offers": [False]}}) == {"call_back"}
    assert shown({**CONTACT, "consents": {"offers": {"given": True, "channel": "till"}}}) == {"call_back", "water"}
    assert shown(full) == {"call_back", "water", "coffee"}
    assert 'context.mood = "annoyed", feature.leavings_7d = 2' in run("decide", asking, json.dumps(full)).out


def test_decide_refuses_what_cannot_be_imagined_all_at_once(run: Run, asking: Path) -> None:
    wrong = {**CONTACT, "consents": {"offer": True}, "events": [{"event": "left_shops"}], "zone": "Mars"}

    ended = run("decide", asking, json.dumps(wrong))
    formed = run("decide", asking, json.dumps({**CONTACT, "consents": {"offers": "yes"}, "text": 7}))

    assert ended.code == formed.code == 1
    for said in ("unknown purpose 'offer'; did you mean 'offers'?", "unknown event type 'left_shops'", "zone"):
        assert said in ended.err
    assert "consents.offers" in formed.err
    assert "text" in formed.err


def test_decide_goes_on_with_a_session_of_the_store(run: Run, tmp_path: Path) -> None:
    kept = files()["context.yaml"] + "mood: {type: text, values: [calm, annoyed], keeps: session}\n"
    rule = "suitability: \"!known(session.rejected) || !('coffee' in session.rejected)\"\n"
    coffee = files()["actions/drinks/coffee.yaml"] + rule
    project = folder_of(files(context=kept, actions__drinks__coffee=coffee), tmp_path / "talking")
    store = ("--store", tmp_path / "shop.db")
    with serving(tmp_path / "shop.db", of=strategy_from_folder(project)) as service:
        service.call("PUT", "/v1/customers/c-1", {"attributes": {"age": 40}})
        places = [{"name": "receipt", "size": 9}]
        first = service.decide("r-1", customer="c-1", session="call-1", context={"mood": "annoyed"}, placements=places)
        refused = {"id": "o-1", "decision": first["id"], "action": "coffee", "outcome": "reject"}
        assert service.call("POST", "/v1/outcomes", refused).json()["status"] == "recorded"
        service.wait(0.05)
        service.decide("r-2", customer="c-1", session="call-1", placements=places)
        served = service.call("GET", "/v1/decisions/r-2").json()["decision"]
    contact = {"channel": "till", "placement": "receipt", "session": "call-1"}

    def known(*options: object, **changed: object) -> tuple[object, ...]:
        facts = run("decide", project, json.dumps({**contact, **changed}), *options, "--json").json["decision"]["facts"]
        return facts["session.turn"], facts.get("context.mood"), facts["session.rejected"]

    anna = ("--customer", "c-1", *store)
    again = run("decide", project, json.dumps({**contact, "size": 9}), *anna, "--json").json["decision"]
    assert again["seed"] == served["seed"]
    assert known(*anna) == (3, "annoyed", ["coffee"])
    assert known(*anna, context={"mood": None}) == (3, None, ["coffee"])
    assert known(*anna, context={"mood": "calm"}) == (3, "calm", ["coffee"])
    assert known(*store) == known(*anna, session="call-2") == known() == (1, None, [])
    said = run("decide", project, json.dumps(contact), *anna).out
    assert '\nfound out: context.mood = "annoyed", session.turn = 3, session.minutes = ' in said
    assert 'session.rejected is ["coffee"], rule wants !("coffee" in session.rejected)' in said


def test_a_contact_may_begin_with_a_byte_order_mark(run: Run) -> None:
    Path("contact.json").write_text('{"customer": {"age": 41}}', encoding="utf-8-sig")

    ended = run("decide", PROJECT, "contact.json", "--json")

    assert ended.code == 0, ended.err
    assert ended.json["decision"]["facts"]["customer.age"] == 41
