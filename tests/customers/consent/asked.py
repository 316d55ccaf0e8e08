"""A project that asks its customers: the starter, with purposes, special attributes and minors."""

from __future__ import annotations

from datetime import datetime

from opportune.decide import Draws, State, decide, explain, gather, holds_of, places_of, seed_of, tired_of, visible
from opportune.decide.limits.standing import Standing
from opportune.records import Consent, Decision, DecisionRequest, PlacementRequest
from opportune.service.revisions import Strategy, strategy_from_files
from opportune.strategy.files import read_texts
from opportune.strategy.starter import STARTER
from tests.worlds import NOON, model_of

CONSENTS = """\
marketing:
  title: Offers of any kind
  basis: consent
  kinds: [offer]
  texts: { v3: "May we tell you of offers?" }
tips:
  basis: objection
  kinds: [service]
  channels: [app]
  because: Some people want to be left alone
profiling:
  basis: objection
  profiling: true
"""
ADULT = {"age": 40, "plan": "basic", "monthly_bill": 20.0, "data_used_percent": 95.0, "products": []}
AT = NOON


def files(**more: str) -> dict[str, str]:
    """Give the texts of the project; keyword arguments stand for <name>.yaml."""
    texts = {path: text for path, text in read_texts(STARTER)[0].items() if not path.startswith("tests/")}
    return {**texts, "consents.yaml": CONSENTS, **{f"{name}.yaml": text for name, text in more.items()}}


def asking(**more: str) -> Strategy:
    """Compile the project."""
    return strategy_from_files(files(**more))[0]


def agreed(purpose: str = "marketing", channel: str = "*", at: datetime = AT) -> Consent:
    return Consent(channel, purpose, True, at, "web form", "v3")


def refused(purpose: str, channel: str = "*", at: datetime = AT) -> Consent:
    return Consent(channel, purpose, False, at, "web form", "v3")


def request(channel: str = "call_centre", **more: object) -> DecisionRequest:
    placement = {"call_centre": "agent", "app": "home"}[channel]
    return DecisionRequest(
        id="r-1", customer="c-1", channel=channel, placements=(PlacementRequest(name=placement),), **more
    )


def decided(strategy, consents, customer=ADULT, asked=None, version=1, gathered=None) -> Decision:
    """Decide as a service does."""
    plan, asked = strategy.plan, asked or request()
    profile = strategy.registries.customer.read(customer)[0]
    facts = gather(plan, profile, asked, NOON, gathered or {})
    standing = Standing(consents=consents)
    holds = holds_of(plan, standing, facts, NOON, places_of(plan, asked), asked)
    tired = tired_of(plan, standing, visible(plan, holds, facts, asked), NOON)
    state = State(model_of(plan), 0, "p-1", profile, version, holds, tired, gathered or {})
    return decide(plan, state, asked, NOON, Draws(seed_of(plan, state, asked)))


def shown(decision: Decision) -> set[str]:
    return {one.action for placement in decision.placements for one in placement.actions}


def fates(strategy: Strategy, decision: Decision) -> dict[str, tuple[str, str]]:
    """Give action → the stage that dropped it, and why."""
    found = explain(strategy.plan, decision, model_of(strategy.plan)).placements[0].candidates
    return {one.action: (one.stage, one.reason) for one in found}
