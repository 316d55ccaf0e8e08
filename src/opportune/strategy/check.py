"""Checking a project: does everything fit together? All problems at once."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from opportune.errors import ProjectError
from opportune.rules import check as check_rule
from opportune.strategy.checked import LAYERS, CheckedProject, LayerRules
from opportune.strategy.checks import (
    Notes,
    TableRules,
    check_actions,
    check_attributes,
    check_channels,
    check_consents,
    check_contact_policies,
    check_context_sources,
    check_control_groups,
    check_exclusivity,
    check_exploration,
    check_fallbacks,
    check_features,
    check_former_names,
    check_goals,
    check_identity,
    check_keeping,
    check_models,
    check_personas,
    check_quality,
    check_rules,
    check_settings,
    check_slates,
    check_special,
    check_stocks,
    check_tables,
    check_templates,
    check_texts,
    check_withholding,
)
from opportune.strategy.load import Gaps, Reading, read_directory, read_files
from opportune.strategy.project import Project

__all__ = ["LAYERS", "CheckedProject", "check", "check_directory", "check_files"]


def check(project: Project, now: datetime | None = None) -> CheckedProject:
    """Check a loaded project.

    Args:
        now: aware moment; with it, active actions whose validity is over are problems. A server that starts does not
            give it: a strategy must not stop working because one offer ended.

    Raises:
        ProjectError: with every problem, in the order of files and lines.
    """
    return _check(Reading(project, [], Gaps()), now)


def check_directory(directory: Path, now: datetime | None = None) -> CheckedProject:
    """Load and check a folder; problems of single files and those between files come together.

    Raises:
        ProjectError: as `check`.
    """
    return _check(read_directory(directory), now)


def check_files(files: Mapping[str, str], now: datetime | None = None) -> CheckedProject:
    """Load and check texts by path, as `check_directory` does with a folder.

    Raises:
        ProjectError: as `check`.
    """
    return _check(read_files(files), now)


def _check(reading: Reading, now: datetime | None) -> CheckedProject:
    project = reading.project
    notes = Notes(project, reading.gaps)
    check_settings(notes)
    check_attributes(notes)
    check_identity(notes)
    features = check_features(notes)
    check_channels(notes)
    check_exploration(notes)
    check_goals(notes)
    check_control_groups(notes)
    check_withholding(notes)
    check_actions(notes, now)
    check_exclusivity(notes)
    check_templates(notes)
    check_keeping(notes)
    check_consents(notes)
    check_context_sources(notes)
    check_contact_policies(notes)
    check_stocks(notes)
    check_slates(notes)
    check_quality(notes)
    check_former_names(notes)
    check_models(notes)
    check_texts(notes)
    rules = check_rules(notes)
    check_special(notes, rules, features)
    tables = check_tables(notes, rules)
    check_fallbacks(notes, rules)
    personas = check_personas(notes)
    problems = {*reading.problems, *notes.problems}
    if problems:
        raise ProjectError(sorted(problems))
    return CheckedProject(
        project=project,
        schema=rules.schema,
        segments=rules.schema.segments,
        group_rules=rules.groups,
        action_rules=_with_tables(rules.actions, tables),
        mandatory=rules.mandatory,
        context_weights=rules.context_weights,
        minima=rules.minima,
        never=check_rule("false", rules.schema),
        personas=personas,
        table_weights=tables.weights,
        table_words=tables.because,
        feature_rules=features,
    )


def _with_tables(actions: Mapping[str, LayerRules], tables: TableRules) -> dict[str, LayerRules]:
    """Give the rules of every action, those of decision tables last."""
    return {
        name: {layer: (*own, *tables.layers.get(name, {}).get(layer, ())) for layer, own in layers.items()}
        for name, layers in actions.items()
    }
