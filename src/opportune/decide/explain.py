"""Why, why not, and what would have changed it: for every candidate of a decision, from its record alone.

Explaining reads only the plan, the record and (where it can still be had) the model as it was; it changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace as replace_fields
from datetime import UTC, datetime
from typing import Any

import msgspec
import numpy as np
from msgspec.structs import replace

from opportune.decide.amounts import in_units, in_words, of_candidate
from opportune.decide.arbitrate import Weighing, arbitrate, parts_of
from opportune.decide.chains import chained, in_a_row
from opportune.decide.compose import Known, answers_of, known_of
from opportune.decide.counterfactual import Switch, is_of_age, relevant_with, switches
from opportune.decide.fatigue import fatigue_in_words
from opportune.decide.gate import OPEN
from opportune.decide.increments import differences, if_withheld
from opportune.decide.limits.consents import is_unprofiled
from opportune.decide.limits.masks import mark_limited
from opportune.decide.limits.words import LimitFinding, finding, profiling_in_words
from opportune.decide.pipeline import choose_of, is_random
from opportune.decide.plan import Booleans, Plan
from opportune.decide.slate_reasons import linked_reason, minimum_reason
from opportune.learning.base import Prediction, PropensityModel
from opportune.learning.maturity import interval
from opportune.records import Decision, Facts, PlacementTrace, Stage, Value
from opportune.rules import Verdict

__all__ = ["CandidateExplanation", "Explanation", "PlacementExplanation", "RuleFinding", "explain"]

ERASED = "the personal part was erased, and the reason is no longer known"
"""Reason of a candidate that was dropped by what was known of the person."""
CONTRIBUTIONS = 5
"""Predictors that are named for each shown action."""

_LAYERS = {Stage.ELIGIBILITY: 0, Stage.APPLICABILITY: 1, Stage.SUITABILITY: 2}


class RuleFinding(msgspec.Struct, frozen=True, kw_only=True):
    """One rule that kept an action out: its text, how it came out, the values behind it, in words."""

    rule: str
    because: str | None
    verdict: str
    values: dict[str, Any]
    missing: tuple[str, ...]
    reason: str


class CandidateExplanation(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one candidate.

    Args:
        stage: name of the stage that dropped it, "shown", or "withheld" from somebody who is shown nothing.
        rank: 1-based order of priority among all that passed the gate; None where it was dropped or not known.
        parts: the score's parts by name, empty where dropped or no longer known.
        evidence: outcome → answers that the model had learned of this candidate.
        interval: outcome → where the propensity lies with a chance of 90 %, by what the model knew.
        if_withheld: outcome → its chance where the action is withheld; empty where nobody learns that.
        in_a_row: how often outcomes follow those that come before them, in words; "" where none does.
        amounts: how much outcomes are expected to be, in words; "" where that is not learned.
        fatigue: what contacts cost that the person had already, in words; "" where they cost nothing.
        contributions: predictor → share of the log odds of the channel's first positive outcome, the largest ones.
        passed_with: input → value of those that the action's rules read, where it passed them and stands in the answer.
        rules: findings of the rules that dropped it.
        limits: findings of the limits that kept it out.
        change: the smallest change of one input that would have let it through or put it first, in words.
    """

    action: str
    treatment: str
    channel: str
    stage: str
    reason: str
    rank: int | None = None
    place: int | None = None
    parts: dict[str, float] = {}
    evidence: dict[str, float] = {}
    interval: dict[str, tuple[float, float]] = {}
    if_withheld: dict[str, float] = {}
    in_a_row: str = ""
    amounts: str = ""
    fatigue: str = ""
    contributions: dict[str, float] = {}
    passed_with: dict[str, Any] = {}
    rules: tuple[RuleFinding, ...] = ()
    limits: tuple[LimitFinding, ...] = ()
    change: Switch | None = None


