"""Do former names lead to one name each, and to none that is still there?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from opportune.strategy.checks.notes import Notes

__all__ = ["check_former_names"]

Place = tuple[str, list[str | int]]
"""File and keys of a section's `renamed_from`."""


def check_former_names(notes: Notes) -> None:
    """Report former names that are still in use, or that two sections claim."""
    project = notes.project
    groups: dict[str, tuple[Place, Iterable[str]]] = {
        name: ((f"actions/{name}/group.yaml", ["renamed_from"]), group.renamed_from)
        for name, group in project.groups.items()
    }
    actions: dict[str, tuple[Place, Iterable[str]]] = {
        name: ((project.action_file(name), ["renamed_from"]), action.renamed_from)
        for name, action in project.actions.items()
    }
    models: dict[str, tuple[Place, Iterable[str]]] = {
        name: (("models.yaml", [name, "renamed_from"]), model.renamed_from) for name, model in project.models.items()
    }
    _check(notes, "model", models)
    _check(notes, "group", groups)
    _check(notes, "action", actions)
    for name, action in project.actions.items():
        file = project.action_file(name)
        for channel, treatments in action.treatments.items():
            own: dict[str, tuple[Place, Iterable[str]]] = {
                treatment: ((file, ["treatments", channel, treatment, "renamed_from"]), section.renamed_from)
                for treatment, section in treatments.items()
            }
            _check(notes, "treatment", own)


def _check(notes: Notes, noun: str, claims: Mapping[str, tuple[Place, Iterable[str]]]) -> None:
    """Check the names of one kind.

    Args:
        claims: name of today → where its former names stand, and these.
    """
    owners: dict[str, str] = {}
    for name, ((file, path), formers) in claims.items():
        for index, former in enumerate(formers):
            place = path if _is_single(notes, file, path) else [*path, index]
            if former == name:
                message = f"{noun} '{name}' is called so today"
                notes.report(file, place, message, "name what it was called before", "own-name")
            elif former in claims:
                message = f"{noun} '{former}' still exists"
                remedy = f"remove that {noun}, or this former name: state of learning cannot belong to both"
                notes.report(file, place, message, remedy, "name-in-use")
            elif former in owners:
                message = f"{noun} '{owners[former]}' says that it was called '{former}' too"
                notes.report(file, place, message, "leave it with one of both", "name-claimed-twice")
            else:
                owners[former] = name


def _is_single(notes: Notes, file: str, path: list[str | int]) -> bool:
    return not isinstance(notes.node(file, path).value, list)
