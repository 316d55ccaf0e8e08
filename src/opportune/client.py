"""The Python client: ask for decisions and report outcomes, surviving a service that is slow or away.

Every write carries an id that its retries keep, so nothing happens twice. `decide` never raises because the service is
away: it gives the defaults that the caller named for the placement, marked as degraded.

Example:
    >>> with Client("http://127.0.0.1:8080") as client:  # doctest: +SKIP
    ...     answer = client.decide("till", "receipt", customer="c-1")
    ...     client.outcome(answer.id, answer.placements[0].actions[0].action, "accept")
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import quote
from uuid import uuid4

import httpx
import msgspec

from opportune.errors import ServiceError

__all__ = [
    "AWAY",
    "AsyncClient",
    "Batch",
    "Client",
    "CustomerChange",
    "DecisionAnswer",
    "Placement",
    "Profile",
    "Recorded",
    "Refused",
    "ShownAction",
]

AWAY = "service-away"
"""Reason of degradation of an answer that the client made itself."""
RETRIED = frozenset({408, 429, 502, 503, 504})
BACKOFF_SECONDS = 0.05
BACKOFF_MAX_SECONDS = 2.0

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
    """An answer; `degraded` is the reason of a fallback, or None. `id` is "" when the service never gave one."""

    id: str
    revision: str
    degraded: str | None
    control: str | None
    placements: tuple[Placement, ...]


class Recorded(msgspec.Struct, frozen=True, kw_only=True):
    """An outcome or event is durable; `status` is "recorded", or "repeated" where it was there already."""

    status: str
    sequence: int


class Refused(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one item of a batch; `code` says why it was refused."""

    status: str
    sequence: int = 0
    code: str | None = None


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


class Profile(msgspec.Struct, frozen=True, kw_only=True):
    """What is stored of a customer."""

    version: int
    attributes: dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Request:
    """A request ready to be sent, again if need be."""

    method: str
    path: str
    body: Any = None
    headers: Mapping[str, str] | None = None

    def parts(self) -> dict[str, Any]:
        content = None if self.body is None else msgspec.json.encode(self.body)
        headers = dict(self.headers or {})
        if content is not None:
            headers["content-type"] = "application/json"
        return {"method": self.method, "url": self.path, "content": content, "headers": headers}


class _Common:
    """What both clients share: requests, answers and the pauses between tries; no input and no output."""

    def __init__(
        self,
        url: str,
        defaults: Mapping[str, Sequence[Mapping[str, Any]]] | None,
        timeout: float,
        retries: int,
    ) -> None:
        self._url = url.rstrip("/")
        self._timeout = timeout
        self._retries = retries
        self._defaults = {
            name: msgspec.convert(list(actions), tuple[ShownAction, ...]) for name, actions in (defaults or {}).items()
        }

    def _pauses(self) -> Iterator[float]:
        """Give the pause before each retry in seconds: doubling, with chance, so that clients do not come together."""
        for number in range(self._retries):
            yield min(BACKOFF_MAX_SECONDS, BACKOFF_SECONDS * 2.0**number) * random.uniform(0.5, 1.0)  # noqa: S311

    def _away(self, channel: str, placements: Sequence[Mapping[str, Any]]) -> DecisionAnswer:
        """Make the answer of a service that is away."""
        answers = []
        for placement in placements:
            known = self._defaults.get(f"{channel}/{placement['name']}", ())
            ranked = known[: placement.get("size") or None]
            actions = tuple(
                msgspec.structs.replace(action, rank=rank, how="fallback")
                for rank, action in enumerate(ranked, start=1)
            )
            answers.append(Placement(name=placement["name"], actions=actions))
        return DecisionAnswer(id="", revision="", degraded=AWAY, control=None, placements=tuple(answers))


