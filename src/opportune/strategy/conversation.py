"""The conversation of a persona test: what is known and what happened before, turn by turn."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta

from msgspec.structs import replace

from opportune.customers.features import EventHistory, FeatureSet
from opportune.customers.intake.session import Session
from opportune.customers.texts import FoundInText
from opportune.decide import (
    Draws,
    Plan,
    Standing,
    State,
    decide,
    gather,
    holds_of,
    places_of,
    stock_at,
    tired_of,
    visible,
)
from opportune.decide.limits.windows import MICRO, Length, instant, micros
from opportune.decide.pipeline import Scorer
from opportune.decide.zones import OWN_ZONE, zone_of
from opportune.records import Contact, Decision, DecisionRequest, Facts, PlacementRequest, Sign, Value
from opportune.strategy.compile import Registries
from opportune.strategy.gathering import gathered_of
from opportune.strategy.persona_consents import persona_consents
from opportune.strategy.persona_events import let_happen
from opportune.strategy.persona_units import persona_units
from opportune.strategy.sections.outcomes import SHOWN
from opportune.strategy.sections.personas import Expectation, Persona, PersonaEvent, Turn
from opportune.strategy.sessions import carried

__all__ = ["NO_FEATURES", "Conversation", "turns_of"]

NO_FEATURES: FeatureSet = FeatureSet((), {})


def turns_of(persona: Persona) -> tuple[Turn, ...]:
    """Give the turns of a test; one without any is one turn, its own."""
    return persona.turns or (Turn(says=persona.name, text=persona.text, expect=persona.expect or Expectation()),)


class Conversation:
    """One session with one persona; what a service reads from its store is kept here.

    Args:
        profile: facts of the persona, keys "customer.<name>".
        read: what input is read with.
        features: of the project.
    """

    def __init__(self, plan: Plan, persona: Persona, profile: Facts, read: Registries, features: FeatureSet) -> None:
        self._plan, self._persona, self._profile, self._kept = plan, persona, profile, read.kept
        self._sources = read.sources
        self._texts = read.texts
        self._of_units = persona_units(read.levels, persona)
        self._features = features
        self._events = EventHistory()
        self._happened = 0
        self._turns = 0
        self._now = persona.at
        self._said: dict[str, Value] = {}
        self._known: dict[str, Value] = {}
        """What the session keeps of the turns before."""
        self._read = FoundInText({}, ())
        """What the text of the turn says."""
        self._shown: list[Contact] = []
        self._answered: list[Contact] = []
        self._happen(persona.events)

    def take(self, turn: Turn) -> list[str]:
        """Take in what is new in a turn, and say what of it cannot be, in words."""
        read = {key.removeprefix("context."): value for key, value in self._read.facts.items()}
        self._known = carried(self._kept, self._known, {**read, **self._said})
        if self._turns:
            self._now = self._moment(turn.after.calendar_days, turn.after.elapsed_seconds)
        self._turns += 1
        self._said = {**self._persona.context, **turn.context}
        self._happen(turn.events)
        self._read = FoundInText({}, ())
        if self._texts is not None and turn.text:
            self._read = self._texts.read(turn.text, self._persona.language)
        return [fault for action, outcome in turn.outcomes.items() if (fault := self._record(action, outcome))]

    def decide(self, scorer: Scorer) -> Decision:
        """Decide as the turn stands."""
        plan, persona, now = self._plan, self._persona, self._now
        request = DecisionRequest(
            id=f"persona: {persona.name} {self._turns}",
            channel=persona.channel,
            placements=(PlacementRequest(name=persona.placement, size=persona.size),),
            context=self._said,
            language=persona.language,
            session=f"persona: {persona.name}" if persona.turns else None,
        )
        # Of one moment, in the order of a store.
        silence = sorted(self._silence(), key=lambda one: one.action)
        answered = sorted((*silence, *self._answered), key=lambda one: one.at)
        history = sorted((*self._history(), *self._shown, *answered), key=lambda one: one.at)
        known: dict[str, Value] = self._session(answered).facts(now) if persona.turns else {}
        known.update(self._read.facts)
        known.update(self._of_units)
        past = (self._events, history)
        known.update(self._features.read(*past, now, self._zone, dict.fromkeys(persona.units, past)))
        facts = gather(plan, self._profile, request, now, known)
        standing = Standing(
            contacts=history,
            stocks=self._taken(),
            consents=persona_consents(persona, str(facts["zone"])),
            units=dict.fromkeys(persona.units, history),
        )
        holds = holds_of(plan, standing, facts, now, places_of(plan, request), request)
        found = gathered_of(
            self._sources, self._profile, request, now, known, holds=holds, personal=plan.limits.personal
        )
        state = State(
            model=scorer,
            position=0,
            profile=self._profile,
            holds=holds,
            tired=tired_of(plan, standing, visible(plan, holds, facts, request), now),
            gathered=found.facts,
            doubts=(*self._read.doubts, *found.doubts),
        )
        decision = decide(plan, state, request, now, Draws("persona"))
        self._shown += _contacts(decision)
        return decision

    @property
    def _zone(self) -> str:
        return zone_of(self._profile.get(OWN_ZONE), self._plan.zone)

    def _moment(self, days: int, seconds: int) -> datetime:
        return instant(Length(days).on(micros(self._now), self._zone)) + timedelta(seconds=seconds)

    def _silence(self) -> Iterator[Contact]:
        """Say nothing about what was shown, where its response window has ended and no answer has come by now."""
        plan = self._plan
        answered = {(one.decision, one.action) for one in self._answered if self._settles(one)}
        for one in self._shown:
            window = plan.window_of(one.channel, one.action)
            if window is None or (one.decision, one.action) in answered:
                continue
            due = one.at + round(window[0] * MICRO)
            if due <= micros(self._now):
                yield replace(one, at=due, what=window[1])

    def _settles(self, answer: Contact) -> bool:
        """Whether an answer is the last that is said of an action, so that silence gives way to it."""
        channel = self._plan.channels[answer.channel]
        return channel.outcomes[answer.what] is not Sign.NEUTRAL and answer.what not in channel.leads_on

    def _session(self, answered: Sequence[Contact]) -> Session:
        """Give the conversation as a service would read it of its store."""
        persona = self._persona
        signs = self._plan.channels[persona.channel].outcomes
        by_sign = {
            sign: tuple(dict.fromkeys(one.action for one in answered if signs.get(one.what) is sign))
            for sign in (Sign.POSITIVE, Sign.NEGATIVE)
        }
        return Session(
            turns=self._turns - 1,
            began=persona.at,
            said=self._known,
            shown=tuple(dict.fromkeys(one.action for one in self._shown)),
            accepted=by_sign[Sign.POSITIVE],
            rejected=by_sign[Sign.NEGATIVE],
        )

    def _happen(self, events: Iterable[PersonaEvent]) -> None:
        """Let something happen, at the moment of the turn or before."""
        self._happened = let_happen(self._events, events, self._now, self._zone, self._happened)

    def _record(self, action: str, outcome: str) -> str | None:
        """Let something come of an action that was shown in this conversation."""
        one = next((one for one in reversed(self._shown) if one.action == action), None)
        if one is None:
            return f"{outcome} of {action}: it was in no answer before"
        at, channel, decision = micros(self._now), one.channel, one.decision
        self._answered.append(Contact(at, outcome, action, one.treatment, channel, one.placement, decision))
        return None

    def _history(self) -> list[Contact]:
        """Give the contacts that the test assumes before its first turn."""
        persona = self._persona
        return [
            Contact(
                at=Length(one.ago.calendar_days, one.ago.elapsed_seconds).before(persona.at, self._zone),
                what=one.what,
                action=one.action,
                treatment="",
                channel=one.channel or persona.channel,
                placement=persona.placement,
                decision="",
            )
            for one in persona.history
        ]

    def _taken(self) -> dict[tuple[str, str], int]:
        plan, now = self._plan, self._now
        return {
            (name, stock_at(plan, name, now)[0]): round(taken * 10 ** plan.limits.stocks[name].decimals)
            for name, taken in self._persona.stocks.items()
        }


def _contacts(decision: Decision) -> list[Contact]:
    at, channel = micros(decision.at), decision.request.channel
    return [
        Contact(at, SHOWN, one.action, one.treatment, channel, placement.name, decision.id)
        for placement in decision.placements
        for one in placement.actions
    ]
