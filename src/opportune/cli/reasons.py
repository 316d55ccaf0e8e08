"""A decision with its explanation as lines for people; nothing is cut, whatever the width."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from rich.markup import escape

from opportune.cli.output import count, out
from opportune.decide import Explanation
from opportune.decide.explain import CandidateExplanation, PlacementExplanation
from opportune.decide.increments import difference
from opportune.records import Decision, PlacementAnswer, Shown, Value
from opportune.rules import quote

__all__ = ["print_decision"]

_LAYERS = ("eligibility", "applicability", "suitability")
VALUE_MAX = 60
"""Characters of a value that a line shows."""
_RIVALS = ("shown", "outranked", "exclusive", "already_shown")


def print_decision(
    decision: Decision,
    explanation: Explanation | None,
    outcomes: Collection[str] | None,
    happened: Sequence[str] | None = None,
) -> None:
    """Print what was shown and why, and why not the others.

    Args:
        outcomes: what the channel can report; None where that is not known, and all propensities are printed.
        happened: the outcomes recorded so far, in words; None where nothing is recorded.
    """
    for line in _header(decision, explanation, happened):
        out.print(escape(line))
    explained = {} if explanation is None else {one.name: one for one in explanation.placements}
    has_scores = explanation is not None and explanation.scores == "recomputed"
    is_erased = explanation is not None and explanation.erased
    for answer in decision.placements:
        out.print()
        out.print(f"[bold]{escape(f'{decision.request.channel}/{answer.name}')}[/bold]")
        found = explained.get(answer.name)
        for line in _placement(answer, found, outcomes, has_scores, is_erased, decision.degraded is not None):
            out.print(escape(line))


def _header(decision: Decision, explanation: Explanation | None, happened: Sequence[str] | None) -> list[str]:
    is_recorded = happened is not None
    is_erased = explanation is not None and explanation.erased
    lines = [
        f"decision {decision.id if is_recorded else 'not recorded'}, at {decision.at.isoformat(timespec='seconds')}",
        f"channel {decision.request.channel}, {'customer erased' if is_erased else _customer(decision)}",
        f"revision {decision.revision[:12]}, model {decision.model} at position {decision.position}",
    ]
    found = _found_out(decision)
    if found:
        lines.append(f"found out: {', '.join(found)}")
    if decision.control is not None:
        lines.append(f"control group {decision.control}")
    if decision.degraded is not None:
        lines.append(f"degraded: {decision.degraded}")
    if decision.doubts:
        lines.append(f"in doubt: {', '.join(decision.doubts)}")
    if explanation is not None and explanation.profiling:
        lines.append(f"decided without what is known of the person: {explanation.profiling}")
    if explanation is None:
        lines.append("its revision can no longer be compiled: no reasons")
    elif is_erased:
        lines.append("its personal part was erased: what it showed is kept, what was known of the person is not")
        lines.append("reasons that lay in that are no longer known; scores as recorded")
    elif explanation.scores == "recorded" and decision.degraded is None:
        lines.append("scores as recorded: the model as it was is no longer kept")
    elif explanation.kernel not in ("", decision.kernel):
        lines.append(f"scores by the kernel {explanation.kernel}, decided by {decision.kernel}: last digits may differ")
    if happened is not None:
        lines.append(f"outcomes so far: {', '.join(happened) or 'none'}")
    return lines


def _customer(decision: Decision) -> str:
    known = sum(name.startswith("customer.") for name in decision.facts)
    if known:
        return f"customer known by {count(known, 'attribute')}"
    if decision.person is not None or decision.request.customer is not None:
        return "customer without attributes"
    return "no customer known"


def _found_out(decision: Decision) -> list[str]:
    """Name what neither the profile nor the contact said: features, units, the session, sources and texts."""
    said = {"session.start", *(f"context.{name}" for name in decision.request.context)}
    return [
        f"{name} = {f'{value:.6g}' if isinstance(value, float) else _quoted(value)}"
        for name, value in decision.facts.items()
        if "." in name and "@" not in name and not name.startswith("customer.") and name not in said
    ]


def _placement(
    answer: PlacementAnswer,
    explained: PlacementExplanation | None,
    outcomes: Collection[str] | None,
    has_scores: bool,
    is_erased: bool,
    is_degraded: bool,
) -> list[str]:
    candidates = () if explained is None else explained.candidates
    why = {(one.action, one.treatment): one for one in candidates if one.stage == "shown"}
    lines = [] if answer.actions else [_nothing(candidates)]
    for shown in answer.actions:
        lines += _shown(shown, why.get((shown.action, shown.treatment)), candidates, outcomes, has_scores)
    for one in sorted(candidates, key=lambda one: one.stage != "withheld"):
        if one.stage != "shown":
            change = "" if is_erased else _change(one, has_scores)
            reason = _reason(one, is_degraded) + (f"; {change}" if change else "")
            lines.append(f"-  {one.action} ({one.treatment})  {reason}")
            lines += _inputs(one)
    return lines


def _nothing(candidates: Sequence[CandidateExplanation]) -> str:
    is_withheld = any(one.stage == "withheld" for one in candidates)
    return "nothing is shown: the control group goes without" if is_withheld else "nothing is shown"


def _reason(one: CandidateExplanation, is_degraded: bool) -> str:
    if is_degraded and one.stage == "outranked":
        return "not shown: a degraded answer holds fallbacks of the placement alone"
    return one.reason if one.stage == "withheld" else f"{one.stage}: {one.reason}"


def _shown(
    shown: Shown,
    why: CandidateExplanation | None,
    candidates: Sequence[CandidateExplanation],
    outcomes: Collection[str] | None,
    has_scores: bool,
) -> list[str]:
    lines = [f"{shown.rank}. {shown.action} ({shown.treatment})  priority {shown.priority:.4g}{_parts(why)}"]
    propensity = [
        f"{name} {value:.3f}{_certainty(why, name)}"
        for name, value in shown.propensity.items()
        if outcomes is None or name in outcomes
    ]
    facts = [f"propensity: {', '.join(propensity)}"] if propensity else []
    facts.append(f"selection probability {shown.selection_probability:.3f}, {_how(shown, candidates)}")
    lines.append("   " + "; ".join(facts))
    lines += [] if why is None else _differences(shown, why, outcomes)
    if why is not None:
        lines += [f"   {said}" for said in (why.in_a_row, why.amounts, why.fatigue) if said]
        lines += _passed_with(why)
        lines += _inputs(why)
        change = _change(why, has_scores)
        if change:
            lines.append(f"   {change}")
    return lines


def _differences(shown: Shown, why: CandidateExplanation, outcomes: Collection[str] | None) -> list[str]:
    """Say how much more often each outcome happens because the action is shown, where that is learned."""
    return [
        f"   {difference(name, own, why.if_withheld[name])}"
        for name, own in shown.propensity.items()
        if name in why.if_withheld and (outcomes is None or name in outcomes)
    ]


def _certainty(why: CandidateExplanation | None, outcome: str) -> str:
    """Say how sure a propensity is: its interval and the answers behind it; "" where that is not known."""
    if why is None or outcome not in why.interval:
        return ""
    low, high = why.interval[outcome]
    return f" (90 % between {low:.3f} and {high:.3f}, {count(round(why.evidence[outcome]), 'answer')})"


def _how(shown: Shown, candidates: Sequence[CandidateExplanation]) -> str:
    """Name how a place was filled; where nobody else stood for it, nothing was explored."""
    rivals = [one for one in candidates if one.stage in _RIVALS and (one.place is None or one.place >= shown.rank)]
    return "the only candidate" if len(rivals) == 1 and shown.how in ("explored", "best") else shown.how


def _parts(why: CandidateExplanation | None) -> str:
    """Write the formula behind a priority: goals, lever and context weight."""
    parts = {} if why is None else why.parts
    goals = [f"{name[5:]} {value:.4g}" for name, value in parts.items() if name.startswith("goal.")]
    if not goals:
        return ""
    goals += [
        f"fatigue of {name[8:]} {value:.4g}" for name, value in parts.items() if name.startswith("fatigue.") and value
    ]
    text = f" = ({' + '.join(goals)})"
    for name, word in (("lever", "lever"), ("context_weight", "context")):
        if name in parts:
            text += f" x {word} {parts[name]:.4g}"
    return text


def _passed_with(why: CandidateExplanation) -> list[str]:
    """Name the values by which the rules of the action passed it."""
    said = [f"{name} = {_quoted(value)}" for name, value in why.passed_with.items()]
    return [f"   rules passed with {', '.join(said)}"] if said else []


def _quoted(value: Value) -> str:
    text = quote(value)
    return text if len(text) <= VALUE_MAX else text[: VALUE_MAX - 1] + "…"


def _inputs(why: CandidateExplanation) -> list[str]:
    """Name the inputs that moved the propensity most, those that raised it first."""
    raised = [name for name, weight in why.contributions.items() if weight > 0]
    lowered = [name for name, weight in why.contributions.items() if weight < 0]
    parts = [f"{word}: {', '.join(names)}" for word, names in (("for", raised), ("against", lowered)) if names]
    return [f"   inputs {'; '.join(parts)}"] if parts else []


def _change(one: CandidateExplanation, has_scores: bool) -> str:
    """Say what would have changed the result; "" where that question makes no sense or was not asked."""
    is_rule = one.stage in _LAYERS
    if one.change is None:
        is_irrelevant = one.stage == "irrelevant"
        asked = is_rule or (has_scores and (is_irrelevant or (one.stage == "outranked" and one.rank != 1)))
        return (
            "no single change was found that would " + ("let it pass" if is_rule or is_irrelevant else "put it first")
            if asked
            else ""
        )
    after = "missing" if one.change.after is None else quote(one.change.after)
    effect = "would pass" if one.change.effect == "let through" else "would be first"
    return f"{effect} with {one.change.input} = {after}"
