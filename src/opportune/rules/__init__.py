"""Rules: expressions of the Common Expression Language (CEL) over what is known of a customer and a contact."""

from opportune.rules.check import check
from opportune.rules.evaluate import evaluate
from opportune.rules.quote import quote
from opportune.rules.rule import Rule, Schema
from opportune.rules.ruleset import RuleSet
from opportune.rules.values import Failed, Unknown

__all__ = ["Failed", "Rule", "RuleSet", "Schema", "Unknown", "check", "evaluate", "quote"]
