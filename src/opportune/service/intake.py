"""Taking in what channels report: outcomes and profiles; each acknowledged after its commit."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Executor
from datetime import datetime
from typing import Any

from msgspec.structs import replace

from opportune.decide.plan import Channel
from opportune.errors import InputError, OpportuneError, StoreError, UnknownError, suggest
from opportune.records import Origin, Outcome, Sign
from opportune.service.contacts import id_problem, unknown_name
from opportune.service.keeping import LateRecords
from opportune.service.live import Live, Serving
from opportune.service.profiles import key_of
from opportune.service.recent import RecentDecisions, Remembered, ShownPlace
from opportune.service.settings import Settings
from opportune.service.slices import in_slices
from opportune.service.standings import Standings
from opportune.service.tokens import Tokens
from opportune.storage import (
    GroupWriter,
    Receipt,
    RecordOutcome,
    SaveProfile,
    Storage,
    Write,
)

__all__ = ["Intake", "Taken"]

Taken = Receipt | InputError
"""What became of one item of a batch."""


class Intake:
    """Turns what callers send into writes; lives in the event loop's thread."""

    def __init__(
        self,
        live: Live,
        storage: Storage,
        recent: RecentDecisions,
        writer: GroupWriter,
        reader: Executor,
        settings: Settings,
        tokens: Tokens,
        standings: Standings,
        late_records: LateRecords,
    ) -> None:
        self._live = live
        self._storage = storage
        self._recent = recent
        self._writer = writer
        self._reader = reader
        self._settings = settings
        self._tokens = tokens
        self._standings = standings
        self._late_records = late_records
        self.unmatched = 0
        """Outcomes of decisions that nobody knows, refused since the start."""

    async def outcomes(self, outcomes: Sequence[Outcome]) -> list[Taken]:
        """Record outcomes; each is judged by itself.

        Raises:
            StoreError: nothing more was acknowledged; the same call may be repeated.
        """
        named = await in_slices(outcomes, self._named)
        # By id they are refused where the store does not know the decision; who holds a token need not wait.
        await self._late_records.settled(
            {one[0].decision for one in named if not isinstance(one, InputError) and one[1] is None}
        )
        await self._recall({one[0].decision for one in named if not isinstance(one, InputError)})
        serving = self._live.current
        prepared: list[Write | InputError] = []
        # At once: what was recalled is in memory for a while only.
        for one in named:
            try:
                prepared.append(one if isinstance(one, InputError) else self._outcome(serving, *one))
            except InputError as error:
                prepared.append(error)
        try:
            return await self._take(prepared)
        finally:
            for one in named:
                if not isinstance(one, InputError):
                    self._standings.heard(one[0].decision)

    def _named(self, outcome: Outcome) -> tuple[Outcome, Remembered | None]:
        """Give an outcome with the id of its decision, and what its token says of that."""
        if outcome.token is None:
            if not outcome.decision:
                remedy = "send the id of the answer, or its token; an answer without an id has no outcomes"
                raise InputError.of("decision", "expected a decision or a token, found neither", remedy)
            return outcome, None
        decision, said = self._tokens.read(outcome.token, self._settings.clock())
        if outcome.decision not in ("", decision):
            remedy = "send the token alone, or the id alone"
            raise InputError.of("decision", "the token is of another decision", remedy, "invalid-token")
        if not outcome.withdraws:
            _check_shown(said, outcome)
        return replace(outcome, decision=decision, token=None), said

    async def profile(
        self, identifier: str, attributes: Mapping[str, Any], *, replace: bool, write_id: str | None = None
    ) -> tuple[Receipt, tuple[str, ...]]:
        """Set attributes of a customer; null removes one.

        Returns:
            the receipt, and the names that the registry says to ignore.

        Raises:
            InputError: with all that is wrong.
            StoreError: nothing was acknowledged.
        """
        write, ignored = self._profile(identifier, attributes, replace, write_id)
        try:
            return await self._writer.write(write), ignored
        finally:
            self._live.current.profiles.forget(key_of(write.identifier_kind, write.identifier))

    async def profiles(
        self, rows: Sequence[tuple[str, Mapping[str, Any], str | None]], replace: bool
    ) -> list[tuple[Taken, tuple[str, ...]]]:
        """Set attributes of many customers: (identifier, attributes, id of the write); each is judged by itself.

        Returns:
            per row what became of it, and the names that the registry says to ignore.

        Raises:
            StoreError: as for `outcomes`.
        """
        judged = await in_slices(rows, lambda row: self._profile(row[0], row[1], replace, row[2]))
        prepared = [(one, ()) if isinstance(one, InputError) else one for one in judged]
        try:
            taken = await self._take([item for item, _ in prepared])
            return [(result, ignored) for result, (_, ignored) in zip(taken, prepared, strict=True)]
        finally:
            for write, _ in prepared:
                if isinstance(write, SaveProfile):
                    self._live.current.profiles.forget(key_of(write.identifier_kind, write.identifier))

    async def _take(self, prepared: Sequence[Write | InputError]) -> list[Taken]:
        writes = [self._writer.write(item) for item in prepared if not isinstance(item, InputError)]
        results = iter(await asyncio.gather(*writes, return_exceptions=True))
        taken: list[Taken] = []
        for item in prepared:
            result = item if isinstance(item, InputError) else next(results)
            if isinstance(result, BaseException) and not isinstance(result, InputError):
                raise result if isinstance(result, OpportuneError) else StoreError("the write failed")
            taken.append(result)
        return taken

    async def _recall(self, decisions: set[str]) -> None:
        """Read those decisions from the store that are no longer in memory."""
        missing = [decision for decision in decisions if self._recent.get(decision) is None]
        if not missing:
            return
        loop = asyncio.get_running_loop()
        for decision, remembered in await loop.run_in_executor(self._reader, self._read_decisions, missing):
            self._recent.put(decision, remembered)

    def _read_decisions(self, decisions: list[str]) -> list[tuple[str, Remembered]]:
        found = ((decision, self._storage.said(decision)) for decision in decisions)
        return [(decision, Remembered.of(said)) for decision, said in found if said is not None]

    def _outcome(self, serving: Serving, outcome: Outcome, said: Remembered | None) -> RecordOutcome:
        """Prepare a report.

        Args:
            said: what its token says of the decision.
        """
        plan = serving.strategy.plan
        _check_ids(id=outcome.id, decision=outcome.decision, replaces=outcome.replaces, withdraws=outcome.withdraws)
        _check_moment(outcome.occurred_at)
        known = self._recent.get(outcome.decision) or said
        if known is None:
            self.unmatched += 1
            remedy = "send the id that the decision's answer carried"
            raise UnknownError.of("decision", "no decision has this id", remedy, "unknown-decision")
        if outcome.withdraws is not None:
            return _withdrawal(known, outcome, may_wait=said is not None)
        channel = plan.channels.get(known.channel)
        if channel is None:
            message = "the channel of this decision is no longer part of the strategy"
            raise UnknownError.of("decision", message, code="unknown-channel")
        sign = channel.outcomes.get(outcome.outcome)
        if sign is None:
            raise _unknown("outcome", "outcome type", outcome.outcome, channel.outcomes, "unknown-outcome")
        outcome = _with_amount(channel, outcome)
        place, origin = _place(serving, channel, known, outcome)
        return RecordOutcome(
            outcome=outcome,
            origin=origin,
            treatment=place.treatment,
            placement=place.placement,
            sign=sign,
            # Who holds a token was given an answer, though its record may still be on its way.
            may_wait=said is not None,
            leads_on=outcome.outcome in channel.leads_on,
        )

    def _profile(
        self, identifier: str, attributes: Mapping[str, Any], replace: bool, write_id: str | None
    ) -> tuple[SaveProfile, tuple[str, ...]]:
        registries = self._live.current.strategy.registries
        registry = registries.customer
        kind, identifier = registries.identifiers.in_path(identifier)
        problem = id_problem("customer", identifier)
        if problem is not None:
            raise InputError([problem])
        typed, ignored = registry.typed(attributes, is_profile=True)
        removed = tuple(name for name, value in attributes.items() if value is None and name in registry.attributes)
        write = SaveProfile(
            id=write_id or self._settings.new_id(),
            identifier=identifier,
            identifier_kind=kind,
            attributes=dict(typed),
            removed=() if replace else removed,
            replace=replace,
        )
        return write, ignored


