"""What a project says of its models, in the terms of the models."""

from __future__ import annotations

from opportune.learning import USUAL, ModelSpec, Predictor
from opportune.learning.promotion import Promotion
from opportune.strategy.project import Project

__all__ = ["champion", "predictors", "promotion", "specs"]


def predictors(project: Project) -> tuple[Predictor, ...]:
    """List what models may see, customer attributes first, in file order."""
    customer = [Predictor(f"customer.{name}", item.type) for name, item in project.attributes.items() if item.predictor]
    context = [Predictor(f"context.{name}", item.type) for name, item in project.context.items() if item.predictor]
    return (*customer, *context)


def specs(project: Project) -> tuple[ModelSpec, ...]:
    """Describe the models, in file order; the usual one where the project describes none."""
    known = predictors(project)
    if not project.models:
        return (ModelSpec(USUAL.name, USUAL.kind, known),)
    return tuple(
        ModelSpec(
            name=name,
            kind=model.kind,
            predictors=tuple(
                one for one in known if one.name not in model.hides and (model.sees is None or one.name in model.sees)
            ),
            settings=dict(model.settings),
        )
        for name, model in project.models.items()
    )


def champion(project: Project) -> str:
    """Name the model that decides until another one is promoted."""
    return project.settings.champion or next(iter(project.models), USUAL.name)


def promotion(project: Project) -> Promotion | None:
    """Say when a challenger takes over by itself; None where never."""
    rule = project.settings.promotion
    return None if rule is None else Promotion(rule.by, rule.after, rule.confidence)
