"""Several calls in one conversation: what is added re-ranks the next answer, and nothing flickers."""

from __future__ import annotations

from typing import Any

import pytest

from opportune.service.revisions import Strategy, strategy_from_files

from .shop import Service, files

COFFEE = """
kind: offer
title: coffee
eligibility: "context.need != 'rest' && !('coffee' in session.rejected)"
suitability: "session.turn <= 4"
values: {profit: {accept: 3}}
treatments:
  till:
    card: {content: {en: {title: A coffee}, pl: {title: coffee}}}
"""
CONTEXT = """
weather: {type: text, values: [Sunny, Rainy]}
minutes: {type: number, range: [0, 600]}
need: {type: text, values: [rest, wake], keeps: session}
"""


@pytest.fixture
def strategy() -> Strategy:
    return strategy_from_files(files(context=CONTEXT, actions__drinks__coffee=COFFEE))[0]


def shown(answer: dict[str, Any]) -> set[str]:
    return {one["action"] for placement in answer["placements"] for one in placement["actions"]}


def ask(service: Service, id: str, session: str | None = "s-1", **more: Any) -> dict[str, Any]:
    return service.decide(id, session=session, placements=[{"name": "receipt", "size": 10}], **more)


def facts(service: Service, answer: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = service.call("GET", f"/v1/decisions/{answer['id']}").json()["decision"]["facts"]
    return found


def test_what_a_turn_said_holds_for_the_later_ones_until_said_otherwise(service: Service) -> None:
    wake = ask(service, "r-1", context={"need": "wake"})
    later = ask(service, "r-2")
    rest = ask(service, "r-3", context={"need": "rest"})
    still = ask(service, "r-4")
    other = ask(service, "r-5", session="s-2")

    assert "coffee" in shown(wake) & shown(later)
    assert "coffee" not in shown(rest) | shown(still) | shown(other)
    assert facts(service, still)["context.need"] == "rest"
    assert "context.need" not in facts(service, other)


def test_null_clears_what_the_session_kept(service: Service) -> None:
    ask(service, "r-1", context={"need": "wake"})
    cleared = ask(service, "r-2", context={"need": None})
    after = ask(service, "r-3")

    assert "context.need" not in facts(service, cleared)
    assert "context.need" not in facts(service, after)


def test_what_is_added_between_two_decisions_ranks_the_next_one_anew(service: Service) -> None:
    ask(service, "r-1", customer="c-1", context={"need": "wake"})
    news = {"id": "n-1", "context": {"need": "rest"}, "events": [{"type": "call_ended"}]}
    added = service.call("POST", "/v1/sessions/s-1", news).json()

    assert added["context"] == {"need": "rest"}
    assert "coffee" not in shown(ask(service, "r-2", customer="c-1"))
    assert service.call("POST", "/v1/sessions/s-1", news).json()["status"] == "repeated"
    entries = service.call("GET", "/v1/customers/c-1/history").json()["entries"]
    assert sum(one["kind"] == "event" for one in entries) == 2


@pytest.mark.parametrize("whose", [{}, {"customer": "c-1"}])
def test_news_that_come_again_tell_what_the_session_knows_now(service: Service, whose: dict[str, str]) -> None:
    first = {"id": "n-1", "context": {"need": "wake"}, **whose}
    service.call("POST", "/v1/sessions/s-1", first)
    service.call("POST", "/v1/sessions/s-1", {"id": "n-2", "context": {"need": "rest"}, **whose})
    again = service.call("POST", "/v1/sessions/s-1", first).json()

    assert (again["status"], again["context"]) == ("repeated", {"need": "rest"})


def test_news_that_come_again_bring_nothing_back_that_was_cleared(service: Service) -> None:
    first = {"id": "n-1", "customer": "c-1", "context": {"need": "wake"}}
    service.call("POST", "/v1/sessions/s-1", first)
    service.call("POST", "/v1/sessions/s-1", {"id": "n-2", "customer": "c-1", "context": {"need": None}})

    assert service.call("POST", "/v1/sessions/s-1", first).json()["context"] == {}


def test_news_may_have_ids_as_long_as_any(service: Service) -> None:
    news = {"id": "n" * 256, "context": {"need": "wake"}}

    told = [service.call("POST", "/v1/sessions/s-1", news).json()["status"] for _ in range(2)]
    other = service.call("POST", "/v1/sessions/s-1", {**news, "context": {"need": "rest"}})
    longer = service.call("POST", "/v1/sessions/s-1", {**news, "id": "n" * 257})

    assert told == ["recorded", "repeated"]
    assert other.json()["code"] == "id-conflict"
    assert longer.json()["detail"] == "id: expected 1 to 256 characters, found 257"


def test_an_answer_changes_what_comes_next(service: Service) -> None:
    first = ask(service, "r-1", context={"need": "wake"})
    outcome = {"id": "o-1", "decision": first["id"], "action": "coffee", "outcome": "reject"}
    service.call("POST", "/v1/outcomes", outcome)
    second = ask(service, "r-2")

    assert "coffee" in shown(first)
    assert "coffee" not in shown(second)
    told = facts(service, second)
    assert (told["session.turn"], told["session.rejected"], told["session.accepted"]) == (2, ["coffee"], [])
    assert set(told["session.shown"]) == shown(first)
    service.call("POST", "/v1/outcomes", {"id": "o-2", "decision": first["id"], "withdraws": "o-1"})
    assert "coffee" in shown(ask(service, "r-3"))


def test_turns_are_counted(service: Service) -> None:
    answers = [ask(service, f"r-{n}", context={"need": "wake"}) for n in range(6)]

    assert [facts(service, one)["session.turn"] for one in answers] == [1, 2, 3, 4, 5, 6]
    assert ["coffee" in shown(one) for one in answers] == [True] * 4 + [False] * 2


def test_what_a_session_does_not_keep_is_refused(service: Service) -> None:
    news = {"id": "", "context": {"weather": "Sunny", "need": "tea"}, "events": [{"type": "odd"}]}
    problems = service.call("POST", "/v1/sessions/s-1", news).json()["problems"]

    assert {one["where"] for one in problems} == {"id", "events[0].type", "context.need", "context.weather"}


def test_the_same_question_twice_has_the_same_answer_though_others_teach_meanwhile(service: Service) -> None:
    for number in range(30):
        session = f"s-{number}"
        before = service.decide(f"a-{number}", session=session, context={"weather": "Rainy"})
        learned = service.decide(f"b-{number}", session=f"other-{number}")
        for action in shown(learned):
            outcome = {"id": f"o-{number}-{action}", "decision": learned["id"], "action": action, "outcome": "reject"}
            service.call("POST", "/v1/outcomes", outcome)
        after = service.decide(f"c-{number}", session=session, context={"weather": "Rainy"})
        first, second = (
            service.call("GET", f"/v1/decisions/{one['id']}").json()["decision"] for one in (before, after)
        )
        assert first["seed"] == second["seed"]
        assert [one["uniforms"] for one in first["traces"]] == [one["uniforms"] for one in second["traces"]]


def test_a_session_that_nobody_heard_of_has_its_first_turn(service: Service) -> None:
    answer = ask(service, "r-1", session="a/b?c")
    added = service.call("POST", "/v1/sessions/a%2Fb%3Fc", {"id": "n", "context": {"need": "rest"}})

    assert facts(service, answer)["session.turn"] == 1
    assert added.status_code == 200
    assert facts(service, ask(service, "r-2", session="a/b?c"))["context.need"] == "rest"
