"""What is examined across the files of a project: one file per subject."""

from opportune.strategy.checks.actions import check_actions, check_exclusivity
from opportune.strategy.checks.attributes import check_attributes
from opportune.strategy.checks.channels import check_channels, check_fallbacks
from opportune.strategy.checks.consents import check_consents
from opportune.strategy.checks.contact_policies import check_contact_policies
from opportune.strategy.checks.context_sources import check_context_sources
from opportune.strategy.checks.exploration import check_exploration
from opportune.strategy.checks.features import check_features
from opportune.strategy.checks.goals import check_control_groups, check_goals
from opportune.strategy.checks.identity import check_identity
from opportune.strategy.checks.keeping import check_keeping
from opportune.strategy.checks.models import check_models
from opportune.strategy.checks.names import check_former_names
from opportune.strategy.checks.notes import Notes
from opportune.strategy.checks.personas import check_personas
from opportune.strategy.checks.quality import check_quality
from opportune.strategy.checks.rules import CheckedRules, check_rules
from opportune.strategy.checks.settings import check_settings
from opportune.strategy.checks.slates import check_slates
from opportune.strategy.checks.special import check_special
from opportune.strategy.checks.stocks import check_stocks
from opportune.strategy.checks.tables import TableRules, check_tables
from opportune.strategy.checks.templates import check_templates
from opportune.strategy.checks.texts import check_texts
from opportune.strategy.checks.withholding import check_withholding

__all__ = [
    "CheckedRules",
    "Notes",
    "TableRules",
    "check_actions",
    "check_attributes",
    "check_channels",
    "check_consents",
    "check_contact_policies",
    "check_context_sources",
    "check_control_groups",
    "check_exclusivity",
    "check_exploration",
    "check_fallbacks",
    "check_features",
    "check_former_names",
    "check_goals",
    "check_identity",
    "check_keeping",
    "check_models",
    "check_personas",
    "check_quality",
    "check_rules",
    "check_settings",
    "check_slates",
    "check_special",
    "check_stocks",
    "check_tables",
    "check_templates",
    "check_texts",
    "check_withholding",
]
