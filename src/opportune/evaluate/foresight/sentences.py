"""Names of policies, conflicts and thresholds as people read them, in every language."""

from __future__ import annotations

from collections.abc import Sequence

from opportune.evaluate.foresight.funnel import Conflict
from opportune.evaluate.foresight.rulebook import Policy
from opportune.evaluate.speech import Language, spoken
from opportune.evaluate.told import reason_said

__all__ = ["conflict_said", "owner_said", "policies_said", "policy_said", "stage_said"]


_OWNERS: dict[Language, dict[str, str]] = {
    "en": {
        "group": "group {}",
        "action": "action {}",
        "limit": "limit {}",
        "switch": "emergency switch of {}",
        "bundle": "bundle {}",
        "component": "{}",
    },
    "pl": {
        "group": "grupa {}",
        "action": "akcja {}",
        "limit": "limit {}",
        "switch": "wyłącznik awaryjny: {}",
        "bundle": "pakiet {}",
        "component": "{}",
    },
}
_STAGES: dict[Language, dict[str, str]] = {
    "en": {
        "inactive": "switched off",
        "not_valid": "outside of its dates",
        "no_treatment": "no treatment for the placement",
        "eligibility": "eligibility",
        "applicability": "applicability",
        "suitability": "suitability",
        "limited": "limit",
        "irrelevant": "least relevance",
        "exclusive": "exclusivity",
        "already_shown": "shown already",
        "linked": "no room beside others",
        "outranked": "outranked",
        "shown": "shown",
    },
    "pl": {
        "inactive": "wyłączone",
        "not_valid": "poza terminem",
        "no_treatment": "brak formy dla miejsca",
        "eligibility": "uprawnienie",
        "applicability": "zasadność",
        "suitability": "stosowność",
        "limited": "limit",
        "irrelevant": "najmniejsza trafność",
        "exclusive": "wykluczanie się",
        "already_shown": "już pokazane",
        "linked": "brak miejsca obok innych",
        "outranked": "wyprzedzone",
        "shown": "pokazane",
    },
}
_FOUND: dict[Language, dict[str, str]] = {
    "en": {
        "never-mandatory": "{subject} is never mandatory where its rules allow it: {detail}.",
        "never-bundled": "{subject} can never be shown: {detail}.",
        "never-best": "{subject} can never be shown as the best: {detail} always come first.",
        "never-passed": "{subject} passed for nobody; most often stopped by {detail} ({number}).",
        "never-shown": "{subject} passed {number:time|times} and was never shown; shown in its place: {detail}.",
        "rule-idle": "A rule of {subject} kept nobody out: {detail}.",
        "limit-idle": "{subject} held nobody back.",
        "limit-unreachable": "{subject} can never be reached: {detail}.",
    },
    "pl": {
        "never-mandatory": "{subject}: nigdy nie jest obowiązkowa tam, gdzie pozwalają jej reguły: {detail}.",
        "never-bundled": "{subject}: nigdy nie może zostać pokazany: {detail}.",
        "never-best": "{subject}: nigdy nie może zostać pokazana jako najlepsza; zawsze wyprzedza ją {detail}.",
        "never-passed": "{subject}: nie przeszła u nikogo; najczęściej zatrzymuje ją {detail} ({number}).",
        "never-shown": "{subject}: przeszła {number:raz|razy|razy} i nigdy nie została pokazana; zamiast niej:"
        " {detail}.",
        "rule-idle": "{subject}: reguła nikogo nie zatrzymała: {detail}.",
        "limit-idle": "{subject}: nikogo nie zatrzymał.",
        "limit-unreachable": "{subject}: nigdy nie może zostać osiągnięty: {detail}.",
    },
}
_CONFLICTS = spoken(_FOUND)
_NOTHING = {"en": "nothing else in the placement", "pl": "nic innego w tym miejscu"}


def owner_said(owner: str, language: Language = "en") -> str:
    """Name where a policy stands."""
    kind, _, name = owner.partition(":")
    form = _OWNERS[language].get(kind)
    if form is None:
        return owner
    return form.format(owner_said(name, language) if kind == "switch" else name)


def stage_said(stage: str, language: Language = "en") -> str:
    """Name a stage; one of another engine keeps its name."""
    return _STAGES[language].get(stage, stage.replace("_", " "))


def policy_said(policy: Policy, language: Language = "en") -> str:
    """Name a policy: where it stands, its stage, and the rule with its author's words."""
    told = owner_said(policy.owner, language)
    if not policy.owner.startswith(("limit:", "switch:")):
        told += f", {stage_said(policy.stage, language)}"
    if policy.rule:
        told += f": {policy.rule}"
    return f"{told} ({policy.because})" if policy.because else told


def policies_said(policies: Sequence[Policy], language: Language = "en") -> str:
    """Name several policies that only together stand in the way."""
    if not policies:
        return _NOTHING[language]
    return " + ".join(policy_said(policy, language) for policy in policies)


def conflict_said(conflict: Conflict, language: Language = "en") -> str:
    """Say a conflict in one sentence."""
    detail = ", ".join(_detail_said(one, language) for one in conflict.detail if one)
    subject = owner_said(conflict.subject, language)
    told = _CONFLICTS[language].say(
        conflict.code, subject=subject, detail=detail or _NOTHING[language], number=conflict.number
    )
    return told[:1].upper() + told[1:]


def _detail_said(detail: str, language: Language) -> str:
    """Say one name or text of a conflict: where a policy stands, a stage, a rule, or why rules exclude each other."""
    if detail in _STAGES[language]:
        return stage_said(detail, language)
    return reason_said(owner_said(detail, language), language)
