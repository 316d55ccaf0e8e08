"""The Python client: ask for decisions and report outcomes, surviving a service that is slow or away.

Every write carries an id that its retries keep, so nothing happens twice. `decide` never raises because the service is
away: within a bounded time it gives the defaults that the caller named for the placement, marked as degraded.

Example:
    >>> with Client("http://127.0.0.1:8080") as client:  # doctest: +SKIP
    ...     answer = client.decide("till", "receipt", customer="c-1")
    ...     client.outcome(answer.id, answer.placements[0].actions[0].action, "accept")
"""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType
from typing import Any, Generic, Self, TypeVar
from urllib.parse import quote, urlsplit
from uuid import uuid4

import httpx
import msgspec

from opportune.errors import InputError, Problem, ServiceError

__all__ = [
    "AWAY",
    "AsyncClient",
    "Batch",
    "Client",
    "CustomerChange",
    "DecisionAnswer",
    "History",
    "Identified",
    "Merged",
    "Placement",
    "Profile",
    "Recorded",
    "Refused",
    "Release",
    "RevisionLine",
    "SessionKnown",
    "ShownAction",
]

AWAY = "service-away"
"""Reason of degradation of an answer that a proxy or the client itself made."""
RETRIED = frozenset({408, 429, 502, 503, 504})
BACKOFF_SECONDS = 0.05
BACKOFF_MAX_SECONDS = 2.0
PUBLISH_SECONDS = 120.0
"""How long a service may check a strategy: one with thousands of actions takes seconds."""
THREADS_MAX = 64
"""Decisions that one `Client` asks for at the same time; those beyond wait within their own time."""

T = TypeVar("T")


class ShownAction(msgspec.Struct, frozen=True, kw_only=True):
    """One action to show; `content` has the texts of its treatment."""

    action: str
    treatment: str = ""
    rank: int = 0
    group: str = ""
    kind: str = ""
    propensity: dict[str, float] = {}
    priority: float = 0.0
    selection_probability: float = 1.0
    how: str = "fallback"
    content: dict[str, str] = {}


class Placement(msgspec.Struct, frozen=True, kw_only=True):
    """What one placement shows, in order."""

    name: str
    actions: tuple[ShownAction, ...]


class DecisionAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """An answer; `degraded` is the reason of a fallback, or None. `id` is "" when the service never gave one.

    `token` is given where the channel has tokens: a page may report outcomes by it.
    """

    id: str
    revision: str
    degraded: str | None
    control: str | None
    placements: tuple[Placement, ...]
    token: str | None = None


class Recorded(msgspec.Struct, frozen=True, kw_only=True):
    """An outcome or event is durable; `status` is "recorded", or "repeated" where it was there already."""

    status: str
    sequence: int