class PlacementExplanation(msgspec.Struct, frozen=True, kw_only=True):
    """What became of every candidate in one placement."""

    name: str
    candidates: tuple[CandidateExplanation, ...]


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """Why a decision came out as it did.

    Args:
        scores: "recomputed" from the model as it was, or "recorded": only the kept parts are known.
        kernel: that they were recomputed with, "" for recorded ones; with another one than that of the decision, last
            digits may differ.
        doubts: inputs that could not be had or trusted, each with a word of why.
        profiling: why it was made without what is known of the person, in words; "" where it was made with it.
        erased: its personal part was deleted, so that what became of everybody is known, and why is not.
    """

    decision: str
    revision: str
    at: datetime
    control: str | None
    degraded: str | None
    scores: str
    placements: tuple[PlacementExplanation, ...]
    kernel: str = ""
    profiling: str = ""
    doubts: tuple[str, ...] = ()
    erased: bool = False


def explain(
    plan: Plan, decision: Decision, model: PropensityModel | None = None, *, erased: bool = False
) -> Explanation:
    """Explain every candidate of every placement.

    Args:
        plan: the revision that decided.
        model: the model as it was at the decision's position, bound to the plan; None where it can no longer be had.
        erased: the personal part of the record was deleted: what it would say of rules and inputs is left out.
    """
    if erased:
        model = None
    if is_unprofiled(decision.holds):
        # Nothing of the person had a part in it: no change of that would have changed it.
        plan = replace_fields(plan, inputs={name: one for name, one in plan.inputs.items() if _is_asked(plan, name)})
    scored = None
    if model is not None and decision.degraded is None:
        choose = choose_of(plan, decision.control)
        prediction = _kept_prediction(chained(plan, model.predict(model.encode(decision.facts))))
        known = known_of(plan, prediction, model.evidence())
        scored = known, arbitrate(plan, decision.facts, prediction, choose, model.kernel, decision.tired)
    placements = []
    for number, trace in enumerate(decision.traces):
        found = switches(plan, decision, model, number) if model is not None and scored is not None else {}
        explainer = _Explainer(plan, decision, number, model, scored, found, erased)
        candidates = tuple(
            explainer.candidate(i, Stage(stage))
            for i, stage in enumerate(trace.stages)
            if plan.candidates[i].channel == decision.request.channel
        )
        placements.append(PlacementExplanation(name=trace.name, candidates=candidates))
    return Explanation(
        decision=decision.id,
        revision=decision.revision,
        at=decision.at,
        control=decision.control,
        degraded=decision.degraded,
        scores="recorded" if scored is None else "recomputed",
        kernel="" if scored is None or model is None else model.kernel,
        placements=tuple(placements),
        doubts=decision.doubts,
        profiling=profiling_in_words(plan.limits, decision.holds, str(decision.facts.get("zone", plan.zone))),
        erased=erased,
    )


def _is_asked(plan: Plan, name: str) -> bool:
    """Say whether an input is one of the contact and not of the person."""
    return name.startswith("context.") and name not in plan.limits.personal


def _kept_prediction(prediction: Prediction) -> Prediction:
    """Copy what a model said: its arrays are overwritten by the next question, and explaining asks many."""
    propensity, log_odds = prediction.propensity.copy(), prediction.log_odds.copy()
    return replace_fields(prediction, propensity=propensity, log_odds=log_odds, spread=prediction.spread.copy())


