"""Whether an answer is the one that a persona test expects; what it does not hold is told with its reason."""

from __future__ import annotations

from collections.abc import Mapping

from opportune.decide import Explanation
from opportune.decide.explain import CandidateExplanation
from opportune.strategy.sections.personas import Absence, Expectation

__all__ = ["unmet"]

Fates = Mapping[str, CandidateExplanation]
"""Action → what became of it: where it is shown, or what became of its first treatment."""


def unmet(expect: Expectation, ranking: tuple[str, ...], explanation: Explanation) -> list[str]:
    """Name what was expected and what was found, in words; empty where all expectations hold.

    Args:
        ranking: the actions of the answer, in order.
        explanation: of its only placement.
    """
    fates = {candidate.action: candidate for candidate in reversed(explanation.placements[0].candidates)}
    fates |= {one.action: one for one in explanation.placements[0].candidates if one.place}
    found = "[" + ", ".join(ranking) + "]"
    failures = []
    if expect.is_nothing and ranking:
        failures.append(f"expected an answer without actions, found {found}")
    if expect.ranking and ranking[: len(expect.ranking)] != expect.ranking:
        wanted = next(action for place, action in enumerate(expect.ranking) if ranking[place : place + 1] != (action,))
        place = expect.ranking.index(wanted)
        instead = ranking[place] if place < len(ranking) else None
        failures.append(
            f"expected the answer to begin with [{', '.join(expect.ranking)}], found {found};"
            f" {_fate(wanted, fates, instead)}"
        )
    for action in expect.present:
        if action not in ranking:
            last = ranking[-1] if ranking else None
            failures.append(f"expected {action} in the answer, found {found}; {_fate(action, fates, last)}")
    for action, absence in expect.absent.items():
        failures += _absence_failures(action, absence, ranking, fates)
    return failures


def _fate(action: str, fates: Fates, instead: str | None) -> str:
    """Say why an action is not where it was expected.

    Args:
        instead: the action that stands there, if any.
    """
    one = fates.get(action)
    if one is None:
        return f"{action} has no treatment in this channel"
    if one.stage not in ("shown", "outranked"):
        return f"{action} dropped at {one.stage}: {one.reason}"
    own, other = _priority(one), _priority(fates.get(instead or ""))
    against = f", {instead} has {other}" if instead and instead != action else ""
    word = f"{action} stands in place {one.place}" if one.place else f"{action} was outranked"
    return f"{word}: its priority is {own}{against}"


def _priority(one: CandidateExplanation | None) -> str:
    value = None if one is None else one.parts.get("priority")
    return "not known" if value is None else f"{value:.4g}"


def _absence_failures(action: str, absence: Absence, ranking: tuple[str, ...], fates: Fates) -> list[str]:
    if action in ranking:
        return [f"expected {action} to be absent, found it in place {ranking.index(action) + 1}"]
    one = fates.get(action)
    stage, reason = ("no_treatment", "no treatment in this channel") if one is None else (one.stage, one.reason)
    failures = []
    if absence.stage is not None and stage != absence.stage:
        failures.append(f"expected {action} to be dropped at {absence.stage}, found {stage}: {reason}")
    if absence.because is not None and absence.because.casefold() not in reason.casefold():
        failures.append(f"expected the reason of {action} to say '{absence.because}', found '{reason}'")
    return failures
