"""What a role may read of a customer and of a decision: values of attributes that are not for it are left out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

from msgspec.structs import replace

from opportune.customers import Registry
from opportune.decide import Explanation
from opportune.decide.explain import CandidateExplanation, RuleFinding
from opportune.records import Decision, Shown
from opportune.service.recalling import TextFacts
from opportune.strategy.sections.attributes import Role

__all__ = ["ROLES", "Sight"]

ROLES: tuple[str, ...] = get_args(Role)
"""Who may be named in `visible_to`."""
_UNSAID = "it reads values that this role may not see"


class Sight:
    """What one role may see; the current strategy says so, of decisions of the past too.

    An attribute that the strategy no longer declares is for nobody. Context attributes are for everybody.

    Args:
        role: one of `ROLES`.
    """

    def __init__(self, registry: Registry, role: str) -> None:
        self._registry = registry
        self._role = role

    def attributes(self, attributes: Mapping[str, Any]) -> tuple[dict[str, Any], int]:
        """Give the attributes that may be seen, keys without a prefix, and how many were left out."""
        seen = {name: value for name, value in attributes.items() if self._sees(name)}
        return seen, len(attributes) - len(seen)

    def decision(
        self, decision: Decision, explanation: Explanation | None, text_facts: TextFacts | None
    ) -> tuple[Decision, Explanation | None, int]:
        """Give a decision and its explanation as they may be seen, and how many facts were left out.

        Args:
            text_facts: see `Recalled`; where that is not known, any fact may stand in all texts.
        """
        facts = {name: value for name, value in decision.facts.items() if self._may(name)}
        withheld = len(decision.facts) - len(facts)
        zone = "customer.time_zone"
        if decision.request.zone is None and zone in decision.facts and zone not in facts:
            # The zone of the decision is that attribute under another name.
            facts.pop("zone", None)
        seen = None if explanation is None else self._explanation(explanation)
        placements = tuple(
            replace(placement, actions=tuple(self._shown(one, text_facts, withheld) for one in placement.actions))
            for placement in decision.placements
        )
        return replace(decision, facts=facts, placements=placements), seen, withheld

    def _shown(self, shown: Shown, text_facts: TextFacts | None, withheld: int) -> Shown:
        """Leave out the texts into which a value was put that the role may not see."""
        if text_facts is None:
            return replace(shown, content={}) if withheld else shown
        parts = text_facts.get(f"{shown.action}/{shown.treatment}", {})
        content = {part: text for part, text in shown.content.items() if all(map(self._may, parts.get(part, ())))}
        return replace(shown, content=content)

    def _sees(self, name: str) -> bool:
        attribute = self._registry.attributes.get(name)
        return attribute is not None and self._role in attribute.visible_to

    def _may(self, variable: str) -> bool:
        prefix = self._registry.prefix
        return not variable.startswith(prefix) or self._sees(variable[len(prefix) :])

    def _explanation(self, explanation: Explanation) -> Explanation:
        return replace(
            explanation,
            placements=tuple(
                replace(placement, candidates=tuple(map(self._candidate, placement.candidates)))
                for placement in explanation.placements
            ),
        )

    def _candidate(self, candidate: CandidateExplanation) -> CandidateExplanation:
        rules = tuple(map(self._finding, candidate.rules))
        reason, change = candidate.reason, candidate.change
        if rules != candidate.rules:
            reason = "; ".join(rule.because or rule.reason for rule in rules)
        return replace(
            candidate,
            reason=reason,
            rules=rules,
            change=change if change is None or self._may(change.input) else None,
            contributions={name: share for name, share in candidate.contributions.items() if self._may(name)},
            passed_with={name: value for name, value in candidate.passed_with.items() if self._may(name)},
        )

    def _finding(self, finding: RuleFinding) -> RuleFinding:
        """Leave out what the role may not see; a sentence that may repeat such a value goes as a whole."""
        values = {name: value for name, value in finding.values.items() if self._may(name)}
        missing = tuple(filter(self._may, finding.missing))
        if len(values) == len(finding.values) and len(missing) == len(finding.missing):
            return finding
        return replace(finding, values=values, missing=missing, reason=_UNSAID)
