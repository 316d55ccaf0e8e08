"""Texts of treatments as templates: what they name, and what they say where that is missing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from opportune.decide.content import Template, is_template, template_of
from opportune.learning.base import CandidateKey
from opportune.strategy.feature_types import feature_attribute, per_action
from opportune.strategy.named import Named
from opportune.strategy.project import Project

__all__ = ["attribute_of", "keys_of", "missing_text", "templates_of"]


def templates_of(
    project: Project, candidates: Sequence[CandidateKey]
) -> dict[tuple[int, str], tuple[tuple[str, Template], ...]]:
    """Compile the templates of all candidates, by candidate and language."""
    found = {}
    for index, key in enumerate(candidates):
        content = project.actions[key.action].treatments[key.channel][key.treatment].content
        for language, texts in content.items():
            compiled = tuple(_compiled(project, texts, language))
            if compiled:
                found[index, language] = compiled
    return found


def _compiled(project: Project, texts: Mapping[str, str], language: str) -> Iterator[tuple[str, Template]]:
    for part, text in texts.items():
        if is_template(text):
            named = keys_of(template_of(part, text, language, {}))
            yield part, template_of(part, text, language, {key: missing_text(project, key, language) for key in named})


def keys_of(template: Template) -> dict[str, int]:
    """Give what a template names → offset of its first mention; a name of one part alone is given as it stands."""
    found: dict[str, int] = {}
    for mentions in template.compiled.analyze(include_partials=False).globals.values():
        for mention in mentions:
            key = ".".join(str(segment) for segment in mention.segments[:2])
            found.setdefault(key, mention.span.index)
    return found


def attribute_of(project: Project, key: str) -> Named | None:
    """Give what is declared of a fact key that texts may name."""
    source, _, name = key.partition(".")
    if source == "customer":
        return project.attributes.get(name)
    if source == "feature":
        return None if key in per_action(project) else feature_attribute(project, name)
    return project.context.get(name) if source == "context" else project.unit_attributes.get(key)


def missing_text(project: Project, key: str, language: str) -> str:
    """Give what a text says where a value is missing; "" where nothing is declared."""
    attribute = attribute_of(project, key)
    declared = None if attribute is None else attribute.if_missing
    return declared.get(language, "") if isinstance(declared, dict) else declared or ""
