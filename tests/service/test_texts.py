"""A text in a request or a note of a session: what it says counts at once, never waits long, and is kept nowhere."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from opportune.customers.texts import FoundInText, TextReader
from opportune.service.revisions import Strategy, strategy_from_files

from .shop import Service, files, serving

LOST = "I lost my card, Zwierzyniec"
MOURNED = "Nienawidzę was! Oddajcie mi moje pieniądze, Zwierzyniec!"
CONTEXT = """
weather: {type: text, values: [Sunny, Rainy]}
minutes: {type: number, range: [0, 600]}
topic: {type: text, values: [card, pin]}
mood: {type: text, values: [annoyed, calm], keeps: session}
"""
TEXTS = """
topic: {models: banking_topics, labels: {lost_or_stolen_card: card, change_pin: pin}}
mood: {models: film_moods, at_least: 0.4, labels: {anger: annoyed, joy: calm}}
"""
TEA = """
kind: offer
title: tea
eligibility: "!(known(context.topic) && context.topic == 'card') && !(known(context.mood) && context.mood == 'annoyed')"
values: {profit: {accept: 1}}
treatments:
  till:
    card: {content: {en: {title: Tea}, pl: {title: Herbata}}}
"""


def strategy() -> Strategy:
    return strategy_from_files(files(context=CONTEXT, texts=TEXTS, actions__drinks__tea=TEA))[0]


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    with serving(tmp_path / "shop.db", of=strategy()) as one:
        yield one


def ask(service: Service, id: str, session: str | None = None, **more: Any) -> dict[str, Any]:
    return service.decide(id, session=session, placements=[{"name": "receipt", "size": 10}], **more)


def shown(answer: dict[str, Any]) -> set[str]:
    return {one["action"] for placement in answer["placements"] for one in placement["actions"]}


def decision(service: Service, answer: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = service.call("GET", f"/v1/decisions/{answer['id']}").json()["decision"]
    return found


def test_what_a_text_says_counts_in_the_answer(service: Service) -> None:
    silent, said = ask(service, "r-1"), ask(service, "r-2", text=LOST, language="en")

    assert "tea" in shown(silent)
    assert "tea" not in shown(said)
    assert decision(service, said)["facts"]["context.topic"] == "card"
    assert "context.mood: no model of this language" in decision(service, said)["doubts"]


def test_what_the_caller_says_of_an_attribute_goes_before_the_text(service: Service) -> None:
    said = ask(service, "r-1", text=LOST, language="en", context={"topic": "pin"})

    assert decision(service, said)["facts"]["context.topic"] == "pin"
    assert "tea" in shown(said)


def test_what_a_session_keeps_of_a_text_holds_in_its_later_turns(service: Service) -> None:
    said = ask(service, "r-1", session="s-1", text=MOURNED, language="pl")
    later, other = ask(service, "r-2", session="s-1"), ask(service, "r-3", session="s-2")

    assert "tea" not in shown(said)
    assert "tea" not in shown(later)
    assert decision(service, later)["facts"]["context.mood"] == "annoyed"
    assert "tea" in shown(other)


def test_a_note_of_the_session_is_read_too(service: Service) -> None:
    added = service.call("POST", "/v1/sessions/s-1", {"id": "n-1", "text": MOURNED, "language": "pl"})

    assert added.json()["context"] == {"mood": "annoyed"}
    assert "tea" not in shown(ask(service, "r-1", session="s-1"))


def test_what_was_read_for_one_who_is_not_known_yet_is_told_to_no_other(service: Service) -> None:
    ask(service, "r-1", session="s-1", customer="c-1", text=MOURNED, language="pl")
    other = ask(service, "r-2", session="s-1", customer="c-2")

    assert "context.mood" not in decision(service, other)["facts"]
    service.call("POST", "/v1/sessions/s-2", {"id": "n-1", "customer": "c-1", "text": MOURNED, "language": "pl"})
    assert "context.mood" not in decision(service, ask(service, "r-3", session="s-2"))["facts"]


def test_a_text_that_takes_too_long_is_named_and_not_waited_for(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = Event()

    def read(reader: TextReader, text: str, language: str | None = None) -> FoundInText:
        ended.wait(30)
        return FoundInText({"context.topic": "card"}, ())

    monkeypatch.setattr(TextReader, "read", read)
    try:
        answer = ask(service, "r-1", text=LOST, language="en")
    finally:
        ended.set()

    assert answer["degraded"] is None
    assert "tea" in shown(answer)
    assert decision(service, answer)["doubts"] == ["context.topic: late", "context.mood: late"]


def test_a_text_of_any_kind_is_answered(service: Service) -> None:
    texts = ["", "\x00", "😡" * 30_000, "ﷺ" * 30_000, "a" * 100_000, "漢字 " * 20_000]

    answers = [ask(service, f"r-{number}", text=text) for number, text in enumerate(texts)]

    assert [answer["degraded"] for answer in answers] == [None] * len(texts)


def test_a_text_of_the_wrong_type_is_refused(service: Service) -> None:
    refused = service.call(
        "POST", "/v1/decisions", {"id": "r", "channel": "till", "placements": [{"name": "receipt"}], "text": 5}
    )

    assert refused.status_code == 422


def test_the_text_itself_is_written_nowhere(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with serving(tmp_path / "shop.db", of=strategy()) as service:
        first = ask(service, "Planty-1", session="s-1", text=LOST, language="en")
        again = ask(service, "Planty-1", session="s-1", text=LOST, language="en")
        service.call("POST", "/v1/sessions/s-1", {"id": "n-1", "text": MOURNED, "language": "pl"})
        told = service.call("GET", f"/v1/decisions/{first['id']}").text
        everything = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    everything += b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())

    assert first == again
    # What is kept of the request is found, so the search would find the text.
    assert b"Planty-1" in everything
    assert b"Zwierzyniec" not in everything
    assert "Zwierzyniec" not in told + "".join(capfd.readouterr())
