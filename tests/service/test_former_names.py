"""What was shown under a former name counts under the name of today, in answers and in reports about the past."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from opportune.evaluate.foresight import outlook
from opportune.evaluate.foresight.recorded import recorded_cases, with_history
from opportune.evaluate.off_policy.recorded import Span
from opportune.service import Settings
from opportune.service.course import Course
from opportune.service.foreseeing import sides_of
from opportune.service.judged_log import judged_log
from opportune.service.publishing import current
from opportune.service.revisions import strategy_from_files
from opportune.storage import SqliteStorage

from .shop import Service, files, serving
from .test_corrections import Clock
from .test_limits import know, shown

ALL = [{"name": "receipt", "size": 9}]
COFFEE = "actions/drinks/coffee.yaml"
ONCE = {"contact_policies": "once: {at_most: 1, within: {days: 7}, per: action, actions: [coffee], exempt: []}\n"}
RESTING = {"contact_policies": "after_no: {after: {outcome: reject}, rest: {days: 7}, exempt: []}\n"}
BY_GROUP = {"contact_policies": "once: {at_most: 1, within: {days: 7}, per: group, exempt: []}\n"}
TIRING = {"goals": "profit: {unit: EUR, currency: EUR, fatigue: {each: 2, within: {days: 7}, per: action}}\n"}
ASKING = {
    "features": "seen: {count: shown, over: contacts, per: action, within: {days: 7}}\n",
    "actions__drinks__coffee": files()[COFFEE].replace("customer.age >= 18", "feature.seen < 1"),
}

REJECTED = {"actions__drinks__coffee": files()[COFFEE].replace("customer.age >= 18", "!('coffee' in session.rejected)")}
WORLDS: dict[str, dict[str, Any]] = {
    "at most": ONCE,
    "rest": RESTING,
    "fatigue": TIRING,
    "feature": ASKING,
    "session": REJECTED,
}


def called(texts: Mapping[str, str], name: str, *former: str) -> dict[str, str]:
    """Give the files with another name for coffee, and say so as far as `former` does."""
    found = {path: text.replace("[coffee]", f"[{name}]") for path, text in texts.items() if path != COFFEE}
    own = texts[COFFEE].replace("'coffee'", f"'{name}'")
    return found | {f"actions/drinks/{name}.yaml": f"{own}renamed_from: [{', '.join(former)}]\n"}


def grouped(texts: Mapping[str, str]) -> dict[str, str]:
    """Give the files with another name for drinks."""
    found = {path.replace("/drinks/", "/beverages/"): text for path, text in texts.items()}
    return found | {"actions/beverages/group.yaml": "renamed_from: drinks\n"}


def publish(service: Service, texts: Mapping[str, str]) -> None:
    assert service.call("POST", "/v1/revisions", {"files": texts}).status_code == 200


def ask(service: Service, id: str, customer: str = "c-1") -> list[str]:
    return shown(service.decide(id, customer=customer, placements=ALL))


@pytest.mark.parametrize("world", ["at most", "feature"])
def test_what_was_shown_under_a_name_that_was_taken_back_counts(tmp_path: Path, world: str) -> None:
    first = strategy_from_files(files(**WORLDS[world]))[0]
    with serving(tmp_path / "shop.db", of=first) as service:
        know(service, "c-1")
        publish(service, called(first.project.files, "espresso", "coffee"))
        assert "espresso" in ask(service, "r-1")

        service.call("POST", "/v1/revisions/rollback", {})

        assert "coffee" not in ask(service, "r-2")
    with serving(tmp_path / "shop.db", of=first) as service:
        assert "coffee" not in ask(service, "r-3")


def test_what_was_rejected_in_a_conversation_stays_so_under_a_new_name(tmp_path: Path) -> None:
    first = strategy_from_files(files(**REJECTED))[0]
    with serving(tmp_path / "shop.db", of=first) as service:
        know(service, "c-1")
        answer = service.decide("r-1", customer="c-1", session="s-1", placements=ALL)
        report = {"id": "o-1", "decision": answer["id"], "action": "coffee", "outcome": "reject"}
        assert service.call("POST", "/v1/outcomes", report).status_code == 200

        publish(service, called(first.project.files, "espresso", "coffee"))

        assert "espresso" not in shown(service.decide("r-2", customer="c-1", session="s-1", placements=ALL))
        assert "espresso" in shown(service.decide("r-3", customer="c-1", session="s-2", placements=ALL))


def test_a_limit_counts_what_was_shown_under_a_name_that_no_file_tells_any_more(tmp_path: Path) -> None:
    texts = files(**ONCE)
    with serving(tmp_path / "shop.db", of=strategy_from_files(texts)[0]) as service:
        know(service, "c-1")
        assert "coffee" in ask(service, "r-1")
        publish(service, called(texts, "espresso", "coffee"))
        publish(service, called(texts, "lungo", "espresso"))

        assert "lungo" not in ask(service, "r-2")


def test_an_action_that_takes_a_free_name_has_no_contacts_of_the_one_before(tmp_path: Path) -> None:
    texts = files(**ONCE)
    espresso = called(texts, "espresso", "coffee")
    with serving(tmp_path / "shop.db", of=strategy_from_files(texts)[0]) as service:
        know(service, "c-1", "c-2")
        publish(service, espresso)
        assert "espresso" in ask(service, "r-1")
        untold = espresso | {"actions/drinks/espresso.yaml": texts[COFFEE]}
        publish(service, untold | {COFFEE: texts[COFFEE]})

        assert "espresso" not in ask(service, "r-2")
        assert "coffee" in ask(service, "r-3")


@pytest.mark.parametrize("target", ["espresso", "beverages"])
def test_what_was_switched_off_stays_off_when_its_name_is_taken_back(tmp_path: Path, target: str) -> None:
    with serving(tmp_path / "shop.db") as service:
        know(service, "c-1")
        publish(service, called(files(), "espresso", "coffee") if target == "espresso" else grouped(files()))
        service.call("POST", "/v1/limits/switches", {"target": target, "off": True})
        assert "coffee" not in ask(service, "r-1")

        service.call("POST", "/v1/revisions/rollback", {})

        assert "coffee" not in ask(service, "r-2")
        was = {"espresso": "coffee", "beverages": "drinks"}[target]
        service.call("POST", "/v1/limits/switches", {"target": was, "off": False})
        assert "coffee" in ask(service, "r-3")


def recorded(path: Path, texts: Mapping[str, str], later: Mapping[str, str], back: bool = False) -> None:
    """Decide for three customers three times each, a refusal after the first, and rename."""
    clock = Clock()
    settings = Settings(kernel="numpy", clock=clock)
    with serving(SqliteStorage(path, clock=clock), settings, strategy_from_files(texts)[0]) as service:
        know(service, "c-1", "c-2", "c-3")
        if back:
            publish(service, later)
        for number in range(9):
            clock.now += timedelta(hours=1)
            who = f"c-{1 + number % 3}"
            answer = service.decide(f"r-{number}", customer=who, session=f"s-{who}", placements=ALL)
            actions = shown(answer)
            if number < 3:
                action = next(one for one in actions if one in ("coffee", "espresso"))
                report = {"id": f"o-{number}", "decision": answer["id"], "action": action, "outcome": "reject"}
                service.call("POST", "/v1/outcomes", report)
        if back:
            service.call("POST", "/v1/revisions/rollback", {})
        else:
            publish(service, later)


@pytest.mark.parametrize(
    ("world", "back"), [*((world, False) for world in (*WORLDS, "group")), ("at most", True), ("feature", True)]
)
def test_a_new_name_changes_neither_what_is_judged_nor_what_is_foreseen(tmp_path: Path, world: str, back: bool) -> None:
    texts = files(**WORLDS.get(world, BY_GROUP))
    later = grouped(texts) if world == "group" else called(texts, "espresso", "coffee")
    recorded(tmp_path / "shop.db", texts, later, back)

    with SqliteStorage(tmp_path / "shop.db", read_only=True) as storage:
        course = Course(storage)
        step = current(course)
        assert step is not None
        served = course.strategies.of(step.hash)
        log = judged_log(storage, course, served, served.plan, Span(), "numpy")
        first = course.strategies.of(course.steps[0].hash)
        cases = recorded_cases(storage, 100)
        sides = sides_of(first, strategy_from_files(later)[0], course, None, "numpy")
        seen = outlook(sides, with_history(storage, cases, [sides.before.plan, sides.after.plan]))

    assert log.decisions == len(cases) == 9
    assert log.beyond.max() == 0.0
    assert log.wanted.tolist() == log.logged.tolist()
    assert seen.changes == ()


def test_a_checkpoint_from_before_a_new_name_knows_what_was_learned_under_the_old_one(tmp_path: Path) -> None:
    clock = Clock()
    settings = Settings(kernel="numpy", clock=clock)
    texts = files() | {"project.yaml": files()["project.yaml"] + "exploration: {method: thompson, floor: 0.05}\n"}
    first = strategy_from_files(texts)[0]
    with serving(SqliteStorage(tmp_path / "shop.db", clock=clock), settings, first) as service:
        know(service, "c-1")
        for number in range(12):
            answer = service.decide(f"r-{number}", customer="c-1", session=f"s-{number}", placements=ALL)
            report = {"id": f"o-{number}", "decision": answer["id"], "action": "coffee", "outcome": "accept"}
            service.call("POST", "/v1/outcomes", report)
    renamed_at = clock.now = clock.now + timedelta(hours=1)
    with serving(SqliteStorage(tmp_path / "shop.db", clock=clock), settings, first) as service:
        publish(service, called(texts, "espresso", "coffee"))
        for number in range(5):
            answer = service.decide(f"later-{number}", customer="c-1", session=f"s-{number}", placements=ALL)
        # What is learned after them is kept in a checkpoint that comes too late.
        report = {"id": "o-last", "decision": answer["id"], "action": "water", "outcome": "reject"}
        service.call("POST", "/v1/outcomes", report)

    with SqliteStorage(tmp_path / "shop.db", read_only=True) as storage:
        course = Course(storage)
        served = course.strategies.of(course.steps[-1].hash)
        log = judged_log(storage, course, served, served.plan, Span(renamed_at), "numpy")

    assert log.decisions == 5
    assert log.wanted.tolist() == log.logged.tolist()
