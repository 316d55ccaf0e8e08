"""Contacts that are decided with several strategies, and the strategies that decide them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from opportune.customers.context import NO_SOURCES, Gathered, Sources
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
from opportune.decide.limits.consents import all_given
from opportune.evaluate.today import facts_today
from opportune.learning import PropensityModel
from opportune.records import Decision, DecisionRequest, Value
from opportune.strategy.gathering import gathered_of
from opportune.strategy.project import Project

__all__ = ["Case", "Contact", "Side"]

Contact = tuple[DecisionRequest, Mapping[str, Value]]
"""A request as a strategy reads it, and what it knows of the customer as facts."""


@dataclass(frozen=True, slots=True)
class Case:
    """One contact.

    Args:
        name: what reports call it.
        person: who it is; contacts of one person are not independent. None for an anonymous contact.
        request: as it came.
        attributes: of the customer, name → value.
        at: its moment.
        seed: of all draws; every strategy draws the same numbers.
        standing: what limits are judged by, as of then.
        gathered: what else was found out for the contact, as in `opportune.decide.State`.
    """

    name: str
    person: str | None
    request: DecisionRequest
    attributes: Mapping[str, Any]
    at: datetime
    seed: str
    standing: Standing = field(default_factory=Standing)
    gathered: Mapping[str, Value] = field(default_factory=dict)

    @property
    def unit(self) -> str:
        """Who is drawn where persons are drawn: the person, the conversation, else the contact itself."""
        return self.person or self.request.session or self.name


@dataclass(frozen=True, slots=True)
class Side:
    """One strategy that decides.

    Args:
        model: bound to the plan; nothing is learned meanwhile.
        position: journal position that the model has learned to.
        read: gives a contact as the strategy reads it; None where it refuses the request.
        sources: of the context.
    """

    project: Project
    plan: Plan
    model: PropensityModel
    position: int
    read: Callable[[Case], Contact | None]
    sources: Sources = NO_SOURCES

    def decide(self, case: Case) -> Decision | None:
        """Decide a contact; None where the strategy refuses the request."""
        contact = self.read(case)
        if contact is None:
            return None
        request, facts = contact
        recorded = self._recorded(case)
        known = gather(self.plan, facts, request, case.at, recorded)
        standing = self._standing(case)
        holds = holds_of(self.plan, standing, known, case.at, places_of(self.plan, request), request)
        known = dict(visible(self.plan, holds, known, request))
        found = gathered_of(
            self.sources, facts, request, case.at, recorded, holds=holds, personal=self.plan.limits.personal
        )
        state = State(
            model=self.model,
            position=self.position,
            person=case.person,
            profile=facts,
            holds=holds,
            tired=tired_of(self.plan, standing, known, case.at),
            gathered=found.facts,
            doubts=found.doubts,
        )
        return decide(self.plan, state, request, case.at, Draws(case.seed))

    def gathered(self, case: Case, request: DecisionRequest, facts: Mapping[str, Value]) -> Gathered:
        """Give what is found out for a contact: as it was recorded, and what sources make of that anew.

        Args:
            request, facts: the contact as `read` gives it.
        """
        return gathered_of(self.sources, facts, request, case.at, self._recorded(case))

    def _recorded(self, case: Case) -> dict[str, Value]:
        """Give what was gathered, but for what sources compute: another file of theirs gives something else."""
        anew = self.sources.computed
        known = facts_today(self.plan.limits, case.gathered)
        return {name: value for name, value in known.items() if name not in anew}

    def _standing(self, case: Case) -> Standing:
        """Say in which period a recorded decision saw stocks, since holds name none; who was not asked allows all."""
        taken = {
            (stock, period or self._period(stock, case.at)): units
            for (stock, period), units in case.standing.stocks.items()
        }
        said = case.standing.consents
        return replace(case.standing, stocks=taken, consents=all_given(self.plan.limits) if said is None else said)

    def _period(self, stock: str, at: datetime) -> str:
        return stock_at(self.plan, stock, at)[0] if stock in self.plan.limits.stocks else ""
