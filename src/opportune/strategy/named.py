"""What rules, texts and models may name: fact key such as "customer.age" → what is declared of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from opportune.customers.intake.session import SESSION_FACTS
from opportune.strategy.feature_types import feature_attributes
from opportune.strategy.project import Project
from opportune.strategy.sections.attributes import Attribute, ContextAttribute
from opportune.strategy.sections.identity import UnitAttribute

SESSION = {key: ContextAttribute(type=type_, predictor=False) for key, type_ in SESSION_FACTS.items()}
"""What every conversation has, whether the project says so or not; models do not see it."""

__all__ = ["Named", "files", "named"]

Named: TypeAlias = Attribute | ContextAttribute | UnitAttribute


def named(project: Project) -> dict[str, Named]:
    """Give all that may be named: of customers, of the context, of levels, and features, each in file order.

    Features per action are among them; `per_action` in `feature_types` says which they are.
    """
    return {
        **{f"customer.{name}": item for name, item in project.attributes.items()},
        **{f"context.{name}": item for name, item in project.context.items()},
        **project.unit_attributes,
        **{f"feature.{name}": item for name, item in feature_attributes(project).items()},
        **SESSION,
    }


def files(project: Project) -> Mapping[str, str]:
    """Give the first part of a fact key → the file that declares the second."""
    known = {"customer": "attributes.yaml", "context": "context.yaml", "feature": "features.yaml", "session": ""}
    return {**known, **dict.fromkeys(project.levels, "levels.yaml")}
