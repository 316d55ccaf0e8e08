"""Compile a checked project into a plan of arrays, once per revision."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType

import numpy as np

from opportune.customers.attributes import Registry
from opportune.customers.context import Sources
from opportune.customers.identity import Identifiers, Kind, Trust
from opportune.customers.intake import Names
from opportune.customers.texts import TextReader
from opportune.decide.plan import (
    WITHHELD,
    AmountBounds,
    Channel,
    ConditionalWeight,
    ControlGroup,
    Exploration,
    Placement,
    Plan,
    PlanAction,
)
from opportune.learning.base import CandidateKey
from opportune.records import Sign, Value, ValueType
from opportune.rules import Rule, RuleSet
from opportune.strategy.checked import LAYERS, CheckedProject
from opportune.strategy.codes import CURRENCY_DECIMALS
from opportune.strategy.compile_features import Resolver
from opportune.strategy.compile_goals import channel_factors, compile_fatigues, compile_goal
from opportune.strategy.compile_limits import compile_limits
from opportune.strategy.compile_slates import compile_links
from opportune.strategy.compile_sources import compile_sources
from opportune.strategy.models import champion, predictors, promotion, specs
from opportune.strategy.named import named
from opportune.strategy.project import Project, content_hash
from opportune.strategy.registries import registry
from opportune.strategy.sections.outcomes import AMOUNT_MAX, SHOWN, OutcomeValue
from opportune.strategy.sessions import session_attributes
from opportune.strategy.templates import templates_of
from opportune.strategy.texts import text_reader

__all__ = ["Registries", "compile_plan", "registries"]


@dataclass(frozen=True, slots=True)
class Registries:
    """What input is read with: attributes of customers, of the context, and of each event type; and others' names."""

    customer: Registry
    context: Registry
    events: Mapping[str, Registry]
    identifiers: Identifiers
    levels: Mapping[str, Registry]
    names: Names
    sources: Sources
    kept: frozenset[str]
    """Attributes of the context that a session keeps."""
    texts: TextReader | None
    """What reads attributes of the context out of what is said; None where nothing is."""


def registries(project: Project) -> Registries:
    """Make the registries that a project declares."""
    settings = project.settings
    return Registries(
        customer=registry(project.attributes, "customer.", settings.unknown_attributes == "ignore"),
        context=registry(project.context, "context.", settings.unknown_context == "ignore"),
        events={name: registry(event.attributes, "event.") for name, event in project.events.items()},
        identifiers=_identifiers(project),
        levels={name: registry(level.attributes, f"{name}.") for name, level in project.levels.items()},
        names=_names(project),
        sources=compile_sources(project),
        kept=session_attributes(project.context),
        texts=text_reader(project),
    )


def _names(project: Project) -> Names:
    """Say what the project calls things that others name in their own way."""
    unknown = [name for name, kind in project.identifiers.items() if kind.trust == "anonymous"]
    return Names(
        events={name: frozenset(event.attributes) for name, event in project.events.items()},
        customer=frozenset(project.attributes),
        cloud_events={given: name for name, event in project.events.items() for given in event.cloud_events},
        segment={given: name for name, event in project.events.items() for given in event.segment},
        anonymous=unknown[0] if unknown else "",
    )


def _identifiers(project: Project) -> Identifiers:
    kinds = (
        Kind(name, Trust[kind.trust.upper()], kind.normalize, kind.region, kind.lower_case)
        for name, kind in project.identifiers.items()
    )
    return Identifiers(kinds, project.levels)


