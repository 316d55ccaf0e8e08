"""One person of whom forty things are known that nobody else has, planted wherever something of a person can go."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from opportune.service.revisions import Strategy, strategy_from_files
from opportune.storage import (
    JoinUnit,
    MergePersons,
    RecordConsent,
    RecordEvent,
    SaveProfile,
    Storage,
)
from tests.service.shop import Service, decision, files

__all__ = ["CANARIES", "CUSTOMER", "found_in", "hits", "live", "others", "plant", "strategy", "was_there"]

BEFORE = datetime(2026, 1, 5, 10, tzinfo=UTC)
"""When things happened that are told again later."""


def _word(number: int) -> str:
    return f"canary{number:02d}x{(number * 7919 + 104729) * 31 % 10**8:08d}"


CANARIES = tuple(_word(number) for number in range(1, 41))
"""What is looked for, byte by byte; numbers among them are the digits behind the x."""
(CUSTOMER, EMAIL, PHONE, COOKIE, DEVICE, CARD, OTHER) = CANARIES[:7]
CITY, STREET, NOTE, NEW_CITY, SECRET, EMAIL_CITY, IMPORTED, REMOVED = CANARIES[7:15]
PRODUCTS = CANARIES[15:18]
EVENT_TEXT, EVENT_ITEM, EVENT_LATER, EVENT_EMAIL, EVENT_ANONYMOUS = CANARIES[18:23]
CONTEXT_TEXT, CONTEXT_ITEM, CONTEXT_APP, CONTEXT_FALLBACK = CANARIES[23:27]
SOURCE, VERSION, SOURCE_AGAIN, SOURCE_EMAIL = CANARIES[27:31]
GREETED, GREETED_LATER = CANARIES[31:33]
NUMBER, BIG_NUMBER, CONTEXT_NUMBER = (word[9:] for word in CANARIES[33:36])
HISTORY_CITY, TOLD_BY_CALL, LAST_NOTE, OBJECTED = CANARIES[36:40]

ATTRIBUTES = """\
age: {type: integer, range: [0, 120]}
member: {type: boolean}
city: {type: text}
street: {type: text, predictor: false}
note: {type: text, max_length: 500}
name: {type: text, if_missing: friend}
points: {type: integer}
balance: {type: number}
products: {type: texts, max_items: 5}
since: {type: timestamp}
"""
CONTEXT = """\
weather: {type: text, values: [Sunny, Rainy]}
minutes: {type: number}
wish: {type: text, keeps: session}
looked_at: {type: texts}
"""
EVENTS = "call_ended: {attributes: {minutes: {type: number}, said: {type: text}, about: {type: texts}}}\n"
CONSENTS = """\
offers: {basis: objection, kinds: [offer]}
profiling: {basis: objection, profiling: true, channels: [app]}
"""
COFFEE = """\
kind: offer
title: coffee
values: {profit: {accept: 3}}
treatments:
  till:
    card: {content: {en: {title: "A coffee, {{ customer.name }}?"}, pl: {title: "Kawa, {{ customer.name }}?"}}}
  app:
    card: {content: {en: {title: A coffee}, pl: {title: coffee}}}