class _Explainer:
    """Explains the candidates of one placement."""

    def __init__(
        self,
        plan: Plan,
        decision: Decision,
        number: int,
        model: PropensityModel | None,
        scored: tuple[Known, Weighing] | None,
        found: Mapping[int, Switch],
        erased: bool,
    ) -> None:
        self.plan, self.decision, self.number, self.model, self.scored = plan, decision, number, model, scored
        self.trace = trace = decision.traces[number]
        self.switches, self.erased = found, erased
        self.unprofiled = is_unprofiled(decision.holds)
        stages = np.frombuffer(trace.stages, dtype=np.uint8)
        self.placement = plan.channels[decision.request.channel].placements[trace.name]
        self.held = mark_limited(plan.limits, decision.holds, np.full(len(stages), OPEN, dtype=np.uint8)) != OPEN
        self.relevant: dict[tuple[str, str], Booleans] = {}
        self.passed = np.flatnonzero((stages == Stage.SHOWN) | (stages == Stage.OUTRANKED))
        self.kept = _kept_parts(plan, trace)
        held = next((place.actions for place in decision.withheld if place.name == trace.name), ())
        # What is mandatory comes first in the slate, and what is withheld follows.
        self.withheld = frozenset(trace.chosen[len(trace.chosen) - len(held) :])
        self.places = {candidate: place for place, candidate in enumerate(trace.chosen, start=1)}
        self.ranks: dict[int, int] = {}
        if scored is not None:
            order = self.passed[np.argsort(-scored[1].priority[self.passed], kind="stable")]
            self.ranks = {int(candidate): rank for rank, candidate in enumerate(order, start=1)}

    def candidate(self, index: int, stage: Stage) -> CandidateExplanation:
        """Explain one candidate."""
        key = self.plan.candidates[index]
        plain = CandidateExplanation(
            action=key.action, treatment=key.treatment, channel=key.channel, stage=stage.name.lower(), reason=""
        )
        if self.erased and stage in _LAYERS:
            return replace(plain, reason=ERASED)
        if stage in _LAYERS:
            return self._dropped(index, stage, plain)
        if stage is Stage.LIMITED:
            return self._limited(index, plain)
        if index in self.withheld:
            plain = replace(plain, stage="withheld")
        if stage in (Stage.SHOWN, Stage.OUTRANKED, Stage.IRRELEVANT):
            return self._scored(index, stage, plain)
        return replace(plain, reason=self._standing_reason(index, stage))

    def _dropped(self, index: int, stage: Stage, plain: CandidateExplanation) -> CandidateExplanation:
        condition = _LAYERS[stage] * len(self.plan.actions) + int(self.plan.action_of[index])
        findings = tuple(
            RuleFinding(
                rule=finding.source,
                because=self.plan.because.get((plain.action, finding.source)),
                verdict=finding.verdict.value,
                values=dict(finding.values),
                missing=finding.missing,
                reason=finding.sentence,
            )
            for finding in self.plan.gate.judge(condition, self.decision.facts)
            if finding.verdict is not Verdict.TRUE
        )
        return replace(
            plain,
            reason="; ".join(map(_in_words, findings)),
            rules=findings,
            change=self._letting_through(index),
        )

    def _limited(self, index: int, plain: CandidateExplanation) -> CandidateExplanation:
        """Name every limit that keeps it out; where none does, those of which the answer took the last."""
        limits, zone = self.plan.limits, str(self.decision.facts.get("zone", self.plan.zone))
        own = [hold for hold in self.decision.holds if limits.members(hold.limit, hold.part)[index]]
        own = [hold for hold in own if not hold.left] or own
        findings = tuple(finding(limits, hold, plain.action, zone) for hold in own)
        return replace(plain, reason="; ".join(one.reason for one in findings), limits=findings)

    def _letting_through(self, index: int) -> Switch | None:
        """Find one input whose change passes every layer; what a limit holds back as well is let through by none."""
        if self.held[index]:
            return None
        actions = len(self.plan.actions)
        facts = self.decision.facts
        own = [layer * actions + int(self.plan.action_of[index]) for layer in range(3)]
        for name, value in self._changes(own):
            changed = {**facts, name: value}
            passed = self.plan.gate.passed(changed)
            if all(passed[other] for other in own) and self._stays(index, name, changed):
                return Switch(input=name, before=facts.get(name), after=value, effect="let through")
        return None

    def _changes(self, conditions: Sequence[int]) -> Iterator[tuple[str, Value]]:
        """Give inputs of conditions, the one of the smallest change that passes them all first, and values to try.

        Where a project declares values, those; where it declares a range, what lies within.
        """
        gate, fixed = self.plan.gate, {"now", "zone"}
        while (change := gate.change(conditions, self.decision.facts, fixed, self._is_within)) is not None:
            fixed.add(change.variable)
            if self.unprofiled and not _is_asked(self.plan, change.variable):
                continue
            declared = self.plan.inputs.get(change.variable)
            yield from ((change.variable, one) for one in (declared if isinstance(declared, list) else [change.after]))

    def _is_within(self, name: str, value: Value) -> bool:
        declared = self.plan.inputs.get(name)
        return not isinstance(declared, tuple) or declared[0] <= value <= declared[1]  # type: ignore[operator]

    def _stays(self, index: int, name: str, changed: Facts) -> bool:
        """Say whether a candidate that passes the rules by another value of an input meets what comes after them."""
        if not is_of_age(self.plan, self.decision, name, changed[name]):
            return False
        plan, decision = self.plan, self.decision
        if not self.placement.minimum_relevance or decision.degraded is not None or is_random(plan, decision.control):
            return True
        if self.model is None:
            return False
        key = (name, repr(changed[name]))
        if key not in self.relevant:
            self.relevant[key] = relevant_with(plan, self.placement, changed, self.model)
        return bool(self.relevant[key][index])

    def _scored(self, index: int, stage: Stage, plain: CandidateExplanation) -> CandidateExplanation:
        parts, contributions = self._parts(index)
        evidence, between = _certainty(self.plan, parts)
        reason = self._irrelevant(parts, evidence, between) if stage is Stage.IRRELEVANT else self._order(index)
        withheld = if_withheld(self.plan, parts)
        reported = self.plan.channels[self.decision.request.channel].outcomes
        reasons = [reason, self._ramp_up(index, parts), differences(reported, parts, withheld)]
        row = in_a_row(self.plan, reported, parts)
        amounts = in_words(self.plan, reported, parts)
        is_weighed = choose_of(self.plan, self.decision.control) != "propensity"
        fatigue = fatigue_in_words(self.plan, self.decision.tired, index) if is_weighed else ""
        reasons += [row, amounts, fatigue]
        return replace(
            plain,
            reason="; ".join(filter(None, reasons)),
            rank=self.ranks.get(index),
            place=self.places.get(index),
            parts=parts,
            evidence=evidence,
            interval=between,
            if_withheld=withheld,
            in_a_row=row,
            amounts=amounts,
            fatigue=fatigue,
            contributions=contributions,
            passed_with=self._passed_with(index) if index in self.places else {},
            change=self.switches.get(index),
        )

    def _passed_with(self, index: int) -> dict[str, Any]:
        """Give what the rules of the action read, without the moment and its zone."""
        gate, count = self.plan.gate, len(self.plan.actions)
        own = [gate.conditions[layer * count + int(self.plan.action_of[index])] for layer in range(3)]
        read = {name for rules in own for rule in rules for name in rule.variables} - {"now", "zone"}
        facts = self.decision.facts
        return {name: facts[name] for name in sorted(read) if name in facts}

    def _order(self, index: int) -> str:
        place, rank = self.places.get(index), self.ranks.get(index)
        order = f"rank {rank} of {len(self.passed)} by priority" if rank else "passed every rule"
        taken = "others took the places" if self.decision.degraded is None else "the fallback answered"
        if not place and self.plan.links.minima and not self.erased:
            held = minimum_reason(self.plan, self.decision, self.number, index, self.ranks)
            taken += f" ({held})" if held else ""
        how = "withheld: it would have been shown" if index in self.withheld else "shown"
        return f"{how} in place {place}, {order}" if place else f"{order}; {taken}"

    def _irrelevant(
        self, parts: dict[str, float], evidence: dict[str, float], between: dict[str, tuple[float, float]]
    ) -> str:
        """Say which propensity is too low for the placement, and how sure that is."""
        placement = self.placement
        outcome = self.plan.outcomes[placement.relevant]
        least = f"the {placement.minimum_relevance:g} that placement {self.trace.name} asks for"
        if f"propensity.{outcome}" not in parts:
            return f"propensity of {outcome} below {least}"
        low, high = between[outcome]
        return (
            f"propensity of {outcome} {parts[f'propensity.{outcome}']:.4g} (90 % between {low:.4g} and {high:.4g}, "
            f"{evidence[outcome]:g} answers), below {least}"
        )

    def _ramp_up(self, index: int, parts: dict[str, float]) -> str:
        """Say how far an action may go that is still in its ramp-up; "" where nothing holds it or that is not known."""
        share = parts.get("largest_share", 1.0)
        if self.plan.ramp_up is None or share >= 1.0 or is_random(self.plan, self.decision.control):
            return ""
        action = int(self.plan.action_of[index])
        most = f"at most {100 * share:.3g} % of the draws"
        full_after = f"{self.plan.ramp_up[1, action]:g} answers"
        if self.scored is None:
            return f"in ramp-up until {full_after}: {most}"
        return f"in ramp-up, {answers_of(self.plan, self.scored[0].evidence)[action]:g} of {full_after}: {most}"

    def _parts(self, index: int) -> tuple[dict[str, float], dict[str, float]]:
        """Give the score's parts and the predictors' contributions, recomputed where possible, else as recorded."""
        recorded = self.kept.get(index, {})
        if self.scored is None or self.model is None:
            own = [recorded.get(f"propensity.{outcome}", 0.0) for outcome in self.plan.outcomes]
            if self.erased:
                # Goals, levers and context weights may follow from what was known.
                return recorded, {}
            told = of_candidate(self.plan, recorded)
            return ({**recorded, **self._split(index, own, told)} if recorded else {}), {}
        (prediction, evidence, shares), weighing = self.scored
        own = prediction.propensity[:, index].tolist()
        values = [*own, *prediction.spread[:, index].tolist(), *evidence[:, index].tolist()]
        parts = dict(zip(self.plan.part_names, [*values, float(weighing.priority[index])], strict=False))
        if recorded:
            parts["first_place_probability"] = recorded["first_place_probability"]
        if len(shares):
            parts["largest_share"] = float(shares[index])
        parts.update(in_units(self.plan, prediction, index))
        parts.update(self._split(index, own, of_candidate(self.plan, parts)))
        if index not in self.places:
            return parts, {}
        strongest = self.model.weights(self.decision.facts, index, self.placement.relevant)[:CONTRIBUTIONS]
        return parts, {name: weight for name, weight in strongest if weight}

    def _split(self, index: int, propensity: list[float], amounts: list[float]) -> dict[str, float]:
        choose = choose_of(self.plan, self.decision.control)
        tired = self.decision.tired
        return parts_of(self.plan, self.decision.facts, choose, index, propensity, amounts, tired)

    def _standing_reason(self, index: int, stage: Stage) -> str:
        action = self.plan.actions[int(self.plan.action_of[index])]
        match stage:
            case Stage.INACTIVE:
                return "switched off"
            case Stage.NOT_VALID:
                return f"valid {_moment(action.active_from)} to {_moment(action.active_until)}"
            case Stage.NO_TREATMENT:
                return f"this treatment is not made for placement {self.trace.name}"
            case Stage.EXCLUSIVE:
                return "; ".join(self._excluders(action.exclusive))
            case Stage.LINKED:
                return linked_reason(self.plan, self.decision, self.number, index)
            case _:
                return "the same action stands in the answer already"

    def _excluders(self, groups: frozenset[str]) -> Iterator[str]:
        """Name the shown actions that share an exclusivity group with one that was kept out."""
        shown = {int(self.plan.action_of[c]) for trace in self.decision.traces for c in trace.chosen}
        for position in sorted(shown):
            shared = sorted(self.plan.actions[position].exclusive & groups)
            if shared:
                yield f"{self.plan.actions[position].name} stands in the answer, and both are in {', '.join(shared)}"