def compile_plan(checked: CheckedProject) -> Plan:
    """Compile what was checked; nothing can go wrong here that `check` did not refuse."""
    project = checked.project
    names = sorted(project.actions, key=lambda name: (project.group_of[name], name))
    candidates = _candidates(project, names)
    action_of = np.array([names.index(key.action) for key in candidates], dtype=np.intp)
    scored = _scored_outcomes(project)
    values, shown_values = _values(project, candidates, scored)
    outcomes, values = _withheld(project, scored, values)
    amounts, units, scale = _amounts(project, candidates, scored)
    segment_names = list(project.segments)
    resolver = Resolver.of(project)
    context_rules, context_weights = _context_weights(checked, resolver, candidates)
    fatigues = compile_fatigues(project, candidates)
    exclusion = sorted({group for name in names for group in project.actions[name].exclusive})
    return Plan(
        revision=content_hash(project),
        name=project.settings.name,
        zone=project.settings.time_zone,
        languages=project.settings.languages,
        actions=tuple(_action(project, name) for name in names),
        candidates=candidates,
        action_of=action_of,
        channels={name: _channel(project, name, candidates, outcomes) for name in project.channels},
        gate=RuleSet([_rules(checked, resolver, name, layer) for layer in LAYERS for name in names]),
        segments=RuleSet([[checked.segments[name]] for name in segment_names]),
        context_rules=RuleSet([[rule] for rule in context_rules]),
        context_weights=context_weights,
        mandatory_rules=_mandatory_rules(checked, resolver, names),
        goals=tuple(compile_goal(name, goal, segment_names) for name, goal in project.goals.items()),
        outcomes=outcomes,
        values=values,
        shown_values=shown_values,
        levers=np.array([_lever(project, key.action) for key in candidates], dtype=np.float32),
        exclusion=np.array(
            [[group in project.actions[key.action].exclusive for key in candidates] for group in exclusion], dtype=bool
        ).reshape(len(exclusion), len(candidates)),
        control_groups=tuple(
            ControlGroup(name, group.share, group.choose, group.period)
            for name, group in project.control_groups.items()
        ),
        content=tuple(_content(project, key) for key in candidates),
        predictors=predictors(project),
        models=specs(project),
        champion=champion(project),
        promotion=promotion(project),
        deadline_ms=float(project.settings.deadline_ms),
        answers_per_person=project.settings.learning.person_answers,
        chance_per_person=project.settings.learning.person_chance,
        quota_days=project.settings.learning.period_days,
        windows=_windows(project),
        ramp_up=_ramp_up(project, names),
        amounts=amounts,
        amount_units=units,
        amount_scale=None if scale is None else _withheld(project, scored, scale)[1],
        after={name: kind.after for name, kind in project.outcomes.items() if kind.after is not None},
        templates=templates_of(project, candidates),
        inputs=_inputs(project),
        limits=compile_limits(project, candidates, fatigues),
        links=compile_links(project, checked.minima, names, candidates),
        channel_factors=channel_factors(project, candidates),
        fatigues=fatigues,
        because={**_because(project), **checked.table_words},
    )


def _candidates(project: Project, names: Iterable[str]) -> tuple[CandidateKey, ...]:
    return tuple(
        sorted(
            (
                CandidateKey(project.group_of[name], name, channel, treatment)
                for name in names
                for channel, treatments in project.actions[name].treatments.items()
                for treatment in treatments
            ),
            key=lambda key: (key.group, key.action, key.channel, key.treatment),
        )
    )


def _action(project: Project, name: str) -> PlanAction:
    action = project.actions[name]
    group = project.group_of[name]
    begin, end = action.valid.instants(project.settings.time_zone)
    return PlanAction(
        name=name,
        group=group,
        kind=action.kind,
        active=action.active and project.groups[group].active,
        active_from=_seconds(begin, -math.inf),
        active_until=_seconds(end, math.inf),
        exclusive=frozenset(action.exclusive),
    )


def _seconds(moment: datetime | None, otherwise: float) -> float:
    return otherwise if moment is None else moment.timestamp()


def _channel(project: Project, name: str, candidates: tuple[CandidateKey, ...], outcomes: tuple[str, ...]) -> Channel:
    channel = project.channels[name]
    window = channel.response_window
    return Channel(
        name=name,
        placements={slot: _placement(project, name, slot, candidates, outcomes) for slot in channel.placements},
        outcomes={outcome: project.outcomes[outcome].sign for outcome in channel.outcomes},
        window_seconds=window.length.total_seconds() if window else None,
        window_default=window.default if window else None,
        amounts={
            outcome: _amount_bounds(value)
            for outcome in channel.outcomes
            if (value := project.outcomes[outcome].value) is not None
        },
        tokens=channel.tokens,
        leads_on=frozenset(
            before for outcome in channel.outcomes if (before := project.outcomes[outcome].after) is not None
        ),
    )


def _amount_bounds(value: OutcomeValue) -> AmountBounds:
    low, high = value.range or (None, None)
    most = AMOUNT_MAX
    return AmountBounds(-most if low is None else low, most if high is None else high, value.currency is not None)


def _windows(project: Project) -> dict[tuple[str, str], tuple[float, str]]:
    """Response windows that actions have of their own."""
    return {
        (channel, name): (window.length.total_seconds(), window.default)
        for name, action in project.actions.items()
        for channel, window in action.response_windows.items()
    }


