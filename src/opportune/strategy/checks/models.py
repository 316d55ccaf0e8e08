"""Can the models be made as models.yaml describes them?"""

from __future__ import annotations

import inspect

from opportune.learning import MODELS, USUAL, Predictor, make_model
from opportune.strategy.checks.notes import Notes
from opportune.strategy.feature_types import per_action
from opportune.strategy.models import predictors, settings
from opportune.strategy.named import files, named
from opportune.strategy.sections.models import Model
from opportune.strategy.wording import suggest

__all__ = ["check_models"]

FILE = "models.yaml"
SETTINGS = "project.yaml"
GIVEN = ("predictors", "outcomes", "kernel", "data")
"""What every member is made of; the other parameters are settings."""
TYPES: dict[str, type | tuple[type, ...]] = {"float": (int, float), "int": int, "str": str, "bool": bool}
"""Annotation of a setting → types of its values; others are for the member itself to examine."""
WORDS = {"float": "a number", "int": "a whole number", "str": "a text", "bool": "true or false"}


def check_models(notes: Notes) -> None:
    """Check kinds, settings and attributes of all models, and who is the champion."""
    project = notes.project
    _check_champion(notes)
    known = predictors(project)
    for name, model in project.models.items():
        if not _check_kind(notes, name, model):
            continue
        seen = _check_sight(notes, name, model, known)
        if _check_names(notes, name, model) and seen is not None:
            _check_making(notes, name, model, seen)


def _check_champion(notes: Notes) -> None:
    project = notes.project
    if FILE in notes.gaps.files or notes.gaps.may_hold(SETTINGS, "champion"):
        return
    names, champion = project.models, project.settings.champion
    count = len(names) + sum(file == FILE for file, _ in notes.gaps.names)
    if champion is not None:
        known = list(names) or [USUAL.name]
        notes.expect_name(champion, known, FILE, "model", SETTINGS, ["champion"])
    elif count > 1:
        message = f"{count} models and none is the champion"
        notes.report(FILE, [], message, f"name the one that decides in {SETTINGS}: 'champion: NAME'", "no-champion")
    if project.settings.promotion is not None and count < 2:
        message, remedy = "no other model is there to take over", f"add one to {FILE}, or remove the key"
        path: list[str | int] = ["promotion"]
        notes.report(SETTINGS, path, message, remedy, "no-challenger", key=True, where=path)


def _check_kind(notes: Notes, name: str, model: Model) -> bool:
    if model.kind in MODELS:
        return True
    message, remedy = f"unknown kind of model '{model.kind}'", suggest(model.kind, MODELS, "known kinds")
    notes.report(FILE, [name, "kind"], message, remedy, "unknown-kind")
    return False


def _check_sight(notes: Notes, name: str, model: Model, known: tuple[Predictor, ...]) -> list[Predictor] | None:
    """Check what a model may see; give that, None where it is not clear."""
    project = notes.project
    before = len(notes.problems)
    allowed = {one.name for one in known}
    declared = named(project).keys() - per_action(project)
    for key, wanted in (("sees", model.sees or ()), ("hides", model.hides)):
        for index, attribute in enumerate(wanted):
            place: list[str | int] = [name, key, index]
            if attribute not in declared:
                _unknown(notes, attribute, place, sorted(declared))
            elif attribute not in allowed and key == "sees":
                message = f"'{attribute}' is barred from models (predictor: false)"
                remedy = "remove it here; only its own declaration can open it to models"
                notes.report(FILE, place, message, remedy, "barred-attribute")
    if len(notes.problems) > before:
        return None
    return [one for one in known if one.name not in model.hides and (model.sees is None or one.name in model.sees)]


def _unknown(notes: Notes, attribute: str, place: list[str | int], declared: list[str]) -> None:
    scope, _, name = attribute.partition(".")
    file = files(notes.project).get(scope)
    if file is not None and notes.gaps.may_hold(file, name):
        return
    message = f"unknown attribute '{attribute[:100]}'"
    remedy = suggest(attribute, declared, "known attributes")
    notes.report(FILE, place, message, remedy, "unknown-attribute")


def _check_names(notes: Notes, name: str, model: Model) -> bool:
    """Say whether the kind has all settings that are given, and they are of its types."""
    parameters = inspect.signature(MODELS[model.kind]).parameters
    known = {one: parameter.annotation for one, parameter in parameters.items() if one not in GIVEN}
    before = len(notes.problems)
    for setting, value in model.settings.items():
        place = [name, "settings", setting]
        if setting not in known:
            message = f"kind '{model.kind}' has no setting '{setting}'"
            remedy = suggest(setting, known, "its settings") if known else "remove it; this kind has no settings"
            notes.report(FILE, place, message, remedy, "unknown-setting", key=True)
        elif not _fits(value, str(known[setting])):
            message = f"expected {WORDS[str(known[setting])]}, found {_called(value)}"
            notes.report(FILE, place, message, "see docs/guides/models.md", "wrong-setting")
    for setting in known:
        if parameters[setting].default is inspect.Parameter.empty and setting not in model.settings:
            message = f"kind '{model.kind}' needs the setting '{setting}'"
            notes.report(FILE, [name], message, "add it, see docs/guides/models.md", "missing-setting", key=True)
    return len(notes.problems) == before


def _fits(value: object, annotation: str) -> bool:
    if annotation not in TYPES:
        return True
    return isinstance(value, TYPES[annotation]) and isinstance(value, bool) == (annotation == "bool")


def _called(value: object) -> str:
    for annotation, word in (("bool", "true or false"), ("float", "a number"), ("str", "a text")):
        if _fits(value, annotation):
            return word
    return "a list"


def _report_fault(notes: Notes, name: str, model: Model, text: str) -> None:
    """Report why a model cannot be made, at the setting with whose name the text begins, or at its kind.

    Texts of members speak of names, types and ranges, never of anybody's data.
    """
    place, _, said = text.partition(": ")
    if place == "kind":
        message, _, remedy = said.partition("; ")
        remedy = f"{remedy}, or choose another kind"
        notes.report(FILE, [name, "kind"], message, remedy, "missing-package")
    elif place in model.settings:
        notes.report(FILE, [name, "settings", place], said, "see docs/guides/models.md", "wrong-setting")
    else:
        notes.report(FILE, [name, "settings"], text, "see docs/guides/models.md", "wrong-setting")


def _check_making(notes: Notes, name: str, model: Model, seen: list[Predictor]) -> None:
    """Make the model: what else is wrong with its settings, or is not installed, shows then."""
    try:
        heads = list(notes.project.outcomes) or ["outcome"]
        make_model(model.kind, seen, heads, "numpy", settings(notes.project, model))
    except ImportError as error:
        package = (error.name or "a package").partition(".")[0]
        message = f"kind '{model.kind}' needs {package}, which is not installed here"
        notes.report(FILE, [name, "kind"], message, "install it, or choose another kind", "missing-package")
    except ValueError as error:
        _report_fault(notes, name, model, str(error)[:300])
    except TypeError:
        message = f"kind '{model.kind}' cannot be made with these settings"
        notes.report(FILE, [name, "settings"], message, "see docs/guides/models.md", "wrong-setting")