def _withdrawal(known: Remembered, outcome: Outcome, *, may_wait: bool) -> RecordOutcome:
    """Say that an earlier report never was."""
    if outcome.outcome or outcome.replaces is not None or outcome.amount is not None:
        remedy = "send only the id, the decision and what is withdrawn; or replaces instead, with what was the case"
        raise InputError.of("withdraws", "expected nothing else to be said, found more", remedy)
    return RecordOutcome(
        outcome=outcome, origin=known.origin, treatment="", placement="", sign=Sign.NEUTRAL, may_wait=may_wait
    )


def _with_amount(channel: Channel, outcome: Outcome) -> Outcome:
    """Give an outcome whose amount is checked; whole money, such as 1999.0, becomes a whole number."""
    amount = outcome.amount
    if amount is None:
        return outcome
    bounds = channel.amounts.get(outcome.outcome)
    if bounds is None:
        remedy = "leave it out, or give the outcome type a value in outcomes.yaml"
        raise InputError.of("amount", f"outcome '{outcome.outcome}' carries no amount", remedy)
    # Also refuses what is not a number.
    if not bounds.low <= amount <= bounds.high:
        raise InputError.of("amount", f"expected {bounds.low:.15g} to {bounds.high:.15g}, found a number beyond")
    if bounds.money and not float(amount).is_integer():
        raise InputError.of("amount", "expected a whole number of the currency's smallest unit, found a fraction")
    return replace(outcome, amount=int(amount)) if bounds.money else outcome