def _certainty(plan: Plan, parts: dict[str, float]) -> tuple[dict[str, float], dict[str, tuple[float, float]]]:
    """Give answers and interval of every outcome of which they are known."""
    known = [outcome for outcome in plan.scored if f"evidence.{outcome}" in parts]
    evidence = {outcome: parts[f"evidence.{outcome}"] for outcome in known}
    return evidence, {
        outcome: interval(parts[f"propensity.{outcome}"], parts[f"spread.{outcome}"]) for outcome in known
    }


def _kept_parts(plan: Plan, trace: PlacementTrace) -> dict[int, dict[str, float]]:
    kept = np.frombuffer(trace.kept, dtype="<u4").tolist()
    if not trace.parts:
        return {}
    rows: list[list[Any]] = np.frombuffer(trace.parts, dtype="<f4").reshape(len(kept), -1).tolist()
    names = plan.part_names
    if len(rows[0]) < len(names):
        # A record of the time before evidence was kept.
        names = tuple(name for name in names if not name.startswith("evidence."))
    return {index: dict(zip(names, row, strict=True)) for index, row in zip(kept, rows, strict=True)}


def _moment(seconds: float) -> str:
    """Say a POSIX moment in UTC, or that there is no end."""
    if not np.isfinite(seconds):
        return "always" if seconds < 0 else "open end"
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M UTC")


def _in_words(finding: RuleFinding) -> str:
    """Give the author's words, and what is missing where the rule could not be answered."""
    if finding.because is None:
        return finding.reason
    return f"{finding.because} ({finding.reason})" if finding.missing else finding.because
