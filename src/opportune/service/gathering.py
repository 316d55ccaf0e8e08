"""What is found out for one contact before it is decided: its past, features, levels, session and text.

Sources of the context follow when its limits are known: services may hear only what these leave.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import Executor
from datetime import datetime
from types import MappingProxyType
from typing import NamedTuple

from opportune.customers.context import NO_ANSWERS, Answers
from opportune.customers.features import EventHistory
from opportune.customers.intake.session import Session
from opportune.customers.texts import FoundInText
from opportune.decide.limits.windows import micros
from opportune.decide.zones import OWN_ZONE, zone_of
from opportune.records import DecisionRequest, Facts, Value
from opportune.service.histories import Histories, Past
from opportune.service.live import Serving
from opportune.service.profiles import KnownProfile, fitting, identified
from opportune.service.sessions import read_session
from opportune.service.speakers import Speaker
from opportune.storage import RecordEvent, Storage
from opportune.storage.kinds import Kind

__all__ = ["NOTHING", "Found", "Gatherer"]

TEXT_SECONDS = 0.05
"""How long the reading of a text is waited for."""
_NOTHING: Facts = MappingProxyType({})


class Found(NamedTuple):
    """What was found out.

    Args:
        past: of the person; None where nothing of it is needed.
        known: facts that do not come from sources, such as "feature.<name>".
        doubts: what of it is in doubt.
        said: attributes of the context that a text gave, without prefix.
    """

    past: Past | None = None
    known: Facts = _NOTHING
    doubts: tuple[str, ...] = ()
    said: Facts = _NOTHING


NOTHING = Found()


class Gatherer:
    """Finds out; lives in the event loop's thread, but for what it has others do.

    Args:
        reader: where the store is read.
        worker: where texts are read.
        answers: of services over HTTP.
    """

    def __init__(
        self,
        storage: Storage,
        histories: Histories,
        reader: Executor,
        worker: Executor,
        answers: Answers = NO_ANSWERS,
    ) -> None:
        self._storage = storage
        self._histories = histories
        self._reader = reader
        self._worker = worker
        self.answers = answers

    def is_needed(self, serving: Serving, request: DecisionRequest) -> bool:
        """Whether anything has to be found out for a contact."""
        needs = serving.needs
        return (
            needs.past
            or not serving.strategy.sources.is_empty
            or bool(request.events)
            or bool(request.text)
            or (needs.session and request.session is not None)
            or len(serving.strategy.features) > 0
        )

    async def is_answered(self, request: DecisionRequest) -> bool:
        """Whether a request of this id is in the store already.

        Raises:
            StoreError: the store cannot be read.
        """
        loop = asyncio.get_running_loop()
        return bool(await loop.run_in_executor(self._reader, self._storage.recorded, Kind.DECISION, (request.id,)))

    async def find(
        self,
        serving: Serving,
        request: DecisionRequest,
        profile: KnownProfile,
        key: str | None,
        now: datetime,
        happened: Sequence[RecordEvent],
        cleared: Sequence[str],
        unproven: bool = False,
    ) -> Found:
        """Find out.

        Args:
            key: of the person; None for nobody.
            happened: what just happened in the contact and is not in the store.
            cleared: attributes that the request says are not known any more.
            unproven: the person is named only by what anybody may say, so that nothing said to it may be told.

        Raises:
            StoreError: the store cannot be read.
        """
        needs = serving.needs
        past = None
        if needs.past and key is not None and profile.person is not None:
            past = await self._histories.of(needs, key, profile.person, now)
        known: dict[str, Value] = {}
        doubts: tuple[str, ...] = ()
        if needs.session and request.session is not None:
            session = await self._session(serving, request, request.session, None if unproven else key)
            known.update(session.facts(now))
            for name in cleared:
                known.pop(f"context.{name}", None)
        said: dict[str, Value] = {}
        if request.text:
            read = await self._read_text(serving, request)
            known.update(read.facts)
            said = {name.removeprefix("context."): value for name, value in read.facts.items()}
            doubts = read.doubts
        known.update(self._of_units(serving, past))
        # Of nobody nothing is known: a count of 0 would say that somebody did nothing.
        if key is not None and len(serving.strategy.features):
            fresh = await self._unrecorded(request, happened)
            known.update(self._features(serving, request, profile, past, now, fresh))
        return Found(past, known, doubts, said)

    async def _session(self, serving: Serving, request: DecisionRequest, session: str, key: str | None) -> Session:
        loop = asyncio.get_running_loop()
        registries = serving.strategy.registries
        named = registries.identifiers.ranked(request.customer, request.identifiers or {})
        speaker = Speaker(self._storage, identified(key), named)
        asked = session, registries.kept, speaker, serving.strategy.plan.limits.former
        return await loop.run_in_executor(self._reader, read_session, self._storage, *asked)

    async def _unrecorded(self, request: DecisionRequest, happened: Sequence[RecordEvent]) -> Sequence[RecordEvent]:
        """Leave out what was recorded before under the same id: it counts already, in the past."""
        own = {event.id for event in request.events or ()}
        named = [event.id for event in happened if event.id in own]
        if not named:
            return happened
        loop = asyncio.get_running_loop()
        known = await loop.run_in_executor(self._reader, self._storage.recorded, Kind.EVENT, named)
        return [event for event in happened if event.id not in known]

    async def _read_text(self, serving: Serving, request: DecisionRequest) -> FoundInText:
        """Read what the customer said or wrote, beside this thread, and wait for it a moment only."""
        reader = serving.texts
        if reader is None or not isinstance(request.text, str):
            return FoundInText({}, ())
        reading = asyncio.get_running_loop().run_in_executor(self._worker, reader.read, request.text, request.language)
        try:
            async with asyncio.timeout(TEXT_SECONDS):
                return await asyncio.shield(reading)
        except TimeoutError:
            return FoundInText({}, reader.late)

    def _of_units(self, serving: Serving, past: Past | None) -> dict[str, Value]:
        if past is None or not past.units:
            return {}
        facts: dict[str, Value] = {}
        for level, unit in past.units.items():
            facts.update(fitting(serving.strategy.registries.levels[level], unit.attributes)[0])
        return facts

    def _features(
        self,
        serving: Serving,
        request: DecisionRequest,
        profile: KnownProfile,
        past: Past | None,
        now: datetime,
        happened: Sequence[RecordEvent],
    ) -> dict[str, Value]:
        events = EventHistory() if past is None else past.events
        contacts = () if past is None else past.contacts
        zone = zone_of(profile.facts.get(OWN_ZONE), serving.strategy.plan.zone, request.zone)
        units = {} if past is None else {level: (unit.events, unit.contacts) for level, unit in past.units.items()}
        # Nothing else runs meanwhile. What just happened counts now, and is in memory once it is committed.
        histories = [events, *(unit for unit, _ in units.values())]
        keys = _take_in(histories, happened, now)
        try:
            return serving.strategy.features.read(events, contacts, now, zone, units)
        finally:
            for history in histories:
                history.leave_out(keys)


def _take_in(histories: Sequence[EventHistory], happened: Sequence[RecordEvent], now: datetime) -> list[int]:
    """Add what just happened to histories, under keys that no journal entry has; give the keys."""
    for history in histories:
        for place, event in enumerate(happened, start=1):
            # What is dated ahead happened when it was recorded.
            history.add(-place, micros(min(event.occurred_at or now, now)), event.type, event.attributes)
    return [-place for place in range(1, len(happened) + 1)]