def _placements(placements: str | Sequence[str | Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    names = [placements] if isinstance(placements, str) else placements
    return [{"name": one} if isinstance(one, str) else one for one in names]


def _without_none(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


def _decision(
    channel: str, placements: list[Mapping[str, Any]], deadline_ms: float | None, fields: dict[str, Any]
) -> _Request:
    body = {"channel": channel, "placements": placements, **fields}
    headers = {} if deadline_ms is None else {"Opportune-Deadline-Ms": f"{deadline_ms:g}"}
    return _Request("POST", "/v1/decisions", body, headers)


def _customer(method: str, customer: str, attributes: Mapping[str, Any]) -> _Request:
    path = f"/v1/customers/{quote(customer, safe='')}"
    return _Request(method, path, {"attributes": dict(attributes)}, {"Idempotency-Key": uuid4().hex})


def _with_ids(items: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [{"id": uuid4().hex, **item} for item in items]


def _retry_after(response: httpx.Response) -> float:
    """Read how long the service asks to wait, in seconds; 0 where it does not."""
    text = response.headers.get("retry-after", "")
    return min(BACKOFF_MAX_SECONDS, float(text)) if text.isdigit() else 0.0


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
        problem = msgspec.json.decode(response.content)
        raise ServiceError(f"{problem['title']}: {problem['detail']}", response.status_code, problem["code"])
    except (msgspec.MsgspecError, KeyError, TypeError):
        raise ServiceError("the service refused without a reason", response.status_code, "unknown") from None


class Client(_Common):
    """Talks to one service; safe for several threads.

    Args:
        url: address of the service.
        defaults: "channel/placement" → actions to show while the service is away, each with `action` and whatever else
            the channel needs of a `ShownAction`.
        timeout: seconds that one try may take.
        retries: further tries after the first, with growing pauses.
        transport: how requests travel, for tests.
    """

    def __init__(
        self,
        url: str = "http://127.0.0.1:8080",
        *,
        defaults: Mapping[str, Sequence[Mapping[str, Any]]] | None = None,
        timeout: float = 1.0,
        retries: int = 2,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        super().__init__(url, defaults, timeout, retries)
        self._http = httpx.Client(base_url=self._url, timeout=timeout, transport=transport)

    def close(self) -> None:
        """Close all connections."""
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
        context: Mapping[str, Any] | None = None,
        session: str | None = None,
        language: str | None = None,
        zone: str | None = None,
        id: str | None = None,
        deadline_ms: float | None = None,
    ) -> DecisionAnswer:
        """Ask what is best next.

        Args:
            placements: name of a placement, or several; with {"name": ..., "size": ...} where the size matters.
            id: idempotency key; None makes one.

        Raises:
            ServiceError: the request is wrong. A service that is away raises nothing.
        """
        wanted = _placements(placements)
        fields = _without_none(
            id=id or uuid4().hex, customer=customer, context=context, session=session, language=language, zone=zone
        )
        try:
            response = self._send(_decision(channel, wanted, deadline_ms, fields))
        except ServiceError:
            return self._away(channel, wanted)
        if response.status_code >= 500 or response.status_code in RETRIED:
            return self._away(channel, wanted)
        return _read(response, DecisionAnswer)

    def outcome(
        self,
        decision: str,
        action: str,
        outcome: str,
        *,
        treatment: str | None = None,
        placement: str | None = None,
        occurred_at: datetime | None = None,
        id: str | None = None,
    ) -> Recorded:
        """Report what happened to an action.

        Raises:
            ServiceError: it was refused, or the service is away: report it again with the same id.
        """
        body = _without_none(treatment=treatment, placement=placement, occurred_at=occurred_at)
        body |= {"id": id or uuid4().hex, "decision": decision, "action": action, "outcome": outcome}
        return _read(self._send(_Request("POST", "/v1/outcomes", body)), Recorded)

    def outcomes(self, outcomes: Sequence[Mapping[str, Any]]) -> Batch:
        """Report many outcomes, each a mapping of the fields of `outcome`; those without an id get one.

        Raises:
            ServiceError: nothing more was acknowledged.
        """
        return _read(self._send(_Request("POST", "/v1/outcomes", _with_ids(outcomes))), Batch)

    def event(
        self,
        type: str,
        *,
        customer: str | None = None,
        attributes: Mapping[str, Any] | None = None,
        session: str | None = None,
        occurred_at: datetime | None = None,
        id: str | None = None,
    ) -> Recorded:
        """Report that something happened.

        Raises:
            ServiceError: it was refused, or the service is away.
        """
        body = _without_none(customer=customer, attributes=attributes, session=session, occurred_at=occurred_at)
        return _read(
            self._send(_Request("POST", "/v1/events", {"id": id or uuid4().hex, "type": type, **body})), Recorded
        )

    def customer(self, customer: str) -> Profile | None:
        """Read a profile; None where there is none.

        Raises:
            ServiceError: the service is away or refused.
        """
        response = self._send(_Request("GET", f"/v1/customers/{quote(customer, safe='')}"))
        return None if response.status_code == 404 else _read(response, Profile)

    def put_customer(self, customer: str, attributes: Mapping[str, Any]) -> CustomerChange:
        """Replace what is known of a customer.

        Raises:
            ServiceError: it was refused, or the service is away.
        """
        return _read(self._send(_customer("PUT", customer, attributes)), CustomerChange)

    def patch_customer(self, customer: str, attributes: Mapping[str, Any]) -> CustomerChange:
        """Set some attributes of a customer; None removes one.

        Raises:
            ServiceError: it was refused, or the service is away.
        """
        return _read(self._send(_customer("PATCH", customer, attributes)), CustomerChange)

    def models(self) -> list[dict[str, Any]]:
        """Say what the models have learned.

        Raises:
            ServiceError: the service is away or refused.
        """
        models: list[dict[str, Any]] = _read(self._send(_Request("GET", "/v1/models")), dict[str, Any])["models"]
        return models

    def _send(self, request: _Request) -> httpx.Response:
        """Send, and again where that may help.

        Raises:
            ServiceError: no answer came.
        """
        pauses = self._pauses()
        while True:
            response = self._try(request)
            if response is not None and response.status_code not in RETRIED:
                return response
            pause = next(pauses, None)
            if pause is None:
                break
            time.sleep(max(pause, 0.0 if response is None else _retry_after(response)))
        if response is None:
            raise ServiceError("the service could not be reached")
        return response

    def _try(self, request: _Request) -> httpx.Response | None:
        try:
            return self._http.request(**request.parts())
        except httpx.TransportError:
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
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        super().__init__(url, defaults, timeout, retries)
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
        context: Mapping[str, Any] | None = None,
        session: str | None = None,
        language: str | None = None,
        zone: str | None = None,
        id: str | None = None,
        deadline_ms: float | None = None,
    ) -> DecisionAnswer:
        """Ask what is best next; see `Client.decide`."""
        wanted = _placements(placements)
        fields = _without_none(
            id=id or uuid4().hex, customer=customer, context=context, session=session, language=language, zone=zone
        )
        try:
            response = await self._send(_decision(channel, wanted, deadline_ms, fields))
        except ServiceError:
            return self._away(channel, wanted)
        if response.status_code >= 500 or response.status_code in RETRIED:
            return self._away(channel, wanted)
        return _read(response, DecisionAnswer)

    async def outcome(
        self,
        decision: str,
        action: str,
        outcome: str,
        *,
        treatment: str | None = None,
        placement: str | None = None,
        occurred_at: datetime | None = None,
        id: str | None = None,
    ) -> Recorded:
        """Report what happened to an action; see `Client.outcome`."""
        body = _without_none(treatment=treatment, placement=placement, occurred_at=occurred_at)
        body |= {"id": id or uuid4().hex, "decision": decision, "action": action, "outcome": outcome}
        return _read(await self._send(_Request("POST", "/v1/outcomes", body)), Recorded)

    async def outcomes(self, outcomes: Sequence[Mapping[str, Any]]) -> Batch:
        """Report many outcomes; see `Client.outcomes`."""
        return _read(await self._send(_Request("POST", "/v1/outcomes", _with_ids(outcomes))), Batch)

    async def event(
        self,
        type: str,
        *,
        customer: str | None = None,
        attributes: Mapping[str, Any] | None = None,
        session: str | None = None,
        occurred_at: datetime | None = None,
        id: str | None = None,
    ) -> Recorded:
        """Report that something happened; see `Client.event`."""
        body = _without_none(customer=customer, attributes=attributes, session=session, occurred_at=occurred_at)
        request = _Request("POST", "/v1/events", {"id": id or uuid4().hex, "type": type, **body})
        return _read(await self._send(request), Recorded)

    async def customer(self, customer: str) -> Profile | None:
        """Read a profile; see `Client.customer`."""
        response = await self._send(_Request("GET", f"/v1/customers/{quote(customer, safe='')}"))
        return None if response.status_code == 404 else _read(response, Profile)

    async def put_customer(self, customer: str, attributes: Mapping[str, Any]) -> CustomerChange:
        """Replace what is known of a customer; see `Client.put_customer`."""
        return _read(await self._send(_customer("PUT", customer, attributes)), CustomerChange)

    async def patch_customer(self, customer: str, attributes: Mapping[str, Any]) -> CustomerChange:
        """Set some attributes of a customer; see `Client.patch_customer`."""
        return _read(await self._send(_customer("PATCH", customer, attributes)), CustomerChange)

    async def models(self) -> list[dict[str, Any]]:
        """Say what the models have learned; see `Client.models`."""
        response = await self._send(_Request("GET", "/v1/models"))
        models: list[dict[str, Any]] = _read(response, dict[str, Any])["models"]
        return models

    async def _send(self, request: _Request) -> httpx.Response:
        """Send, and again where that may help; raises `ServiceError` where no answer came."""
        pauses = self._pauses()
        while True:
            response = await self._try(request)
            if response is not None and response.status_code not in RETRIED:
                return response
            pause = next(pauses, None)
            if pause is None:
                break
            await asyncio.sleep(max(pause, 0.0 if response is None else _retry_after(response)))
        if response is None:
            raise ServiceError("the service could not be reached")
        return response

    async def _try(self, request: _Request) -> httpx.Response | None:
        try:
            return await self._http.request(**request.parts())
        except httpx.TransportError:
            return None
