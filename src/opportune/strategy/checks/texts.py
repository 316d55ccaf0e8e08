"""Can what is read out of free texts fill the attributes of the context?"""

from __future__ import annotations

from collections.abc import Iterable

from opportune.customers.texts import TextModel
from opportune.records import ValueType
from opportune.strategy.checks.notes import Notes
from opportune.strategy.sections.attributes import ContextAttribute
from opportune.strategy.sections.texts import TextReading
from opportune.strategy.texts import text_model
from opportune.strategy.wording import suggest

__all__ = ["check_texts"]

FILE = "texts.yaml"
CONTEXT = "context.yaml"
NAMED_MAX = 5
"""Values of which one message names so many."""


def check_texts(notes: Notes) -> None:
    """Check models, labels and values of everything that is read out of texts."""
    for name, section in notes.project.texts.items():
        attribute = _attribute(notes, name)
        models = _models(notes, name, section)
        if models is None:
            continue
        _check_labels(notes, name, section, models)
        if attribute is not None:
            _check_values(notes, name, section, attribute, models)


def _attribute(notes: Notes, name: str) -> ContextAttribute | None:
    """Give the attribute that is to be filled; None where that is not clear."""
    if not notes.expect_name(name, notes.project.context, CONTEXT, "context attribute", FILE, [name], key=True):
        return None
    attribute = notes.project.context[name]
    if attribute.type not in (ValueType.TEXT, ValueType.TEXTS):
        message = f"labels are texts, but context attribute '{name}' has type {attribute.type.value}"
        notes.report(FILE, [name], message, "give it the type text or texts", "text-type", key=True, where=[name])
        return None
    if attribute.source is not None:
        message = f"context attribute '{name}' has a source in {CONTEXT} already"
        notes.report(FILE, [name], message, "remove one of both", "filled-twice", key=True, where=[name])
    return attribute


def _models(notes: Notes, name: str, section: TextReading) -> list[TextModel] | None:
    """Give the models; None where one cannot be used, so that its labels are not known."""
    models: list[TextModel] = []
    before = len(notes.problems)
    for index, given in enumerate(section.models):
        if given in section.models[:index]:
            continue
        place: list[str | int] = [name, "models", index]
        try:
            model = text_model(notes.project, given)
        except KeyError as unknown:
            message = f"unknown model of texts '{given}'"
            notes.report(FILE, place, message, str(unknown.args[0]), "unknown-text-model")
            continue
        except ValueError as fault:
            message, _, remedy = str(fault).partition("; ")
            notes.report(FILE, place, f"{given}: {message}", remedy or "train it again", "unfit-text-model")
            continue
        language = model.about.language
        if language in (other.about.language for other in models):
            message = f"a second model for language '{language}'"
            notes.report(FILE, place, message, "keep one of them", "second-model")
        models.append(model)
    return None if len(notes.problems) > before else models


def _check_labels(notes: Notes, name: str, section: TextReading, models: list[TextModel]) -> None:
    """Report labels that no model has, and models none of whose labels gives a value."""
    if section.labels is None:
        return
    known = {label for model in models for label in model.about.labels}
    for label in section.labels:
        if label not in known:
            message = f"unknown label '{label}'"
            remedy = suggest(label, sorted(known), "labels")
            notes.report(FILE, [name, "labels", label], message, remedy, "unknown-label", key=True)
    for index, model in enumerate(models):
        if not set(model.about.labels) & set(section.labels):
            message = f"none of the labels of model '{section.models[index]}' gives a value"
            notes.report(FILE, [name, "models", index], message, f"name them under labels of '{name}'", "no-label")


def _check_values(
    notes: Notes, name: str, section: TextReading, attribute: ContextAttribute, models: list[TextModel]
) -> None:
    """Report what can come out of a text and the attribute does not take."""
    for label, value in (section.labels or {}).items():
        _check_value(notes, [name, "labels", label], value, attribute)
    if section.otherwise is not None:
        _check_value(notes, [name, "otherwise"], section.otherwise, attribute)
    if section.labels is None:
        unfit = [label for model in models for label in model.about.labels if not _takes(attribute, label)]
        if unfit:
            message = f"context attribute '{name}' does not take {_listed(unfit)}, which can come out of a text"
            remedy = f"add them to its values in {CONTEXT}, or say under labels which value each one gives"
            notes.report(FILE, [name, "models"], message, remedy, "unfit-label")


def _check_value(notes: Notes, path: list[str | int], value: str, attribute: ContextAttribute) -> None:
    if _takes(attribute, value):
        return
    message = f"context attribute '{path[0]}' does not take '{value[:100]}'"
    if attribute.values is None:
        notes.report(FILE, path, message, f"shorten it to {attribute.max_length} characters", "unfit-value")
    else:
        notes.report(FILE, path, message, suggest(value, attribute.values, "its values"), "unfit-value")


def _takes(attribute: ContextAttribute, value: str) -> bool:
    is_listed = attribute.values is None or value in attribute.values
    return is_listed and len(value) <= attribute.max_length


def _listed(names: Iterable[str]) -> str:
    names = sorted(set(names))
    more = len(names) - NAMED_MAX
    return ", ".join(f"'{name}'" for name in names[:NAMED_MAX]) + (f" and {more} more" if more > 0 else "")
