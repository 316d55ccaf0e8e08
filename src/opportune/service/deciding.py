"""One decision: within its deadline, answered after its record is durable, or by the placement's safe fallback."""

from __future__ import annotations

import asyncio
from concurrent.futures import Executor
from datetime import datetime, timedelta
from functools import partial
from time import perf_counter

import msgspec
import structlog
from msgspec.structs import replace

from opportune.customers.identity import CUSTOMER, Identifier
from opportune.decide import Reason, fallback, gather
from opportune.decide.limits.stocks import reserves_of
from opportune.decide.pipeline import decision_id
from opportune.errors import InputError, SoldOutError, StaleError, StoreBusyError, StoreError
from opportune.records import Decision, DecisionRequest, PlacementAnswer
from opportune.service.contacts import read_contact
from opportune.service.drawing import Drawing
from opportune.service.gathering import Found, Gatherer
from opportune.service.happening import cleared_in, happened_in, note_of
from opportune.service.identity import Whose, at_sight, whose
from opportune.service.keeping import LateRecords
from opportune.service.live import Live, Serving
from opportune.service.logs import place_of
from opportune.service.profiles import NOBODY, KnownProfile, key_of, parted
from opportune.service.quality import Quality
from opportune.service.recent import RecentDecisions, Remembered, origin_of
from opportune.service.settings import Settings
from opportune.service.standings import Standings
from opportune.service.tokens import Tokens
from opportune.storage import GroupWriter, Receipt, SaveDecision, SaveProfile, WindowOpened, Write

__all__ = ["Answer", "AnswerBody", "Decider"]

TOKEN_LIFE = timedelta(days=30)
"""How long a token is good where nothing waits for an answer."""

REDRAWN_MAX = 4
"""Draws that may be lost to other decisions of the same moment before the fallback answers."""

FOUND_MAX = 3
"""Reads of a past that may turn out to be somebody else's before the fallback answers."""

log = structlog.get_logger()


