"""One decision through all its draws: what was lost to others of the same moment is held back, and drawn again."""

from __future__ import annotations

from datetime import datetime
from types import MappingProxyType

from msgspec.structs import replace

from opportune.customers.context import Answers
from opportune.decide import Draws, State, decide, gather, seed_of
from opportune.decide.fatigue import tired_of
from opportune.decide.limits.standing import Standing, holds_of, places_of, visible
from opportune.decide.limits.stocks import sold_out
from opportune.decide.pipeline import attempt_of
from opportune.errors import SoldOutError, StaleError
from opportune.records import Attempt, Decision, DecisionRequest, Facts, Hold, Tired
from opportune.service.gathering import NOTHING, Found
from opportune.service.live import Knowledge, Serving
from opportune.service.profiles import KnownProfile
from opportune.storage import RecordEvent
from opportune.strategy.gathering import gathered_of

__all__ = ["Drawing"]

PATIENCE = 2
"""Draws after which a stock that was sold out is held back as a whole: others are faster."""


class Drawing:
    """What one decision needs, and what became of its earlier draws."""

    def __init__(
        self,
        serving: Serving,
        learned: Knowledge,
        request: DecisionRequest,
        profile: KnownProfile,
        now: datetime,
        ignored: tuple[str, ...],
        answers: Answers,
    ) -> None:
        self.serving = serving
        self.learned = learned
        self.request = request
        self.profile = profile
        self.now = now
        self.ignored = ignored
        self.answers = answers
        """Of services over HTTP."""
        self.gathered: Facts = MappingProxyType({})
        """What was found out for the contact, that of sources included once it is drawn."""
        self.doubts: tuple[str, ...] = ()
        self.happened: tuple[RecordEvent, ...] = ()
        """What just happened in the contact and is not in the store."""
        self.cleared: tuple[str, ...] = ()
        """Attributes that the session had kept and the request says are not known any more."""
        self.found = NOTHING
        self.key = request.customer
        """Key of the person, as `opportune.service.profiles.key_of` gives it; None for nobody."""
        self.unproven = False
        """Whether the person is named only by what anybody may say."""
        self.redrawn: tuple[Attempt, ...] = ()
        self.refused = 0
        """How often the store refused a draw."""
        self._stale: Attempt | None = None
        self._holds: tuple[Hold, ...] = ()
        self._tired: tuple[Tired, ...] = ()
        self._lost: dict[tuple[str, str], Hold] = {}

    def take(self, found: Found) -> None:
        """Take in what was found out for the contact."""
        self.found = found

    def doubt(self, doubts: tuple[str, ...]) -> None:
        """Name inputs in doubt that no draw changes."""
        self.doubts = (*self.doubts, *doubts)

    def stand(self, standing: Standing) -> None:
        """Judge the limits; where a history that went on changes nothing of them, the draw before still holds."""
        plan = self.serving.strategy.plan
        facts = gather(plan, self.profile.facts, self.request, self.now, self.found.known)
        holds = holds_of(plan, standing, facts, self.now, places_of(plan, self.request), self.request)
        tired = tired_of(plan, standing, visible(plan, holds, facts, self.request), self.now)
        if self._stale is not None and (holds, tired) != (self._holds, self._tired):
            self.redrawn = (*self.redrawn, self._stale)
        self._stale, self._holds, self._tired = None, holds, tired

    def draw(self) -> Decision:
        """Decide, by what sources give where the limits that bind leave them something to go by."""
        plan = self.serving.strategy.plan
        found = gathered_of(
            self.serving.strategy.sources,
            self.profile.facts,
            self.request,
            self.now,
            self.found.known,
            self.answers,
            holds=self._holds,
            personal=plan.limits.personal,
        )
        self.gathered = found.facts
        state = State(
            model=self.learned.model,
            position=self.learned.position,
            person=self.profile.person,
            profile=self.profile.facts,
            profile_version=self.profile.version,
            holds=(*self._holds, *self._lost.values()) if self._lost else self._holds,
            tired=self._tired,
            gathered=self.gathered,
            doubts=(*self.doubts, *self.found.doubts, *found.doubts),
        )
        draws = Draws(seed_of(plan, state, self.request))
        decision = decide(plan, state, self.request, self.now, draws, redrawn=self.redrawn)
        return replace(decision, ignored=self.ignored) if self.ignored else decision

    def lose(self, decision: Decision, refusal: StaleError | SoldOutError) -> None:
        """Remember a draw that could not be kept, and hold back what it lost."""
        self.refused += 1
        if isinstance(refusal, StaleError):
            self._stale = attempt_of(decision)
            return
        plan = self.serving.strategy.plan
        self.redrawn = (*self.redrawn, attempt_of(decision, refusal.stock, refusal.action))
        for stock, _, action in refusal.lost:
            hold = sold_out(plan, stock, action, self.now)
            if len(self.redrawn) > PATIENCE:
                hold = hold.__class__(stock, hold.kind, "", 0, hold.count, hold.of, hold.since, hold.until)
            self._lost[stock, hold.part] = hold
