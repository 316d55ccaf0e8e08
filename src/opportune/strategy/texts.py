"""What a project reads out of free texts, as the reader that does it."""

from __future__ import annotations

from functools import lru_cache

from opportune.customers.texts import BUNDLED, ReadAttribute, TextModel, TextReader, bundled_model, from_bytes
from opportune.records import ValueType
from opportune.strategy.files import bytes_of, is_text_model_file
from opportune.strategy.project import Project
from opportune.strategy.wording import suggest

__all__ = ["text_model", "text_reader"]

FILES_KEPT = 8
"""Models of projects that stay in memory, those of the current and the last revisions."""


def text_reader(project: Project) -> TextReader | None:
    """Make the reader of a checked project; None where it reads nothing out of texts."""
    if not project.texts:
        return None
    attributes = []
    for name, section in project.texts.items():
        models = [text_model(project, one) for one in section.models]
        attributes.append(
            ReadAttribute(
                name=name,
                models={model.about.language: model for model in models},
                values=section.labels,
                at_least=section.at_least,
                otherwise=section.otherwise,
                is_list=project.context[name].type is ValueType.TEXTS,
            )
        )
    return TextReader(attributes, project.settings.languages[0])


def text_model(project: Project, name: str) -> TextModel:
    """Give a model by the path of its file in the project, or by its name if it comes along.

    Raises:
        KeyError: there is none; its text says what to do.
        ValueError: its file cannot be used.
    """
    if name in BUNDLED:
        return bundled_model(name)
    if name not in project.files or not is_text_model_file(name):
        known = [*BUNDLED, *(path for path in project.files if is_text_model_file(path))]
        raise KeyError(suggest(name, known, "known models"))
    return _read(project.files[name])


@lru_cache(maxsize=FILES_KEPT)
def _read(file: str) -> TextModel:
    """Read a file that was packed; whoever checks a project, compiles it next and reads its first text soon after."""
    return from_bytes(bytes_of(file))
