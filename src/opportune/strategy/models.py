"""What a project says of its models, in the terms of the models."""

from __future__ import annotations

from typing import Any

from opportune.learning import USUAL, ModelSpec, Predictor
from opportune.learning.promotion import Promotion
from opportune.strategy.feature_types import per_action
from opportune.strategy.files import bytes_of, is_model_file
from opportune.strategy.named import named
from opportune.strategy.project import Project
from opportune.strategy.sections.models import Model
from opportune.strategy.wording import suggest

__all__ = ["barred", "champion", "predictors", "promotion", "settings", "specs"]


def predictors(project: Project) -> tuple[Predictor, ...]:
    """List what models may see, customer attributes first, in file order."""
    return _attributes(project, True)


def barred(project: Project) -> tuple[Predictor, ...]:
    """List the attributes that no model may see, in the same order."""
    return _attributes(project, False)


def _attributes(project: Project, is_predictor: bool) -> tuple[Predictor, ...]:
    apart = per_action(project)
    return tuple(
        Predictor(key, item.type)
        for key, item in named(project).items()
        if item.predictor == is_predictor and key not in apart
    )


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
            settings=settings(project, model),
        )
        for name, model in project.models.items()
    )


def settings(project: Project, model: Model) -> dict[str, Any]:
    """Give a model's settings; where one names a file of the project, with what that holds.

    Raises:
        ValueError: there is no such file; the message begins with the setting's name.
    """
    given: dict[str, Any] = dict(model.settings)
    file = given.get("file")
    if not isinstance(file, str):
        return given
    if not is_model_file(file):
        raise ValueError("file: expected a path such as models/churn.onnx")
    if file not in project.files:
        known = [path for path in project.files if is_model_file(path)]
        raise ValueError(f"file: there is no {file}; {suggest(file, known, 'files')}")
    return given | {"data": bytes_of(project.files[file])}


def champion(project: Project) -> str:
    """Name the model that decides until another one is promoted."""
    return project.settings.champion or next(iter(project.models), USUAL.name)


def promotion(project: Project) -> Promotion | None:
    """Say when a challenger takes over by itself; None where never."""
    rule = project.settings.promotion
    return None if rule is None else Promotion(rule.by, rule.after, rule.confidence)
