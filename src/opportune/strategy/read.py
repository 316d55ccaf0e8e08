"""Reading one section: from nodes to typed data, going on after a fault as far as that makes sense."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches
from typing import TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from opportune.errors import Problem
from opportune.strategy.source import Node, find, plain, quote
from opportune.strategy.wording import Path, keys_at, where_of, wording

__all__ = ["read_rest", "read_section"]

PASSES_MAX = 5
"""Unknown keys found in one pass may uncover others below them in the next."""
FREE = ("settings",)
"""Keys below which a model says what it wants: there a text may stand in a list twice."""

M = TypeVar("M", bound=BaseModel)


def read_section(model: type[M], node: Node, file: str, above: Path = ()) -> tuple[M | None, list[Problem]]:
    """Read a section and list its problems.

    An unknown key is reported and then read as the one that was probably meant, or left out, so that the rest of the
    section can still be examined; any other fault makes the section None.

    Args:
        above: keys that lead from the file to the section.
    """
    problems: list[Problem] = []
    for _ in range(PASSES_MAX):
        try:
            section = model.model_validate(plain(node))
            found = problems + _without_value(model, node, file, above, problems)
            return section, found + [_listed_twice(node, path, file, above) for path in _repeated(section, [])]
        except ValidationError as failure:
            errors = failure.errors(include_url=False, include_input=False)
        errors = [error for error in errors if not _follows(error, errors)]
        unknown = [error for error in errors if error["type"] == "extra_forbidden"]
        problems += [wording(error, node, model, file, above) for error in unknown or errors]
        if not unknown:
            return None, problems + _without_value(model, node, file, above, problems)
        for error in unknown:
            node = _mend(model, node, error)
    return None, problems


def _without_value(
    model: type[BaseModel], node: Node, file: str, above: Path, problems: Sequence[Problem]
) -> list[Problem]:
    """List keys with nothing behind them, which would silently mean the default; `problems` tell others already."""
    told = {(problem.line, problem.column) for problem in problems}
    return [
        Problem(
            file,
            empty.key_line,
            empty.key_column,
            where_of([*above, *path[:-1]]),
            f"nothing stands behind '{path[-1]}:'",
            "write what it asks, or remove it",
            "missing",
        )
        for path, empty in _empty(node, [])
        if (empty.line, empty.column) not in told and path[-1] in keys_at(model, path[:-1])
    ]


def _empty(node: Node, path: list[str | int]) -> Iterator[tuple[list[str | int], Node]]:
    """Give the keys below a node that have no value; an item of a list may be an open side of a range."""
    if isinstance(node.value, dict):
        for key, item in node.value.items():
            if item.value is None:
                yield [*path, key], item
            else:
                yield from _empty(item, [*path, key])
    elif isinstance(node.value, list):
        for index, item in enumerate(node.value):
            yield from _empty(item, [*path, index])


def _listed_twice(root: Node, path: Path, file: str, above: Path) -> Problem:
    node, steps = find(root, path)
    where, message = where_of([*above, *steps]), f"{quote(str(node.value))} is listed twice"
    return Problem(file, node.line, node.column, where, message, "remove one of both", "duplicate")


def _repeated(section: BaseModel, path: list[str | int]) -> Iterator[list[str | int]]:
    """Give the places of texts that stand in a list of the section a second time."""
    for name, field in type(section).model_fields.items():
        if name not in FREE:
            yield from _repeated_in(getattr(section, name), [*path, field.alias or name])


def _repeated_in(value: object, path: list[str | int]) -> Iterator[list[str | int]]:
    if isinstance(value, BaseModel):
        yield from _repeated(value, path)
    elif isinstance(value, tuple):
        for index, item in enumerate(value):
            if isinstance(item, str) and item in value[:index]:
                yield [*path, index]
            yield from _repeated_in(item, [*path, index])
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _repeated_in(item, [*path, key])


def _follows(error: ErrorDetails, errors: Sequence[ErrorDetails]) -> bool:
    """Tell whether a list is too short only because an item of it is wrong."""
    loc = error["loc"]
    return error["type"] == "too_short" and any(
        other["loc"][: len(loc)] == loc and len(other["loc"]) > len(loc) for other in errors
    )


def read_rest(model: type[M], node: Node, stand_ins: Mapping[str, Node]) -> tuple[M | None, frozenset[str]]:
    """Read what is sound of a section that `read_section` could not read.

    Args:
        stand_ins: what takes the place of keys that the section needs.

    Returns:
        the section without the keys that are wrong, None where that cannot be had; and these keys.
    """
    wrong: set[str] = set()
    for _ in range(PASSES_MAX):
        try:
            return model.model_validate(plain(node)), frozenset(wrong)
        except ValidationError as failure:
            errors = failure.errors(include_url=False, include_input=False)
        unknown = [error for error in errors if error["type"] == "extra_forbidden"]
        for error in unknown:
            node = _mend(model, node, error)
        keys = {str(error["loc"][0]) for error in errors if error["loc"]} if not unknown else set()
        if not isinstance(node.value, dict) or not (unknown or keys):
            break
        kept = {key: item for key, item in node.value.items() if key not in keys}
        node = replace(node, value=kept | {key: stand_ins[key] for key in keys if key in stand_ins})
        wrong |= keys
    return None, frozenset(wrong)


def _mend(model: type[BaseModel], root: Node, error: ErrorDetails) -> Node:
    """Give the nodes with the unknown key renamed to the one that was probably meant, or without it."""
    loc = tuple(error["loc"])
    _, steps = find(root, loc)
    parent, _ = find(root, steps[:-1])
    present = parent.value if isinstance(parent.value, dict) else {}
    close = get_close_matches(str(loc[-1]), keys_at(model, loc[:-1]), n=1, cutoff=0.6)
    meant = close[0] if close and close[0] not in present else None
    return _renamed(root, steps[:-1], str(loc[-1]), meant)


def _renamed(node: Node, path: Path, key: str, meant: str | None) -> Node:
    if isinstance(node.value, list) and path:
        items = [_renamed(item, path[1:], key, meant) if at == path[0] else item for at, item in enumerate(node.value)]
        return replace(node, value=items)
    if not isinstance(node.value, dict):
        return node
    if path:
        step = str(path[0])
        return replace(node, value={**node.value, step: _renamed(node.value[step], path[1:], key, meant)})
    names = ((meant if name == key else name, item) for name, item in node.value.items())
    return replace(node, value={name: item for name, item in names if name is not None})