class AnswerBody(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a channel gets.

    Args:
        id: of the decision; outcomes name it.
        revision: content hash of the strategy that decided.
        degraded: reason of a fallback answer, or null.
        control: name of the control group that the person is in, or null.
        placements: the slates, in the order asked for.
        token: by which a page may report outcomes, where the channel has tokens.
        redrawn: how often it was drawn again, since a stock was sold out or the person's history changed meanwhile.
    """

    id: str
    revision: str
    degraded: str | None
    control: str | None
    placements: tuple[PlacementAnswer, ...]
    token: str | None = None
    redrawn: int = 0


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """An answer as it goes out.

    Args:
        body: canonical JSON of an `AnswerBody`.
        degraded: reason of a fallback answer.
        repeated: the request was answered before; this is the first answer.
        ignored: how many context attributes of this request were ignored.
        deciding: seconds of thinking; `committing` seconds until the record was durable.
    """

    body: bytes
    degraded: str | None = None
    repeated: bool = False
    ignored: int = 0
    deciding: float = 0.0
    committing: float = 0.0


_encode = msgspec.json.Encoder().encode


class Decider:
    """Makes decisions; lives in the event loop's thread.

    Args:
        reader: where the store is read when a profile is not in memory, so that a slow disk holds up nobody else.
    """

    def __init__(
        self,
        live: Live,
        recent: RecentDecisions,
        writer: GroupWriter,
        reader: Executor,
        settings: Settings,
        records: LateRecords,
        tokens: Tokens,
        standings: Standings,
        quality: Quality,
        gatherer: Gatherer,
    ) -> None:
        self._live = live
        self._recent = recent
        self._writer = writer
        self._reader = reader
        self._settings = settings
        self._records = records
        self._tokens = tokens
        self._standings = standings
        self._quality = quality
        self._gatherer = gatherer

    async def answer(self, request: DecisionRequest, deadline_ms: float | None = None, waited: float = 0.0) -> Answer:
        """Decide, keep the record, answer.

        Args:
            deadline_ms: time for all of that; None takes the strategy's.
            waited: seconds of it that have passed already.

        Raises:
            InputError: the request is wrong, or its id was used before with another body.
        """
        begin = perf_counter()
        serving = self._live.current
        plan = serving.strategy.plan
        said = request
        request, ignored = read_contact(plan, serving.strategy.registries, request)
        now = self._settings.clock()
        profile = NOBODY
        kinds = serving.strategy.registries.identifiers
        who = at_sight(kinds, request)
        decided = begin
        write: SaveDecision | None = None
        left = (deadline_ms or plan.deadline_ms) / 1000 - waited
        if left <= 0:
            return self._fallback(serving, request, who, profile, now, ignored, Reason.OVERLOADED)
        try:
            async with asyncio.timeout(left):
                if request.identifiers:
                    who = await whose(kinds, request, partial(self._known, serving))
                if who.key is not None:
                    profile = await self._known(serving, who.key)
                await self._writer.together()
                learned = serving.learned
                if learned is None:
                    return self._fallback(serving, request, who, profile, now, ignored, Reason.MODEL_MISSING)
                if serving.needs.past and who.identifier is not None and profile.person is None:
                    profile = await self._welcome(serving, who.identifier, request)
                drawing = Drawing(serving, learned, request, profile, now, ignored, self._gatherer.answers)
                drawing.doubt((*who.doubts, *self._quality.doubts(profile, now)))
                drawing.key = who.key
                drawing.unproven = who.guarded is not None
                if request.session is not None and serving.needs.session:
                    drawing.cleared = cleared_in(serving.strategy.registries, said)
                if request.events:
                    drawing.happened = happened_in(serving.strategy.registries, request, who.identifier, now)
                async with self._standings.turn(serving.needs, profile.person):
                    while True:
                        write = await self._drawn(drawing)
                        decided = perf_counter()
                        try:
                            receipt = await self._keep(drawing, write)
                            break
                        except (StaleError, SoldOutError) as refusal:
                            self._lose(drawing, write.decision, refusal)
                        if drawing.refused > REDRAWN_MAX:
                            return self._fallback(serving, request, who, profile, now, ignored, Reason.STORE_BUSY)
                decision, body = write.decision, write.answer
        except TimeoutError:
            return self._fallback(serving, request, who, profile, now, ignored, Reason.STORE_SLOW, write)
        except StoreBusyError:
            return self._fallback(serving, request, who, profile, now, ignored, Reason.STORE_BUSY)
        except StoreError:
            return self._fallback(serving, request, who, profile, now, ignored, Reason.STORE_UNAVAILABLE)
        except InputError:
            raise
        except Exception as error:  # noqa: BLE001  Whatever broke, the contact gets an answer.
            log.error("decision failed", error=type(error).__name__, where=place_of(error))
            return self._fallback(serving, request, who, profile, now, ignored, Reason.INTERNAL_ERROR)
        end = perf_counter()
        if receipt.repeated:
            return self._first_answer(receipt.answer, body, len(ignored), end - begin)
        self._recent.put(decision.id, Remembered.of(decision))
        self._standings.note(decision, receipt.sequence, write.reserves)
        self._quality.note(serving.strategy, profile, drawing.gathered, decision)
        return Answer(body=body, ignored=len(ignored), deciding=decided - begin, committing=end - decided)

    async def _drawn(self, drawing: Drawing) -> SaveDecision:
        """Decide by what limits allow as far as is known here."""
        serving = drawing.serving
        plan = serving.strategy.plan
        if self._gatherer.is_needed(serving, drawing.request):
            drawing.take(await self._found(drawing))
        past = drawing.found.past
        limits, unproven = plan.limits, drawing.unproven
        if not limits.is_empty or limits.needs_contacts or self._standings.switched_off(plan) or unproven:
            drawing.stand(await self._standings.of(plan, past, drawing.now, unproven=unproven))
        decision = drawing.draw()
        identifier, kind = _named(drawing.profile)
        return SaveDecision(
            decision=decision,
            answer=body_of(decision, self._token(drawing.serving, decision)),
            origin=origin_of(decision),
            windows=_windows(drawing.serving, decision),
            reserves=reserves_of(plan, decision, drawing.now),
            contacts_seen=None if past is None else past.last,
            seen_kinds=() if past is None else serving.needs.kinds,
            seen_with={} if past is None or not past.units else past.seen_with,
            identifier=identifier,
            identifier_kind=kind,
        )

    async def _found(self, drawing: Drawing) -> Found:
        """Find out; where the past shows that its person is another one than the profile's, read that anew.

        So it is once persons were parted, or one was forgotten, by a process whose notice has not come yet.

        Raises:
            StoreError: the store cannot be read, or persons are parted faster than that.
        """
        serving = drawing.serving
        for _ in range(FOUND_MAX):
            found = await self._gatherer.find(
                serving,
                drawing.request,
                drawing.profile,
                drawing.key,
                drawing.now,
                drawing.happened,
                drawing.cleared,
                drawing.unproven,
            )
            if found.past is None or drawing.key is None or drawing.profile.person in found.past.members:
                return found
            self._standings.forget(drawing.key, drawing.profile.person)
            serving.profiles.forget(drawing.key)
            drawing.profile = await self._read_profile(serving, drawing.key)
        raise StoreBusyError("the person changes faster than it can be read")

    async def _keep(self, drawing: Drawing, write: SaveDecision) -> Receipt:
        """Commit a decision, with what just happened in its contact."""
        others: list[Write] = [*drawing.happened]
        note = note_of(drawing)
        if note is not None:
            others.append(note)
        if not others:
            return await self._writer.write(write)
        # What happened is the newest of its person: behind the decision, which knows it already.
        (result, *_) = await self._writer.write_together([write, *others])
        if drawing.key is not None:
            self._standings.went_on(drawing.key)
        drawing.happened = ()
        if isinstance(result, InputError):
            raise result
        return result

    def _lose(self, drawing: Drawing, decision: Decision, refusal: StaleError | SoldOutError) -> None:
        """Take in that a draw could not be kept."""
        drawing.lose(decision, refusal)
        self._standings.forget(drawing.key, drawing.profile.person)
        if isinstance(refusal, SoldOutError):
            self._standings.sold(refusal.lost)

    async def _welcome(self, serving: Serving, identifier: Identifier, request: DecisionRequest) -> KnownProfile:
        """Make a person of whom the store does not know: limits and features are of persons.

        Who sends a request again after its customer was forgotten makes nobody known.
        """
        kind, value = identifier
        profile = await self._read_profile(serving, key_of(kind, value))
        if profile.person is not None or await self._gatherer.is_answered(request):
            return profile
        await self._writer.write(
            SaveProfile(
                id=self._settings.new_id(),
                identifier=value,
                identifier_kind=kind,
                attributes={},
                replace=False,
                newcomer=True,
            )
        )
        serving.profiles.forget(key_of(kind, value))
        return await self._read_profile(serving, key_of(kind, value))

    def _first_answer(self, stored: bytes | None, body: bytes, ignored: int, seconds: float) -> Answer:
        """Give the stored answer; after its erasure, what is decided now."""
        return Answer(body=body if stored is None else stored, repeated=True, ignored=ignored, deciding=seconds)

    def _token(self, serving: Serving, decision: Decision) -> str | None:
        """Sign the answer where its channel wants that: for thirty days, or until its last response window ends."""
        channel = serving.strategy.plan.channels[decision.request.channel]
        if not channel.tokens:
            return None
        windows = _windows(serving, decision)
        until = max([decision.at + TOKEN_LIFE, *(window.due_at for window in windows)])
        return self._tokens.of(decision, until)

    async def _known(self, serving: Serving, key: str) -> KnownProfile:
        return serving.profiles.get(key) or await self._read_profile(serving, key)

    async def _read_profile(self, serving: Serving, customer: str) -> KnownProfile:
        loop = asyncio.get_running_loop()
        profile, changes = await loop.run_in_executor(self._reader, serving.profiles.read, customer)
        serving.profiles.keep(customer, profile, changes)
        return profile

    def _fallback(
        self,
        serving: Serving,
        request: DecisionRequest,
        who: Whose,
        known: KnownProfile,
        now: datetime,
        ignored: tuple[str, ...],
        reason: Reason,
        late: SaveDecision | None = None,
    ) -> Answer:
        """Answer with each placement's declared fallback, and keep its record as soon as the store can.

        Args:
            late: the decision whose commit the deadline did not wait for.
        """
        plan = serving.strategy.plan
        try:
            facts = gather(plan, known.facts, request, now)
            off, unproven = self._standings.switched_off(plan), who.guarded is not None
            decision = fallback(plan, request, facts, now, reason, off, unproven=unproven)
            decision = replace(decision, ignored=ignored, person=known.person)
        except Exception as error:  # noqa: BLE001  An empty slate is still an answer.
            log.error("fallback failed", error=type(error).__name__, where=place_of(error))
            return Answer(body=_empty(plan.revision, request, reason), degraded=reason, ignored=len(ignored))
        body = body_of(decision, self._token(serving, decision))
        self._recent.put(decision.id, Remembered.of(decision))
        identifier, kind = _named(known)
        origin = origin_of(decision)
        record = SaveDecision(
            decision=decision, answer=body, origin=origin, identifier=identifier, identifier_kind=kind
        )
        happened = happened_in(serving.strategy.registries, request, who.identifier, now)
        self._records.add(record, late, happened)
        return Answer(body=body, degraded=reason, ignored=len(ignored))


def _named(profile: KnownProfile) -> tuple[str | None, str]:
    """Give identifier and kind by which a person came."""
    return (None, CUSTOMER) if profile.key is None else parted(profile.key)


def _windows(serving: Serving, decision: Decision) -> tuple[WindowOpened, ...]:
    """Open the response window of every action that is shown, or withheld: its silence counts too."""
    plan, channel = serving.strategy.plan, decision.request.channel
    if not plan.windows and plan.channels[channel].window_seconds is None:
        return ()
    opened = []
    for placement in (*decision.placements, *decision.withheld):
        for shown in placement.actions:
            window = plan.window_of(channel, shown.action)
            if window is not None:
                due = decision.at + timedelta(seconds=window[0])
                opened.append(
                    WindowOpened(action=shown.action, treatment=shown.treatment, outcome=window[1], due_at=due)
                )
    return tuple(opened)


def body_of(decision: Decision, token: str | None = None) -> bytes:
    """Write the answer of a decision."""
    return _encode(
        AnswerBody(
            id=decision.id,
            revision=decision.revision,
            degraded=decision.degraded,
            control=decision.control,
            placements=decision.placements,
            token=token,
            redrawn=len(decision.redrawn),
        )
    )


def _empty(revision: str, request: DecisionRequest, reason: Reason) -> bytes:
    placements = tuple(PlacementAnswer(name=wanted.name, actions=()) for wanted in request.placements)
    return _encode(
        AnswerBody(id=decision_id(request), revision=revision, degraded=reason, control=None, placements=placements)
    )