def _placement(
    project: Project, channel: str, name: str, candidates: tuple[CandidateKey, ...], outcomes: tuple[str, ...]
) -> Placement:
    section = project.channels[channel].placements[name]
    explore = project.exploration(channel, name)
    fits = np.array([_fits(project, key, channel, name) for key in candidates], dtype=bool)
    return Placement(
        channel=channel,
        name=name,
        size=section.size,
        fits=fits,
        fallback=tuple(
            next(i for i, key in enumerate(candidates) if key.action == action and fits[i])
            for action in section.fallback
        ),
        exploration=Exploration(explore.method, explore.scale, explore.floor, explore.ceiling, explore.gamma),
        minimum_relevance=section.minimum_relevance,
        relevant=outcomes.index(_positive(project, channel)[0]),
    )


def _positive(project: Project, channel: str) -> list[str]:
    """List the positive outcomes of a channel, one at least."""
    return [name for name in project.channels[channel].outcomes if project.outcomes[name].sign is Sign.POSITIVE]


def _ramp_up(project: Project, names: list[str]) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]] | None:
    """Lay out share to begin with and answers until free of every action; None where none is held back."""
    chosen = [project.actions[name].ramp_up or project.groups[project.group_of[name]].ramp_up for name in names]
    if not any(chosen):
        return None
    return np.array([(ramp.start, ramp.full_after) if ramp else (1.0, 0.0) for ramp in chosen]).T.copy()


def _fits(project: Project, key: CandidateKey, channel: str, placement: str) -> bool:
    if key.channel != channel:
        return False
    placements = project.actions[key.action].treatments[channel][key.treatment].placements
    return placements is None or placement in placements


def _rules(checked: CheckedProject, resolver: Resolver, action: str, layer: str) -> tuple[Rule, ...]:
    """List a layer's rules of an action: those of its group, then its own."""
    group = checked.project.group_of[action]
    rules = (*checked.group_rules[group][layer], *checked.action_rules[action][layer])
    return tuple(resolver.rule(rule, action) for rule in rules)


def _mandatory_rules(checked: CheckedProject, resolver: Resolver, names: list[str]) -> RuleSet | None:
    """Make a condition per action; an action that is never mandatory gets one that never passes."""
    if not checked.mandatory:
        return None
    return RuleSet([[resolver.rule(checked.mandatory.get(name, checked.never), name)] for name in names])


def _context_weights(
    checked: CheckedProject, resolver: Resolver, candidates: tuple[CandidateKey, ...]
) -> tuple[list[Rule], tuple[ConditionalWeight, ...]]:
    rules: list[Rule] = []
    weights: list[ConditionalWeight] = []
    for name, conditions in checked.context_weights.items():
        own = np.array([i for i, key in enumerate(candidates) if key.action == name], dtype=np.intp)
        for rule, section in zip(conditions, checked.project.actions[name].context_weights, strict=True):
            weights.append(ConditionalWeight(len(rules), section.percent, own))
            rules.append(resolver.rule(rule, name))
    for name, given in checked.table_weights.items():
        own = np.array([i for i, key in enumerate(candidates) if key.action == name], dtype=np.intp)
        for rule, percent in given:
            weights.append(ConditionalWeight(len(rules), percent, own))
            rules.append(resolver.rule(rule, name))
    return rules, tuple(weights)


def _scored_outcomes(project: Project) -> tuple[str, ...]:
    """List the outcomes that need a propensity: valued ones and each channel's first positive one; positives first.

    What an outcome is after needs one too, and stands before it.
    """
    wanted = {
        outcome
        for action in project.actions.values()
        for amounts in action.values.values()
        for outcome, amount in amounts.items()
        if outcome != SHOWN and (amount.number or amount.reported)
    }
    for channel in project.channels:
        wanted.update(_positive(project, channel)[:1])
    for name in tuple(wanted):
        wanted.update(project.before(name))
    signs = {name: outcome.sign for name, outcome in project.outcomes.items()}
    in_order = sorted(signs, key=lambda name: len(project.before(name)))
    return tuple(
        name for sign in (Sign.POSITIVE, Sign.NEGATIVE) for name in in_order if signs[name] is sign and name in wanted
    )