"""
IDENTIFIERS = "cookie: {trust: anonymous}\n"
LEVELS = "household: {attributes: {size: {type: integer}}}\n"


def strategy() -> Strategy:
    """A strategy that takes all of it in."""
    texts = files(
        attributes=ATTRIBUTES,
        context=CONTEXT,
        events=EVENTS,
        consents=CONSENTS,
        actions__drinks__coffee=COFFEE,
        identifiers=IDENTIFIERS,
        levels=LEVELS,
    )
    return strategy_from_files(texts)[0]


def plant(storage: Storage) -> None:
    """Write what is known before the service is there: identifiers of every kind, merges, an import, a household."""
    kinds = {"email": EMAIL, "phone": PHONE, "cookie": COOKIE, "device": DEVICE, "card": CARD}
    writes: list[Any] = [
        _profile("first", CUSTOMER, city=HISTORY_CITY, street=STREET, member=True, products=[PRODUCTS[0]]),
        _profile("imported", OTHER, note=IMPORTED, name=GREETED),
        _profile("gone", CUSTOMER, note=REMOVED),
        SaveProfile(id="removed", identifier=CUSTOMER, attributes={}, removed=("note",), replace=False),
    ]
    for kind, value in kinds.items():
        writes.append(
            SaveProfile(
                id=f"new {kind}",
                identifier=value,
                identifier_kind=kind,
                attributes={"city": EMAIL_CITY} if kind == "email" else {},
                replace=False,
            )
        )
    writes += [
        RecordEvent(
            id="by mail",
            type="call_ended",
            identifier=EMAIL,
            identifier_kind="email",
            attributes={"said": EVENT_EMAIL},
        ),
        RecordEvent(
            id="by cookie",
            type="call_ended",
            identifier=COOKIE,
            identifier_kind="cookie",
            attributes={"said": EVENT_ANONYMOUS},
        ),
        RecordConsent(
            id="mailed",
            identifier=EMAIL,
            identifier_kind="email",
            channel="app",
            purpose="offers",
            given=True,
            source=SOURCE_EMAIL,
        ),
        JoinUnit(id="home", identifier=CUSTOMER, level="household", unit="h-1"),
    ]
    writes += [
        MergePersons(id=f"merge {kind}", identifier=CUSTOMER, other=value, other_kind=kind)
        for kind, value in kinds.items()
    ]
    writes.append(MergePersons(id="merge other", identifier=CUSTOMER, other=OTHER))
    for result in storage.write(writes):
        assert not isinstance(result, Exception), result


def _profile(key: str, customer: str, **attributes: Any) -> SaveProfile:
    return SaveProfile(id=key, identifier=customer, attributes=attributes, replace=False)


def live(service: Service) -> None:
    """Let the person be in contact: attributes, consents, events, decisions, answers."""
    call = service.call
    person = f"/v1/customers/{CUSTOMER}"
    known = {
        "age": 41,
        "city": CITY,
        "note": NOTE,
        "name": GREETED_LATER,
        "points": int(NUMBER),
        "balance": int(BIG_NUMBER) / 100,
        "products": list(PRODUCTS),
    }
    call("PATCH", person, {"attributes": known}).raise_for_status()
    said = {"purpose": "offers", "given": True, "source": SOURCE, "text_version": VERSION}
    call("PUT", f"{person}/consents", said).raise_for_status()
    call("PUT", f"{person}/consents", {**said, "channel": "till", "source": SOURCE_AGAIN}).raise_for_status()
    call("DELETE", f"{person}/consents?purpose=profiling&source={OBJECTED}").raise_for_status()
    _event(service, "e-1", {"said": EVENT_TEXT, "about": [EVENT_ITEM]})
    _event(service, "e-2", {"said": EVENT_LATER})
    for number in range(12):
        context = {"wish": CONTEXT_TEXT, "looked_at": [CONTEXT_ITEM], "minutes": int(CONTEXT_NUMBER)}
        answer = service.decide(f"r-{number}", customer=CUSTOMER, context=context)
        assert answer["degraded"] is None, answer
        _answered(service, answer, f"o-{number}", "accept" if number % 3 else "reject")
    body = {"id": "app", "customer": CUSTOMER, "channel": "app", "placements": [{"name": "card"}]}
    call("POST", "/v1/decisions", {**body, "context": {"wish": CONTEXT_APP}}).raise_for_status()
    late = decision("late", customer=CUSTOMER, context={"wish": CONTEXT_FALLBACK})
    call("POST", "/v1/decisions", late, Opportune_Deadline_Ms="1").raise_for_status()
    call("PATCH", person, {"attributes": {"city": NEW_CITY, "note": LAST_NOTE, "street": SECRET}}).raise_for_status()
    call("POST", "/v1/sessions/s-77", {"id": "n-1", "context": {"wish": TOLD_BY_CALL}}).raise_for_status()
    service.decide("in session", customer=CUSTOMER, session="s-77")


def others(service: Service) -> None:
    """Let others be in contact too: what is theirs stays, where it does not name the person."""
    service.decide("other-device", customer="c-0", identifiers={"cookie": COOKIE})
    for number in range(20):
        customer = f"c-{number}"
        service.call("PATCH", f"/v1/customers/{customer}", {"attributes": {"age": 30, "city": "Gdynia"}})
        answer = service.decide(f"other-{number}", customer=customer, context={"wish": "tea"})
        _answered(service, answer, f"other-o-{number}", "accept")


def was_there(service: Service) -> None:
    """Tell again what happened before: late events, repeated outcomes, an old import."""
    for number, text in enumerate((EVENT_TEXT, EVENT_LATER)):
        event = {
            "id": f"late-{number}",
            "type": "call_ended",
            "customer": CUSTOMER,
            "attributes": {"said": text},
            "occurred_at": "2026-01-05T10:00:00Z",
        }
        assert service.call("POST", "/v1/events", event).status_code == 200
    old = SaveProfile(
        id="old import",
        identifier=CUSTOMER,
        attributes={"city": CITY, "note": NOTE},
        replace=False,
        occurred_at=BEFORE,
    )
    service.runner.run(_written(service, old))


async def _written(service: Service, write: SaveProfile) -> None:
    await service.runtime.writer.write(write)


def _event(service: Service, key: str, attributes: dict[str, Any]) -> None:
    event = {"id": key, "type": "call_ended", "customer": CUSTOMER, "attributes": attributes}
    service.call("POST", "/v1/events", event).raise_for_status()


def _answered(service: Service, answer: dict[str, Any], key: str, outcome: str) -> None:
    shown = answer["placements"][0]["actions"]
    if shown:
        report = {"id": key, "decision": answer["id"], "action": shown[0]["action"], "outcome": outcome}
        service.call("POST", "/v1/outcomes", report).raise_for_status()


def _numbers(word: str) -> tuple[float, ...]:
    """Give the numbers that a canary among them is planted as."""
    digits = int(word[9:])
    return (digits, digits / 100) if word in CANARIES[33:36] else ()


def found_in(text: str) -> list[str]:
    """Give the canaries that a text holds; of numbers, the Polish decimal comma is as good as the point."""
    return [word for word in CANARIES if any(form in text for form in _forms(word))]


def _forms(word: str) -> list[str]:
    numbers = [_written_out(number) for number in _numbers(word)]
    return [word, *numbers, *(number.replace(".", ",") for number in numbers)]


def _written_out(number: float) -> str:
    return json.dumps(number).removesuffix(".0")


def _bytes_of(word: str) -> list[bytes]:
    """Give what is looked for: texts as UTF-8 and UTF-16, numbers as MessagePack and as their digits."""
    forms = [word.encode(), word.encode("utf-16-le")]
    for number in _numbers(word):
        forms += [msgspec.msgpack.encode(number), msgspec.msgpack.encode(float(number)), _written_out(number).encode()]
    return forms


def hits(*places: Path) -> dict[str, int]:
    """Search files and folders byte by byte; "file: canary" → how often."""
    found: dict[str, int] = {}
    for path in (path for place in places for path in (sorted(place.rglob("*")) if place.is_dir() else [place])):
        content = path.read_bytes() if path.is_file() else b""
        for word in CANARIES:
            number = sum(content.count(form) for form in _bytes_of(word))
            if number:
                found[f"{path.name}: {word}"] = number
    return found