class Refused(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one item of a batch; `code` says why it was refused, and `problems` all that is wrong with it.

    A problem has `where`, `message` and `remedy`.
    """

    status: str
    sequence: int = 0
    code: str | None = None
    problems: tuple[dict[str, str], ...] = ()


class SessionKnown(msgspec.Struct, frozen=True, kw_only=True):
    """What a conversation knows after something was added.

    Args:
        status: "recorded", or "repeated" where it was there already.
        sequence: its journal entry.
        context: attributes that it keeps.
        ignored: names that the strategy does not declare and says to ignore.
        doubts: attributes that the text should give and does not, each with a word.
    """

    status: str
    sequence: int
    context: dict[str, Any]
    ignored: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()


class Batch(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a batch, in the order of the items."""

    recorded: int
    repeated: int
    refused: int
    items: tuple[Refused, ...]


class CustomerChange(msgspec.Struct, frozen=True, kw_only=True):
    """A profile was written; `ignored` names attributes that the strategy ignores."""

    version: int
    repeated: bool
    ignored: tuple[str, ...]


class Merged(msgspec.Struct, frozen=True, kw_only=True):
    """Two identifiers lead to one customer; `status` is "recorded", or "repeated" where they did already."""

    status: str
    version: int


class Identified(msgspec.Struct, frozen=True, kw_only=True):
    """Identifiers lead to one customer; `merged` is how many of them do so since now."""

    status: str
    merged: int


class _Merges(msgspec.Struct, frozen=True):
    merges: tuple[dict[str, Any], ...]


class _Wrong(msgspec.Struct, frozen=True):
    where: str
    message: str
    remedy: str


class _Told(msgspec.Struct, frozen=True):
    """What the service says of a refusal."""

    title: str
    detail: str
    code: str
    problems: tuple[_Wrong, ...] = ()


class History(msgspec.Struct, frozen=True, kw_only=True):
    """What happened to a customer, newest first; `before` asks for what is older, None where nothing is."""

    entries: tuple[dict[str, Any], ...]
    before: int | None


class Profile(msgspec.Struct, frozen=True, kw_only=True):
    """What is stored of a customer."""

    version: int
    attributes: dict[str, Any]


class Release(msgspec.Struct, frozen=True, kw_only=True):
    """A revision that is live: `repeated` says that it was before, `changes` what is different, `advice` what to do."""

    number: int
    hash: str
    repeated: bool
    returns_to: int | None
    changes: tuple[str, ...]
    tests: int
    trial: dict[str, Any] | None
    live_ms: float | None = None
    advice: tuple[str, ...] = ()


class RevisionLine(msgspec.Struct, frozen=True, kw_only=True):
    """One published revision: when, by whom and why, and what changed, in words."""

    number: int
    hash: str
    at: datetime | None
    author: str
    reason: str
    returns_to: int | None
    changes: tuple[str, ...]
    live: bool


@dataclass(frozen=True, slots=True)
class _Ask(Generic[T]):
    """A request ready to be sent, again if need be, and how its answer is read.

    Args:
        seconds: how long one try may take, where that is longer than usual.
        once: a second try could have a second effect, so there is none.
    """

    method: str
    path: str
    read: Callable[[httpx.Response], T]
    body: Any = None
    headers: Mapping[str, str] | None = None
    seconds: float = 0.0
    once: bool = False

    def parts(self) -> dict[str, Any]:
        content = None if self.body is None else _encoded(self.body)
        headers = dict(self.headers or {})
        if content is not None:
            headers["content-type"] = "application/json"
        return {"method": self.method, "url": self.path, "content": content, "headers": headers}


class _Common:
    """What both clients share: how long and how often is tried, and the defaults; no input and no output."""

    def __init__(
        self,
        url: str,
        defaults: Mapping[str, Sequence[Mapping[str, Any]]] | None,
        timeout: float,
        retries: int,
        decide_seconds: float,
    ) -> None:
        self._url = _address(url)
        self._timeout = timeout
        self._retries = retries
        self._decide_seconds = decide_seconds
        self._defaults: dict[str, tuple[ShownAction, ...]] = {
            name: msgspec.convert(list(actions), tuple[ShownAction, ...]) for name, actions in (defaults or {}).items()
        }

    def _pauses(self) -> Iterator[float]:
        """Give the pause before each retry in seconds: doubling, with chance, so that clients do not come together."""
        for number in range(self._retries):
            yield min(BACKOFF_MAX_SECONDS, BACKOFF_SECONDS * 2.0**number) * random.uniform(0.5, 1.0)  # noqa: S311

    def _seconds(self, ask: _Ask[Any], until: float | None) -> float:
        """Say how long one try may take; at or below 0 there is no time left."""
        longest = max(self._timeout, ask.seconds)
        return longest if until is None else min(longest, until - time.monotonic())

    def _pause(self, pauses: Iterator[float], response: httpx.Response | None, until: float | None) -> float | None:
        """Say how long to wait before the next try; None where there is none, or no time for it."""
        pause = next(pauses, None)
        if pause is None:
            return None
        pause = max(pause, 0.0 if response is None else _retry_after(response))
        return pause if until is None or time.monotonic() + pause < until else None

    def _away(self, ask: _Ask[DecisionAnswer]) -> DecisionAnswer:
        """Make the answer of a service that is away."""
        return self._fitted(ask, DecisionAnswer(id="", revision="", degraded=AWAY, control=None, placements=()))

    def _fitted(self, ask: _Ask[DecisionAnswer], answer: DecisionAnswer) -> DecisionAnswer:
        """Bring the answer of a proxy, which knows the channel alone, to the placements that were asked for.

        What the proxy does not have is taken from the defaults.
        """
        if answer.degraded != AWAY or answer.id:
            return answer
        known = {placement.name: placement.actions for placement in answer.placements}
        placements = []
        for wanted in ask.body["placements"]:
            name = wanted["name"]
            actions = known[name] if name in known else self._defaults.get(f"{ask.body['channel']}/{name}", ())
            ranked = tuple(
                msgspec.structs.replace(action, rank=rank, how="fallback")
                for rank, action in enumerate(actions[: wanted.get("size") or None], start=1)
            )
            placements.append(Placement(name=name, actions=ranked))
        return msgspec.structs.replace(answer, placements=tuple(placements))


def _address(url: str) -> str:
    """Give the address of a service without a slash at its end.

    Raises:
        ValueError: no service can be there, so that it would seem to be away for ever.
    """
    wanted = "url: expected an address that begins with http:// or https://, such as http://127.0.0.1:8080"
    try:
        parts = urlsplit(url)
        is_address = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        raise ValueError(wanted) from None
    if not is_address:
        raise ValueError(wanted)
    return url.rstrip("/")


def _encoded(body: Any) -> str:
    """Write a body as JSON.

    Raises:
        InputError: it holds a number that JSON does not have; null in its place would say something else.
    """
    try:
        plain = msgspec.to_builtins(body, str_keys=True)
        return json.dumps(plain, allow_nan=False, ensure_ascii=False, separators=(",", ":"))
    except ValueError:
        message = "expected numbers that JSON has, found NaN or infinity"
        raise InputError.of("body", message, "leave out what is not known", "malformed-json") from None


def _is_final(response: httpx.Response | None) -> bool:
    return response is not None and response.status_code not in RETRIED


def _is_down(response: httpx.Response) -> bool:
    return response.status_code >= 500 or response.status_code in RETRIED


def _received(response: httpx.Response | None) -> httpx.Response:
    if response is None:
        raise ServiceError("the service could not be reached")
    return response


def _id(given: str | None) -> str:
    """Give the idempotency key of a request; one that is empty is the service's to refuse."""
    return uuid4().hex if given is None else given


def _decision(
    channel: str,
    placements: str | Sequence[str | Mapping[str, Any]],
    deadline_ms: float | None,
    id: str | None,
    **fields: Any,
) -> _Ask[DecisionAnswer]:
    names = [placements] if isinstance(placements, str) else placements
    wanted = [{"name": one} if isinstance(one, str) else one for one in names]
    body = {"id": _id(id), "channel": channel, "placements": wanted, **_without_none(fields)}
    headers = {} if deadline_ms is None else {"Opportune-Deadline-Ms": f"{deadline_ms:g}"}
    return _Ask("POST", "/v1/decisions", _reader(DecisionAnswer), body, headers)


def _outcome(decision: str, action: str, outcome: str, id: str | None, **fields: Any) -> _Ask[Recorded]:
    body = {"id": _id(id), "action": action, "outcome": outcome} | ({"decision": decision} if decision else {})
    return _Ask("POST", "/v1/outcomes", _reader(Recorded), body | _without_none(fields))


def _withdrawal(decision: str, withdraws: str, id: str | None, token: str | None) -> _Ask[Recorded]:
    body = {"id": _id(id), "withdraws": withdraws} | ({"decision": decision} if decision else {})
    return _Ask("POST", "/v1/outcomes", _reader(Recorded), body | _without_none({"token": token}))


def _outcomes(outcomes: Sequence[Mapping[str, Any]]) -> _Ask[Batch]:
    return _Ask("POST", "/v1/outcomes", _reader(Batch), [{"id": uuid4().hex, **one} for one in outcomes])


def _event(type: str, id: str | None, **fields: Any) -> _Ask[Recorded]:
    body = {"id": _id(id), "type": type, **_without_none(fields)}
    return _Ask("POST", "/v1/events", _reader(Recorded), body)


def _events(events: Sequence[Mapping[str, Any]]) -> _Ask[Batch]:
    return _Ask("POST", "/v1/events", _reader(Batch), list(events))


def _session(session: str, id: str | None, **fields: Any) -> _Ask[SessionKnown]:
    body = {"id": _id(id), **_without_none(fields)}
    return _Ask("POST", f"/v1/sessions/{_part(session)}", _reader(SessionKnown), body)


def _profile(customer: str) -> _Ask[Profile | None]:
    return _Ask("GET", _customer_path(customer), lambda response: _found(response, Profile))


def _change(method: str, path: str, attributes: Mapping[str, Any]) -> _Ask[CustomerChange]:
    body = {"attributes": dict(attributes)}
    headers = {"Idempotency-Key": uuid4().hex}
    return _Ask(method, path, _reader(CustomerChange), body, headers)


def _join(customer: str, level: str, unit: str | None, id: str | None) -> _Ask[Recorded]:
    body = {"id": _id(id), "level": level, "unit": unit}
    return _Ask("PUT", f"{_customer_path(customer)}/units", _reader(Recorded), body)


def _units(customer: str) -> _Ask[list[dict[str, Any]]]:
    def read(response: httpx.Response) -> list[dict[str, Any]]:
        units: list[dict[str, Any]] = _read(response, dict[str, Any])["units"]
        return units

    return _Ask("GET", f"{_customer_path(customer)}/units", read)


def _consent(
    customer: str, purpose: str, given: bool, channel: str, source: str, text_version: str, occurred_at: datetime | None
) -> _Ask[Recorded]:
    body = {"purpose": purpose, "given": given, "channel": channel, "source": source, "text_version": text_version}
    body |= _without_none({"occurred_at": occurred_at})
    headers = {"Idempotency-Key": uuid4().hex}
    return _Ask("PUT", f"{_customer_path(customer)}/consents", _reader(Recorded), body, headers)


def _consents(customer: str) -> _Ask[list[dict[str, Any]]]:
    def read(response: httpx.Response) -> list[dict[str, Any]]:
        consents: list[dict[str, Any]] = _read(response, dict[str, Any])["consents"]
        return consents

    return _Ask("GET", f"{_customer_path(customer)}/consents", read)


def _export(customer: str) -> _Ask[dict[str, Any]]:
    path = f"{_customer_path(customer)}/export"
    return _Ask("GET", path, lambda response: _read(response, dict[str, Any]), seconds=60.0)


def _erase(path: str, author: str, reason: str, id: str | None) -> _Ask[dict[str, Any]]:
    body = {"author": author, "reason": reason, "id": _id(id)}
    return _Ask("POST", f"{path}/erasure", lambda response: _read(response, dict[str, Any]), body, seconds=600.0)


def _merge(customer: str, other: str, id: str | None, author: str, reason: str) -> _Ask[Merged]:
    body = {"id": _id(id), "other": other, **_words(author, reason)}
    return _Ask("POST", f"{_customer_path(customer)}/merge", _reader(Merged), body)


def _merges(customer: str) -> _Ask[tuple[dict[str, Any], ...]]:
    return _Ask("GET", f"{_customer_path(customer)}/merges", lambda response: _read(response, _Merges).merges)


def _split(customer: str, merge: int, id: str | None, author: str, reason: str) -> _Ask[Recorded]:
    body = {"id": _id(id), "merge": merge, **_words(author, reason)}
    return _Ask("POST", f"{_customer_path(customer)}/split", _reader(Recorded), body)


def _words(author: str, reason: str) -> dict[str, str]:
    return {name: text for name, text in (("author", author), ("reason", reason)) if text}


def _identify(identifiers: Mapping[str, str], proof: str) -> _Ask[Identified]:
    body = {"identifiers": dict(identifiers), "proof": proof}
    return _Ask("POST", "/v1/identify", _reader(Identified), body)


def _history(customer: str, limit: int, before: int | None) -> _Ask[History | None]:
    older = "" if before is None else f"&before={before}"
    path = f"{_customer_path(customer)}/history?limit={limit}{older}"
    return _Ask("GET", path, lambda response: _found(response, History))


def _models() -> _Ask[list[dict[str, Any]]]:
    def read(response: httpx.Response) -> list[dict[str, Any]]:
        models: list[dict[str, Any]] = _read(response, dict[str, Any])["models"]
        return models

    return _Ask("GET", "/v1/models", read)


def _comparison() -> _Ask[dict[str, Any]]:
    return _Ask("GET", "/v1/models/comparison", lambda response: _read(response, dict[str, Any]))


def _report() -> _Ask[dict[str, Any]]:
    return _Ask("GET", "/v1/models/report", lambda response: _read(response, dict[str, Any]), seconds=60.0)


def _data_report() -> _Ask[dict[str, Any]]:
    return _Ask("GET", "/v1/data-quality", lambda response: _read(response, dict[str, Any]), seconds=60.0)


def _versions() -> _Ask[list[dict[str, Any]]]:
    def read(response: httpx.Response) -> list[dict[str, Any]]:
        versions: list[dict[str, Any]] = _read(response, dict[str, Any])["versions"]
        return versions

    return _Ask("GET", "/v1/models/versions", read)


def _promote(model: str, author: str, reason: str) -> _Ask[dict[str, Any]]:
    body = {"model": model, "id": uuid4().hex, "author": author, "reason": reason}
    return _Ask("POST", "/v1/models/promotions", lambda response: _read(response, dict[str, Any]), body, seconds=10.0)


def _restore(version: int, author: str, reason: str) -> _Ask[dict[str, Any]]:
    body = {"version": version, "id": uuid4().hex, "author": author, "reason": reason}
    return _Ask("POST", "/v1/models/restorations", lambda response: _read(response, dict[str, Any]), body, seconds=10.0)


def _rebuild(author: str, reason: str) -> _Ask[dict[str, Any]]:
    body = {"author": author, "reason": reason}
    return _Ask("POST", "/v1/models/rebuilds", lambda response: _read(response, dict[str, Any]), body, seconds=3600.0)


def _rebuild_progress() -> _Ask[dict[str, Any]]:
    return _Ask("GET", "/v1/models/rebuilds", lambda response: _read(response, dict[str, Any]))


def _limits() -> _Ask[dict[str, Any]]:
    return _Ask("GET", "/v1/limits", lambda response: _read(response, dict[str, Any]))


def _switch(target: str, off: bool, author: str, reason: str) -> _Ask[dict[str, Any]]:
    body = {"target": target, "off": off, "id": uuid4().hex, "author": author, "reason": reason}
    return _Ask("POST", "/v1/limits/switches", lambda response: _read(response, dict[str, Any]), body, seconds=10.0)


def _publish(files: Mapping[str, str], author: str, reason: str, another_project: bool) -> _Ask[Release]:
    body = {"files": dict(files), "author": author, "reason": reason, "another_project": another_project}
    return _Ask("POST", "/v1/revisions", _reader(Release), body, seconds=PUBLISH_SECONDS)


def _rollback(number: int | None, author: str, reason: str) -> _Ask[Release]:
    body = {"number": number, "author": author, "reason": reason}
    # The one before the current one is another one after the first effect.
    return _Ask("POST", "/v1/revisions/rollback", _reader(Release), body, seconds=PUBLISH_SECONDS, once=number is None)


def _revisions() -> _Ask[list[RevisionLine]]:
    def read(response: httpx.Response) -> list[RevisionLine]:
        return msgspec.convert(_read(response, dict[str, Any])["revisions"], list[RevisionLine])

    return _Ask("GET", "/v1/revisions", read)


def _part(text: str) -> str:
    """Write a text as one part of a path, which "." and ".." as they are would step out of."""
    return quote(text, safe="") if text not in (".", "..") else "%2E" * len(text)


def _customer_path(customer: str) -> str:
    return f"/v1/customers/{_part(customer)}"


def _explain(decision: str) -> _Ask[dict[str, Any]]:
    path = f"/v1/decisions/{_part(decision)}"
    return _Ask("GET", path, lambda response: _read(response, dict[str, Any]), seconds=60.0)


def _unit_path(level: str, unit: str) -> str:
    return f"/v1/units/{_part(level)}/{_part(unit)}"


def _without_none(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


def _retry_after(response: httpx.Response) -> float:
    """Read how long the service asks to wait, in seconds; 0 where it does not."""
    text = response.headers.get("retry-after", "")
    return min(BACKOFF_MAX_SECONDS, float(text)) if text.isdigit() else 0.0


def _reader(type_: type[T]) -> Callable[[httpx.Response], T]:
    return lambda response: _read(response, type_)


def _found(response: httpx.Response, type_: type[T]) -> T | None:
    """Read an answer; None where the service says that there is nothing.

    Raises:
        ServiceError: the service refused, or something else has nothing under this path.
    """
    try:
        return _read(response, type_)
    except ServiceError as error:
        if error.code != "not-found":
            raise
        return None


def _read(response: httpx.Response, type_: type[T]) -> T:
    """Read an answer.

    Raises:
        ServiceError: the service refused, or answered something else.
    """
    if response.is_success:
        try:
            return msgspec.json.decode(response.content, type=type_)
        except msgspec.MsgspecError:
            raise ServiceError("expected an answer of Opportune, found something else", response.status_code) from None
    try:
        told = msgspec.json.decode(response.content, type=_Told)
    except msgspec.MsgspecError:
        raise ServiceError("the service refused without a reason", response.status_code, "unknown") from None
    problems = [Problem("", 0, 0, one.where, one.message, one.remedy, told.code) for one in told.problems]
    detail = "\n".join(map(str, problems)) if any(one.remedy for one in problems) else told.detail
    raise ServiceError(f"{told.title}: {detail}", response.status_code, told.code, problems)


class Client(_Common):
    """Talks to one service; safe for several threads.

    Args:
        url: address of the service.
        defaults: "channel/placement" → actions to show while the service is away, each with `action` and whatever else
            the channel needs of a `ShownAction`.
        timeout: seconds that one try may take.
        retries: further tries after the first, with growing pauses.
        decide_seconds: time of `decide` with all its tries and pauses; then it gives the defaults.
        transport: how requests travel, for tests.

    Raises:
        ValueError: the URL is no address of a service.
    """

    def __init__(
        self,
        url: str = "http://127.0.0.1:8080",
        *,
        defaults: Mapping[str, Sequence[Mapping[str, Any]]] | None = None,
        timeout: float = 1.0,
        retries: int = 2,
        decide_seconds: float = 1.0,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        super().__init__(url, defaults, timeout, retries, decide_seconds)
        self._http = httpx.Client(base_url=self._url, timeout=timeout, transport=transport)
        self._threads = ThreadPoolExecutor(THREADS_MAX, "opportune-client")

    def close(self) -> None:
        """Close all connections."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def decide(
        self,
        channel: str,
        placements: str | Sequence[str | Mapping[str, Any]],
        *,
        customer: str | None = None,
        identifiers: Mapping[str, str] | None = None,
        context: Mapping[str, Any] | None = None,
        events: Sequence[Mapping[str, Any]] | None = None,
        text: str | None = None,
        session: str | None = None,
        language: str | None = None,
        zone: str | None = None,
        id: str | None = None,
        deadline_ms: float | None = None,
    ) -> DecisionAnswer:
        """Ask what is best next.

        Args:
            placements: name of a placement, or several; with {"name": ..., "size": ...} where the size matters.
            identifiers: kind → more identifiers of the customer, such as {"cookie": "..."}.
            events: what just happened in this contact, as {"type": ..., "attributes": ...}.
            text: what the customer said or wrote; attributes are read out of it.
            id: idempotency key; None makes one.

        Raises:
            ServiceError: the request is wrong. A service that is away raises nothing.
            InputError: the request holds NaN or infinity, as those of all methods must not.
        """
        ask = _decision(
            channel,
            placements,
            deadline_ms,
            id,
            customer=customer,
            identifiers=identifiers,
            context=context,
            events=events,
            text=text,
            session=session,
            language=language,
            zone=zone,
        )
        until = time.monotonic() + self._decide_seconds
        try:
            # A time limit of sockets holds for each step of a request; waiting for a thread holds for all of them.
            response = self._threads.submit(self._send, ask, until).result(self._decide_seconds)
        except (ServiceError, TimeoutError):
            return self._away(ask)
        return self._away(ask) if _is_down(response) else self._fitted(ask, ask.read(response))

    def explain(self, decision: str) -> dict[str, Any]:
        """Read a recorded decision, with the reasons for every action and all outcomes so far.

        Args:
            decision: its id, or that of the request that asked for it.

        Raises:
            ServiceError: no decision and no request has this id, or the service is away.
        """
        return self._do(_explain(decision))

    def outcome(
        self,
        decision: str,
        action: str,
        outcome: str,
        *,
        treatment: str | None = None,
        placement: str | None = None,
        occurred_at: datetime | None = None,
        amount: float | None = None,
        replaces: str | None = None,
        token: str | None = None,
        id: str | None = None,
    ) -> Recorded:
        """Report what happened to an action.

        Args:
            decision: id of the answer; "" where `token` names it.
            amount: how much, where the outcome type has a value; money as a whole number of its smallest unit.
            replaces: id of an earlier report about the same decision that was wrong.
            token: of the answer, in the place of its id.

        Raises:
            ServiceError: it was refused, or the service is away: report it again with the same id.
        """
        fields = {"treatment": treatment, "placement": placement, "occurred_at": occurred_at}
        more = {"amount": amount, "replaces": replaces, "token": token}
        return self._do(_outcome(decision, action, outcome, id, **fields, **more))

    def withdraw(self, decision: str, withdraws: str, *, token: str | None = None, id: str | None = None) -> Recorded:
        """Report that an earlier report about a decision never was.

        Args:
            decision: id of the answer; "" where `token` names it.
            withdraws: id of that report.

        Raises:
            ServiceError: it was refused, or the service is away: report it again with the same id.
        """
        return self._do(_withdrawal(decision, withdraws, id, token))

    def outcomes(self, outcomes: Sequence[Mapping[str, Any]]) -> Batch:
        """Report many outcomes, each a mapping of the fields of `outcome`; those without an id get one.

        Raises:
            ServiceError: nothing more was acknowledged.
        """
        return self._do(_outcomes(outcomes))

    def event(
        self,
        type: str,
        *,
        customer: str | None = None,
        identifiers: Mapping[str, str] | None = None,
        attributes: Mapping[str, Any] | None = None,
        session: str | None = None,
        occurred_at: datetime | None = None,
        id: str | None = None,
    ) -> Recorded:
        """Report that something happened.

        Raises:
            ServiceError: it was refused, or the service is away.
        """
        whose = {"customer": customer, "identifiers": identifiers}
        fields = {"attributes": attributes, "session": session, "occurred_at": occurred_at}
        return self._do(_event(type, id, **whose, **fields))

    def events(self, events: Sequence[Mapping[str, Any]]) -> Batch:
        """Report many things that happened, as {"id": ..., "type": ...}, CloudEvents or Segment calls; each by itself.

        Raises:
            ServiceError: nothing was taken, or the service is away: send the same again.
        """
        return self._do(_events(events))

    def add_to_session(
        self,
        session: str,
        *,
        customer: str | None = None,
        context: Mapping[str, Any] | None = None,
        events: Sequence[Mapping[str, Any]] | None = None,
        text: str | None = None,
        language: str | None = None,
        id: str | None = None,
    ) -> SessionKnown:
        """Add what was learned in a conversation since its last decision.

        Args:
            customer: whose conversation it is; None takes whom its last decision was for.
            context: attributes that the session keeps; None as a value means not known any more.
            events: what happened in it, as {"type": ..., "attributes": ...}.
            text: what the customer said or wrote; attributes are read out of it.

        Raises:
            ServiceError: it was refused, or the service is away.
        """
        fields = {"context": context, "events": events, "text": text, "language": language}
        return self._do(_session(session, id, customer=customer, **fields))

    def customer(self, customer: str) -> Profile | None:
        """Read a profile; None where there is none.

        Raises:
            ServiceError: the service is away or refused.
        """
        return self._do(_profile(customer))

    def put_customer(self, customer: str, attributes: Mapping[str, Any]) -> CustomerChange:
        """Replace what is known of a customer.

        Raises:
            ServiceError: it was refused, or the service is away.
        """
        return self._do(_change("PUT", _customer_path(customer), attributes))

    def patch_customer(self, customer: str, attributes: Mapping[str, Any]) -> CustomerChange:
        """Set some attributes of a customer; None removes one.

        Raises:
            ServiceError: it was refused, or the service is away.
        """
        return self._do(_change("PATCH", _customer_path(customer), attributes))

    def join(self, customer: str, level: str, unit: str | None, *, id: str | None = None) -> Recorded:
        """Let a customer belong to a unit of a level, such as a household, and to no other of it; None leaves.

        Raises:
            ServiceError: it was refused, or the service is away: send it again with the same id.
        """
        return self._do(_join(customer, level, unit, id))

    def units(self, customer: str) -> list[dict[str, Any]]:
        """List the units that a customer belongs to: level, unit and attributes of each.

        Raises:
            ServiceError: nobody has this identifier, or the service is away.
        """
        return self._do(_units(customer))

    def patch_unit(self, level: str, unit: str, attributes: Mapping[str, Any]) -> CustomerChange:
        """Set some attributes of a unit of a level, such as a household; None removes one.

        Raises:
            ServiceError: it was refused, or the service is away.
        """
        return self._do(_change("PATCH", _unit_path(level, unit), attributes))

    def consent(
        self,
        customer: str,
        purpose: str,
        *,
        given: bool,
        channel: str = "*",
        source: str = "",
        text_version: str = "",
        occurred_at: datetime | None = None,
    ) -> Recorded:
        """Record what a customer said of a purpose; False refuses, withdraws or objects. The next decision obeys.

        Args:
            channel: where it holds; "*" is everywhere.
            source, text_version: how it was said, and of which text, for the proof.

        Raises:
            ServiceError: it was refused, or the service is away: send it again.
        """
        return self._do(_consent(customer, purpose, given, channel, source, text_version, occurred_at))

    def consents(self, customer: str) -> list[dict[str, Any]]:
        """Say what a customer allows, by purpose and channel.

        Raises:
            ServiceError: the service is away or refused.
        """
        return self._do(_consents(customer))

    def export_person(self, customer: str) -> dict[str, Any]:
        """Read all that is kept about a customer.

        Raises:
            ServiceError: nobody is known under the identifier, or the service is away.
        """
        return self._do(_export(customer))

    def erase(self, customer: str, *, reason: str, author: str = "", id: str | None = None) -> dict[str, Any]:
        """Forget a customer for good; the answer is a certificate without personal data.

        Args:
            reason: why, without naming the customer; it is kept.

        Raises:
            ServiceError: nobody is known under the identifier, or the service is away: send it again with the same id.
        """
        return self._do(_erase(_customer_path(customer), author, reason, id))

    def erase_unit(
        self, level: str, unit: str, *, reason: str, author: str = "", id: str | None = None
    ) -> dict[str, Any]:
        """Forget a unit of a level, such as a household, for good; its members stay.

        Args:
            reason: why, without naming anybody; it is kept.

        Raises:
            ServiceError: the unit is not known, or the service is away: send it again with the same id.
        """
        return self._do(_erase(_unit_path(level, unit), author, reason, id))

    def merge(self, customer: str, other: str, *, id: str | None = None, author: str = "", reason: str = "") -> Merged:
        """Say that another identifier belongs to the same customer.

        Args:
            reason: why, without naming the customer; an erasure leaves it.

        Raises:
            ServiceError: it was refused, or the service is away: send it again with the same id.
        """
        return self._do(_merge(customer, other, id, author, reason))

    def merges(self, customer: str) -> tuple[dict[str, Any], ...]:
        """List the merges of a customer, the newest first.

        Raises:
            ServiceError: nobody is known, or the service is away.
        """
        return self._do(_merges(customer))

    def split(
        self, customer: str, merge: int, *, id: str | None = None, author: str = "", reason: str = ""
    ) -> Recorded:
        """Undo a merge, named by its journal entry.

        Args:
            reason: why, without naming the customer; an erasure leaves it.

        Raises:
            ServiceError: it was refused, or the service is away: send it again with the same id.
        """
        return self._do(_split(customer, merge, id, author, reason))

    def identify(self, identifiers: Mapping[str, str], proof: str) -> Identified:
        """Let identifiers lead to one customer, as a signed proof says.

        Raises:
            ServiceError: it was refused, or the service is away: send it again.
        """
        return self._do(_identify(identifiers, proof))

    def history(self, customer: str, *, limit: int = 100, before: int | None = None) -> History | None:
        """Read what happened to a customer, newest first; None where nobody is known.

        Raises:
            ServiceError: the service is away or refused.
        """
        return self._do(_history(customer, limit, before))

    def models(self) -> list[dict[str, Any]]:
        """Say what the models have learned.

        Raises:
            ServiceError: the service is away or refused.
        """
        return self._do(_models())

    def compare_models(self) -> dict[str, Any]:
        """Compare champion and challengers: `champion`, `position`, `models` and `figures`.

        Raises:
            ServiceError: the service is away or refused.
        """
        return self._do(_comparison())

    def model_report(self) -> dict[str, Any]:
        """Judge champion and challengers: quality per action and in all, predictors, inputs, what to look at.

        Raises:
            ServiceError: the service refuses.
            ServiceAwayError: no answer came in time.
        """
        return self._do(_report())

    def data_report(self) -> dict[str, Any]:
        """Judge the inputs of decisions: missing, stale, late, unfit, never seen before, drifting.

        Raises:
            ServiceError: the service refuses.
            ServiceAwayError: no answer came in time.
        """
        return self._do(_data_report())

    def model_versions(self) -> list[dict[str, Any]]:
        """List kept versions of what the models learned, the newest first.

        Raises:
            ServiceError: the service is away or refused.
        """
        return self._do(_versions())

    def promote_model(self, model: str, *, author: str = "", reason: str = "") -> dict[str, Any]:
        """Let a model decide; `champion` of the answer does by now.

        Raises:
            ServiceError: the service is away or refused.
        """
        return self._do(_promote(model, author, reason))

    def restore_version(self, version: int, *, author: str = "", reason: str = "") -> dict[str, Any]:
        """Go back to a kept version of what the models learned; what was learned since is gone from them.

        Raises:
            ServiceError: the service is away or refused.
        """
        return self._do(_restore(version, author, reason))

    def rebuild_models(self, *, author: str = "", reason: str = "") -> dict[str, Any]:
        """Learn all final truths anew and go on from that; waits for it, which may take minutes.

        Raises:
            ServiceError: the service is away or refused.
        """
        return self._do(_rebuild(author, reason))

    def rebuild_progress(self) -> dict[str, Any]:
        """Say how far a rebuild of the process that is asked is: `running`, `done` and `total` steps.

        Raises:
            ServiceError: the service is away or refused.
        """
        return self._do(_rebuild_progress())

    def limits(self) -> dict[str, Any]:
        """Say how `stocks` stand and which `switches` there are.

        Raises:
            ServiceError: the service is away or refused.
        """
        return self._do(_limits())

    def switch(self, target: str, *, off: bool, author: str = "", reason: str = "") -> dict[str, Any]:
        """Switch an action or a group off, or on again; all processes obey within a second.

        Raises:
            ServiceError: the service is away or refused.
        """
        return self._do(_switch(target, off, author, reason))

    def publish(
        self, files: Mapping[str, str], *, author: str = "", reason: str = "", another_project: bool = False
    ) -> Release:
        """Publish a strategy, path inside the project → text; it is live when this returns.

        Raises:
            ServiceError: it was refused, and `problems` says all that is wrong; or the service is away: see
                `revisions`, or publish again, which changes nothing where it is current already.
        """
        return self._do(_publish(files, author, reason, another_project))

    def rollback(self, number: int | None = None, *, author: str = "", reason: str = "") -> Release:
        """Go back to an earlier revision; without a number, to the one before the current one.

        Raises:
            ServiceError: it was refused, or the service is away: see `revisions` before trying again.
        """
        return self._do(_rollback(number, author, reason))

    def revisions(self) -> list[RevisionLine]:
        """List all revisions, the first one first.

        Raises:
            ServiceError: the service is away or refused.
        """
        return self._do(_revisions())

    def _do(self, ask: _Ask[T]) -> T:
        return ask.read(self._send(ask))

    def _send(self, ask: _Ask[Any], until: float | None = None) -> httpx.Response:
        """Send, and again where that may help, at most until a moment of the monotonic clock.

        Raises:
            ServiceError: no answer came.
        """
        pauses = self._pauses()
        while True:
            response = self._try(ask, self._seconds(ask, until))
            if ask.once or _is_final(response):
                break
            pause = self._pause(pauses, response, until)
            if pause is None:
                break
            time.sleep(pause)
        return _received(response)

    def _try(self, ask: _Ask[Any], seconds: float) -> httpx.Response | None:
        if seconds <= 0:
            return None
        try:
            return self._http.request(**ask.parts(), timeout=seconds)
        except httpx.RequestError:
            return None


class AsyncClient(_Common):
    """The same for asyncio; see `Client`."""

    def __init__(
        self,
        url: str = "http://127.0.0.1:8080",
        *,
        defaults: Mapping[str, Sequence[Mapping[str, Any]]] | None = None,
        timeout: float = 1.0,
        retries: int = 2,
        decide_seconds: float = 1.0,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        super().__init__(url, defaults, timeout, retries, decide_seconds)
        self._http = httpx.AsyncClient(base_url=self._url, timeout=timeout, transport=transport)

    async def close(self) -> None:
        """Close all connections."""
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def decide(
        self,
        channel: str,
        placements: str | Sequence[str | Mapping[str, Any]],
        *,
        customer: str | None = None,
        identifiers: Mapping[str, str] | None = None,
        context: Mapping[str, Any] | None = None,
        events: Sequence[Mapping[str, Any]] | None = None,
        text: str | None = None,
        session: str | None = None,
        language: str | None = None,
        zone: str | None = None,
        id: str | None = None,
        deadline_ms: float | None = None,
    ) -> DecisionAnswer:
        """Ask what is best next; see `Client.decide`."""
        ask = _decision(
            channel,
            placements,
            deadline_ms,
            id,
            customer=customer,
            identifiers=identifiers,
            context=context,
            events=events,
            text=text,
            session=session,
            language=language,
            zone=zone,
        )
        until = time.monotonic() + self._decide_seconds
        try:
            async with asyncio.timeout(self._decide_seconds):
                response = await self._send(ask, until)
        except (ServiceError, TimeoutError):
            return self._away(ask)
        return self._away(ask) if _is_down(response) else self._fitted(ask, ask.read(response))

    async def explain(self, decision: str) -> dict[str, Any]:
        """Read a recorded decision with its reasons; see `Client.explain`."""
        return await self._do(_explain(decision))

    async def outcome(
        self,
        decision: str,
        action: str,
        outcome: str,
        *,
        treatment: str | None = None,
        placement: str | None = None,
        occurred_at: datetime | None = None,
        amount: float | None = None,
        replaces: str | None = None,
        token: str | None = None,
        id: str | None = None,
    ) -> Recorded:
        """Report what happened to an action; see `Client.outcome`."""
        fields = {"treatment": treatment, "placement": placement, "occurred_at": occurred_at}
        more = {"amount": amount, "replaces": replaces, "token": token}
        return await self._do(_outcome(decision, action, outcome, id, **fields, **more))

    async def withdraw(
        self, decision: str, withdraws: str, *, token: str | None = None, id: str | None = None
    ) -> Recorded:
        """Report that an earlier report about a decision never was; see `Client.withdraw`."""
        return await self._do(_withdrawal(decision, withdraws, id, token))

    async def outcomes(self, outcomes: Sequence[Mapping[str, Any]]) -> Batch:
        """Report many outcomes; see `Client.outcomes`."""
        return await self._do(_outcomes(outcomes))

    async def event(
        self,
        type: str,
        *,
        customer: str | None = None,
        identifiers: Mapping[str, str] | None = None,
        attributes: Mapping[str, Any] | None = None,
        session: str | None = None,
        occurred_at: datetime | None = None,
        id: str | None = None,
    ) -> Recorded:
        """Report that something happened; see `Client.event`."""
        whose = {"customer": customer, "identifiers": identifiers}
        fields = {"attributes": attributes, "session": session, "occurred_at": occurred_at}
        return await self._do(_event(type, id, **whose, **fields))

    async def events(self, events: Sequence[Mapping[str, Any]]) -> Batch:
        """Report many things that happened; see `Client.events`."""
        return await self._do(_events(events))

    async def add_to_session(
        self,
        session: str,
        *,
        customer: str | None = None,
        context: Mapping[str, Any] | None = None,
        events: Sequence[Mapping[str, Any]] | None = None,
        text: str | None = None,
        language: str | None = None,
        id: str | None = None,
    ) -> SessionKnown:
        """Add what was learned in a conversation; see `Client.add_to_session`."""
        fields = {"context": context, "events": events, "text": text, "language": language}
        return await self._do(_session(session, id, customer=customer, **fields))

    async def customer(self, customer: str) -> Profile | None:
        """Read a profile; see `Client.customer`."""
        return await self._do(_profile(customer))

    async def put_customer(self, customer: str, attributes: Mapping[str, Any]) -> CustomerChange:
        """Replace what is known of a customer; see `Client.put_customer`."""
        return await self._do(_change("PUT", _customer_path(customer), attributes))

    async def patch_customer(self, customer: str, attributes: Mapping[str, Any]) -> CustomerChange:
        """Set some attributes of a customer; see `Client.patch_customer`."""
        return await self._do(_change("PATCH", _customer_path(customer), attributes))

    async def join(self, customer: str, level: str, unit: str | None, *, id: str | None = None) -> Recorded:
        """Let a customer belong to a unit of a level; see `Client.join`."""
        return await self._do(_join(customer, level, unit, id))

    async def units(self, customer: str) -> list[dict[str, Any]]:
        """List the units that a customer belongs to; see `Client.units`."""
        return await self._do(_units(customer))

    async def patch_unit(self, level: str, unit: str, attributes: Mapping[str, Any]) -> CustomerChange:
        """Set some attributes of a unit of a level; see `Client.patch_unit`."""
        return await self._do(_change("PATCH", _unit_path(level, unit), attributes))

    async def consent(
        self,
        customer: str,
        purpose: str,
        *,
        given: bool,
        channel: str = "*",
        source: str = "",
        text_version: str = "",
        occurred_at: datetime | None = None,
    ) -> Recorded:
        """Record what a customer said of a purpose; see `Client.consent`."""
        return await self._do(_consent(customer, purpose, given, channel, source, text_version, occurred_at))

    async def consents(self, customer: str) -> list[dict[str, Any]]:
        """Say what a customer allows; see `Client.consents`."""
        return await self._do(_consents(customer))

    async def export_person(self, customer: str) -> dict[str, Any]:
        """Read all that is kept about a customer; see `Client.export_person`."""
        return await self._do(_export(customer))

    async def erase(self, customer: str, *, reason: str, author: str = "", id: str | None = None) -> dict[str, Any]:
        """Forget a customer for good; see `Client.erase`."""
        return await self._do(_erase(_customer_path(customer), author, reason, id))

    async def erase_unit(
        self, level: str, unit: str, *, reason: str, author: str = "", id: str | None = None
    ) -> dict[str, Any]:
        """Forget a unit of a level for good; see `Client.erase_unit`."""
        return await self._do(_erase(_unit_path(level, unit), author, reason, id))

    async def merge(
        self, customer: str, other: str, *, id: str | None = None, author: str = "", reason: str = ""
    ) -> Merged:
        """Say that another identifier belongs to the same customer; see `Client.merge`."""
        return await self._do(_merge(customer, other, id, author, reason))

    async def merges(self, customer: str) -> tuple[dict[str, Any], ...]:
        """List the merges of a customer; see `Client.merges`."""
        return await self._do(_merges(customer))

    async def split(
        self, customer: str, merge: int, *, id: str | None = None, author: str = "", reason: str = ""
    ) -> Recorded:
        """Undo a merge; see `Client.split`."""
        return await self._do(_split(customer, merge, id, author, reason))

    async def identify(self, identifiers: Mapping[str, str], proof: str) -> Identified:
        """Let identifiers lead to one customer, as a proof says; see `Client.identify`."""
        return await self._do(_identify(identifiers, proof))

    async def history(self, customer: str, *, limit: int = 100, before: int | None = None) -> History | None:
        """Read what happened to a customer; see `Client.history`."""
        return await self._do(_history(customer, limit, before))

    async def models(self) -> list[dict[str, Any]]:
        """Say what the models have learned; see `Client.models`."""
        return await self._do(_models())

    async def compare_models(self) -> dict[str, Any]:
        """Compare champion and challengers; see `Client.compare_models`."""
        return await self._do(_comparison())

    async def model_report(self) -> dict[str, Any]:
        """Judge champion and challengers; see `Client.model_report`."""
        return await self._do(_report())

    async def data_report(self) -> dict[str, Any]:
        """Judge the inputs of decisions; see `Client.data_report`."""
        return await self._do(_data_report())

    async def model_versions(self) -> list[dict[str, Any]]:
        """List kept versions of what the models learned; see `Client.model_versions`."""
        return await self._do(_versions())

    async def promote_model(self, model: str, *, author: str = "", reason: str = "") -> dict[str, Any]:
        """Let a model decide; see `Client.promote_model`."""
        return await self._do(_promote(model, author, reason))

    async def restore_version(self, version: int, *, author: str = "", reason: str = "") -> dict[str, Any]:
        """Go back to a kept version; see `Client.restore_version`."""
        return await self._do(_restore(version, author, reason))

    async def rebuild_models(self, *, author: str = "", reason: str = "") -> dict[str, Any]:
        """Learn all final truths anew; see `Client.rebuild_models`."""
        return await self._do(_rebuild(author, reason))

    async def rebuild_progress(self) -> dict[str, Any]:
        """Say how far a rebuild is; see `Client.rebuild_progress`."""
        return await self._do(_rebuild_progress())

    async def limits(self) -> dict[str, Any]:
        """Say how stocks stand; see `Client.limits`."""
        return await self._do(_limits())

    async def switch(self, target: str, *, off: bool, author: str = "", reason: str = "") -> dict[str, Any]:
        """Switch an action or a group off, or on again; see `Client.switch`."""
        return await self._do(_switch(target, off, author, reason))

    async def publish(
        self, files: Mapping[str, str], *, author: str = "", reason: str = "", another_project: bool = False
    ) -> Release:
        """Publish a strategy; see `Client.publish`."""
        return await self._do(_publish(files, author, reason, another_project))

    async def rollback(self, number: int | None = None, *, author: str = "", reason: str = "") -> Release:
        """Go back to an earlier revision; see `Client.rollback`."""
        return await self._do(_rollback(number, author, reason))

    async def revisions(self) -> list[RevisionLine]:
        """List all revisions; see `Client.revisions`."""
        return await self._do(_revisions())

    async def _do(self, ask: _Ask[T]) -> T:
        return ask.read(await self._send(ask))

    async def _send(self, ask: _Ask[Any], until: float | None = None) -> httpx.Response:
        """Send, and again where that may help; see `Client`."""
        pauses = self._pauses()
        while True:
            response = await self._try(ask, self._seconds(ask, until))
            if ask.once or _is_final(response):
                break
            pause = self._pause(pauses, response, until)
            if pause is None:
                break
            await asyncio.sleep(pause)
        return _received(response)

    async def _try(self, ask: _Ask[Any], seconds: float) -> httpx.Response | None:
        if seconds <= 0:
            return None
        try:
            return await self._http.request(**ask.parts(), timeout=seconds)
        except httpx.RequestError:
            return None
