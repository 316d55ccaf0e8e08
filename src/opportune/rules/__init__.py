"""Rules: expressions of the Common Expression Language (CEL) over what is known of a customer and a contact."""

from opportune.rules.change import Change
from opportune.rules.check import check
from opportune.rules.columns import Column
from opportune.rules.contradiction import contradictory
from opportune.rules.evaluate import evaluate
from opportune.rules.judge import Finding, Verdict
from opportune.rules.quote import quote
from opportune.rules.rule import Rule, Schema
from opportune.rules.ruleset import RuleSet
from opportune.rules.values import Failed, Unknown

__all__ = [
    "Change",
    "Column",
    "Failed",
    "Finding",
    "Rule",
    "RuleSet",
    "Schema",
    "Unknown",
    "Verdict",
    "check",
    "contradictory",
    "evaluate",
    "quote",
]