def _check_shown(said: Remembered, outcome: Outcome) -> None:
    """Refuse what the answer of a token did not show."""
    shown: Sequence[ShownPlace] = said.shown
    for noun in ("action", "treatment", "placement"):
        name = getattr(outcome, noun)
        named = [one for one in shown if name in (None, getattr(one, noun))]
        if not named:
            known = sorted({getattr(one, noun) for one in shown})
            remedy = suggest(name, known, f"shown: {', '.join(known[:20]) or 'none'}")
            raise UnknownError.of(noun, f"the answer of the token showed no such {noun}", remedy, f"unknown-{noun}")
        shown = named


def _place(serving: Serving, channel: Channel, known: Remembered, outcome: Outcome) -> tuple[ShownPlace, Origin]:
    """Find what an outcome speaks of: something that the decision shows, or what the channel chose itself."""
    for shown in known.shown:
        if (
            shown.action == outcome.action
            and outcome.treatment in (None, shown.treatment)
            and outcome.placement in (None, shown.placement)
        ):
            return shown, known.origin
    treatments = serving.treatments.get((channel.name, outcome.action))
    if treatments is None:
        actions = {action for name, action in serving.treatments if name == channel.name}
        raise _unknown("action", "action", outcome.action, actions, "unknown-action")
    if outcome.treatment is not None and outcome.treatment not in treatments:
        raise _unknown("treatment", "treatment", outcome.treatment, treatments, "unknown-treatment")
    if outcome.placement is not None and outcome.placement not in channel.placements:
        raise _unknown("placement", "placement", outcome.placement, channel.placements, "unknown-placement")
    placement = outcome.placement or next(iter(channel.placements))
    return ShownPlace(outcome.action, outcome.treatment or treatments[0], placement), Origin.CHANNEL


def _unknown(where: str, noun: str, name: str, known: Iterable[str], code: str) -> UnknownError:
    return UnknownError([unknown_name(where, noun, name, known, code)], code)


def _check_ids(**ids: str | None) -> None:
    found = (id_problem(where, text) for where, text in ids.items() if text is not None)
    problems = [problem for problem in found if problem is not None]
    if problems:
        raise InputError(problems)


def _check_moment(moment: datetime | None) -> None:
    if moment is not None and moment.tzinfo is None:
        raise InputError.of("occurred_at", "expected a time with its offset", "write it as ...Z or ...+02:00")
