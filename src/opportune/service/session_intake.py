"""What agents and pages add to a conversation between two decisions; the next one knows it, in whichever process."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from functools import partial
from hashlib import blake2b
from typing import Any

import msgspec

from opportune.customers.identity import CUSTOMER, Identifier
from opportune.customers.texts import FoundInText
from opportune.errors import InputError, Problem
from opportune.records import DecisionRequest, Happened, Value
from opportune.service.event_writes import events_in, ids_wrong
from opportune.service.events_intake import EventIntake
from opportune.service.happening import happened_in
from opportune.service.identity import whose
from opportune.service.live import Live, Serving
from opportune.service.profiles import KnownProfile
from opportune.service.sessions import SAID, last_named, read_session, said_attributes
from opportune.service.speakers import Speaker
from opportune.storage import GroupWriter, Receipt, RecordEvent, Storage, Write, id_fault

__all__ = ["SessionIntake", "SessionKnown", "SessionNews"]

KEPT_REMEDY = "give it 'keeps: session' in context.yaml, or send it with the decision"


class SessionNews(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is new in a conversation.

    Args:
        id: the caller's idempotency key.
        customer: whose conversation it is; None takes whom its last decision or note was of.
        identifiers: kind → more identifiers of the person.
        context: attributes that the session keeps; null means not known any more.
        events: what happened in it.
        text: what the customer said or wrote; attributes are read out of it, and it is kept nowhere.
        language: of the text; None takes the project's first.
    """

    id: str
    customer: str | None = None
    identifiers: dict[str, str] = {}
    context: dict[str, Any] = {}
    events: tuple[Happened, ...] = ()
    text: str | None = None
    language: str | None = None


class SessionKnown(msgspec.Struct, frozen=True, kw_only=True):
    """What a conversation knows after something was added.

    Args:
        status: "recorded", or "repeated" where it was there already.
        sequence: its journal entry; 0 where there was nothing to keep.
        context: attributes that it keeps; where the news do not say whose they are, what was said of nobody and now.
        ignored: names that the strategy does not declare and says to ignore.
        doubts: attributes that the text should give and does not, each with a word.
    """

    status: str
    sequence: int
    context: dict[str, Any]
    ignored: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()


class SessionIntake:
    """Lives in the event loop's thread.

    Args:
        reader: where the store is read.
        worker: where texts are read.
    """

    def __init__(
        self,
        live: Live,
        storage: Storage,
        writer: GroupWriter,
        events: EventIntake,
        reader: Executor,
        worker: Executor,
    ) -> None:
        self._live = live
        self._storage = storage
        self._writer = writer
        self._events = events
        self._reader = reader
        self._worker = worker

    async def add(self, session: str, news: SessionNews) -> SessionKnown:
        """Take in what is new.

        Raises:
            InputError: with all that is wrong, or its id was used before with another body.
            StoreError: nothing was acknowledged.
        """
        serving = self._live.current
        said, cleared, ignored = _checked(serving, session, news)
        read = await self._read(serving, news)
        kept = serving.strategy.registries.kept
        found = {name.removeprefix("context."): value for name, value in read.facts.items()}
        said = {**{name: value for name, value in found.items() if name in kept}, **said}
        identifiers = serving.strategy.registries.identifiers
        named = identifiers.read(news.customer, news.identifiers) if news.customer or news.identifiers else ()
        followed = await self._whose(serving, named)
        owner = followed if named else await self._last(serving, session)
        writes = _writes(serving, session, news, owner, said_attributes(said, cleared))
        results = await self._writer.write_together(writes)
        self._events.forget(writes)
        for result in results:
            if isinstance(result, InputError):
                raise result
        first = results[0]
        assert isinstance(first, Receipt)
        # Who does not say whose the session is may add to it, and hears nothing of what somebody said in it.
        speaker = Speaker(self._storage, followed, named)
        known = await self._in_reader(read_session, self._storage, session, kept, speaker)
        context = {**known.said, **said}
        if first.repeated:  # Other things may have been said since.
            context = dict(known.said) if named else {**said, **known.said}
        return SessionKnown(
            status="repeated" if first.repeated else "recorded",
            sequence=first.sequence,
            context=context,
            ignored=ignored,
            doubts=read.doubts,
        )

    async def _read(self, serving: Serving, news: SessionNews) -> FoundInText:
        reader = serving.texts
        if reader is None or news.text is None:
            return FoundInText({}, ())
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._worker, reader.read, news.text, news.language)

    async def _whose(self, serving: Serving, named: Sequence[Identifier]) -> Identifier | None:
        """Say who is believed to be named."""
        request = DecisionRequest(id="", channel="", placements=(), identifiers=dict(named))
        kinds = serving.strategy.registries.identifiers
        return (await whose(kinds, request, partial(self._known, serving))).identifier

    async def _last(self, serving: Serving, session: str) -> Identifier | None:
        """Say who was in the session last."""
        identifiers = serving.strategy.registries.identifiers
        names = dict(await self._in_reader(last_named, self._storage, session))
        named = identifiers.ranked(None, {kind: value for kind, value in names.items() if kind in identifiers.kinds})
        return await self._whose(serving, named)

    async def _known(self, serving: Serving, key: str) -> KnownProfile:
        known = serving.profiles.get(key)
        if known is None:
            known, changes = await self._in_reader(serving.profiles.read, key)
            serving.profiles.keep(key, known, changes)
        return known

    async def _in_reader(self, work: Any, *arguments: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._reader, work, *arguments)


def _checked(
    serving: Serving, session: str, news: SessionNews
) -> tuple[Mapping[str, Value], tuple[str, ...], tuple[str, ...]]:
    """Judge what is new: attributes with their types, names of those not known any more, and those ignored."""
    registries = serving.strategy.registries
    problems = ids_wrong(id=news.id, session=session, customer=news.customer)
    problems += events_in(registries, _as_request(session, news))
    said: Mapping[str, Value] = {}
    ignored: tuple[str, ...] = ()
    try:
        said, ignored = registries.context.typed(news.context)
    except InputError as error:
        problems += error.problems
    for name in news.context:
        if name in registries.context.attributes and name not in registries.kept:
            message = "the session does not keep this attribute"
            problems.append(Problem("", 0, 0, f"context.{name}", message, KEPT_REMEDY, "invalid-attribute"))
    if problems:
        raise InputError(problems, problems[0].code)
    cleared = tuple(name for name, value in news.context.items() if value is None and name in registries.kept)
    return said, cleared, ignored


def _as_request(session: str, news: SessionNews) -> DecisionRequest:
    return DecisionRequest(id=news.id, session=session, channel="", placements=(), events=news.events)


def _writes(
    serving: Serving,
    session: str,
    news: SessionNews,
    whose: Identifier | None,
    attributes: dict[str, Value],
) -> list[Write]:
    note = RecordEvent(
        id=_note_id(news.id),
        type=SAID,
        identifier=None if whose is None else whose.value,
        identifier_kind=CUSTOMER if whose is None else whose.kind,
        attributes=attributes,
        session=session,
    )
    registries = serving.strategy.registries
    return [note, *happened_in(registries, _as_request(session, news), whose, None)]


def _note_id(news: str) -> str:
    """Give the id of the note of some news; what would be too long for one is told by its digest."""
    name = f"session/{news}"
    return f"session/{blake2b(news.encode(), digest_size=32).hexdigest()}" if id_fault(name) else name