def _values(
    project: Project, candidates: tuple[CandidateKey, ...], outcomes: tuple[str, ...]
) -> tuple[np.ndarray[tuple[int, ...], np.dtype[np.float64]], np.ndarray[tuple[int, ...], np.dtype[np.float64]]]:
    """Lay out what outcomes are worth; an outcome that the candidate's channel cannot report is worth nothing there."""
    values = np.zeros((len(project.goals), len(outcomes), len(candidates)))
    shown = np.zeros((len(project.goals), len(candidates)))
    for i, key in enumerate(candidates):
        reported = project.channels[key.channel].outcomes
        for g, goal in enumerate(project.goals):
            amounts = project.actions[key.action].values.get(goal, {})
            for outcome, amount in amounts.items():
                if outcome == SHOWN:
                    shown[g, i] = amount.number
                elif outcome in outcomes and outcome in reported:
                    values[g, outcomes.index(outcome), i] = amount.number
    return values, shown


def _amounts(
    project: Project, candidates: tuple[CandidateKey, ...], outcomes: tuple[str, ...]
) -> tuple[
    dict[str, tuple[float, float]],
    dict[str, tuple[float, str]],
    np.ndarray[tuple[int, ...], np.dtype[np.float64]] | None,
]:
    """Give bounds and unit of the outcomes that are worth what was reported, and what 1 as reported is worth."""
    scale = np.zeros((len(project.goals), len(outcomes), len(candidates)))
    units = {name: _unit(kind.value) for name in outcomes if (kind := project.outcomes[name]).value is not None}
    for i, key in enumerate(candidates):
        reported = project.channels[key.channel].outcomes
        for g, goal in enumerate(project.goals):
            for outcome, amount in project.actions[key.action].values.get(goal, {}).items():
                if amount.reported and outcome in reported:
                    scale[g, outcomes.index(outcome), i] = units[outcome][0]
    used = [name for o, name in enumerate(outcomes) if scale[:, o].any()]
    if not used:
        return {}, {}, None
    bounds = {name: _amount_bounds(value) for name in used if (value := project.outcomes[name].value) is not None}
    limits = {name: (bound.low, bound.high) for name, bound in bounds.items()}
    return limits, {name: units[name] for name in used}, scale


def _unit(value: OutcomeValue) -> tuple[float, str]:
    """Give what an amount of 1 as reported is for people, and in what."""
    if value.currency is None:
        return 1.0, value.unit
    return 10.0 ** -CURRENCY_DECIMALS[value.currency], value.currency


def _withheld(
    project: Project, scored: tuple[str, ...], values: np.ndarray[tuple[int, ...], np.dtype[np.float64]]
) -> tuple[tuple[str, ...], np.ndarray[tuple[int, ...], np.dtype[np.float64]]]:
    """Add to the scored outcomes, and to what they are worth, what happens where actions are withheld.

    Only a project that withholds from somebody can learn that, and others pay nothing for it.
    """
    if not project.withholds:
        return scored, values
    others = -values if project.settings.score == "incremental" else np.zeros_like(values)
    return (*scored, *(outcome + WITHHELD for outcome in scored)), np.concatenate((values, others), axis=1)


def _lever(project: Project, action: str) -> float:
    return project.groups[project.group_of[action]].lever * project.actions[action].lever


def _content(project: Project, key: CandidateKey) -> Mapping[str, Mapping[str, str]]:
    content = project.actions[key.action].treatments[key.channel][key.treatment].content
    return MappingProxyType({language: MappingProxyType(dict(texts)) for language, texts in content.items()})


def _inputs(project: Project) -> dict[str, list[Value] | tuple[float, float, bool]]:
    """Say which values each input could have had, where the project declares that."""
    inputs: dict[str, list[Value] | tuple[float, float, bool]] = {}
    for name, item in named(project).items():
        if item.type is ValueType.BOOLEAN:
            inputs[name] = [False, True]
        elif item.type is ValueType.TEXT and item.values:
            inputs[name] = list(item.values)
        elif item.type in (ValueType.INTEGER, ValueType.NUMBER) and item.range:
            low, high = item.range
            if low is not None and high is not None:
                inputs[name] = (low, high, item.type is ValueType.INTEGER)
    return inputs


def _because(project: Project) -> dict[tuple[str, str], str]:
    """Map each action and the text of a rule that holds for it to the author's words for people."""
    return {
        (name, rule.rule): rule.because
        for name, action in project.actions.items()
        for owner in (project.groups[project.group_of[name]], action)
        for layer in LAYERS
        for rule in getattr(owner, layer)
        if rule.because
    }
