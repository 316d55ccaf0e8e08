"""The port to CEL's own engine: the only file that knows its Python package."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from cel_expr_python import cel

from opportune.records import Value, ValueType
from opportune.rules import domain

__all__ = ["Complaint", "Engine", "EngineError", "engine_for"]

_TYPES = {
    ValueType.BOOLEAN: cel.Type.BOOL,
    ValueType.INTEGER: cel.Type.INT,
    ValueType.NUMBER: cel.Type.DOUBLE,
    ValueType.TEXT: cel.Type.STRING,
    ValueType.TIMESTAMP: cel.Type.TIMESTAMP,
    ValueType.TEXTS: cel.Type.List(cel.Type.STRING),
}
_COMPLAINT = re.compile(r"ERROR: <input>:(\d+):(\d+): (.*?)(?: \[[A-Z_]+\])?$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Complaint:
    """One thing that the engine says about a text; line and column are 1-based, 0 where it gave none."""

    line: int
    column: int
    text: str


class EngineError(Exception):
    """The engine refuses a text."""

    def __init__(self, complaints: list[Complaint]) -> None:
        self.complaints = complaints
        super().__init__("; ".join(complaint.text for complaint in complaints))


class Engine:
    """CEL's engine with our variables and functions declared."""

    def __init__(self, variables: Mapping[str, ValueType]) -> None:
        self._env = cel.NewEnv(
            variables={name: _TYPES[kind] for name, kind in variables.items()},
            functions=[_declare(function) for function in domain.FUNCTIONS],
        )

    def parse(self, source: str) -> bytes:
        """Give the serialised syntax tree, unchecked.

        Raises:
            EngineError: the text is no CEL.
        """
        return self.compile(source, unchecked=True).serialize()  # type: ignore[no-any-return]

    def check(self, source: str) -> bytes:
        """Give the serialised, type-checked syntax tree.

        Raises:
            EngineError: the text is no CEL, or its types do not fit.
        """
        return self.compile(source).serialize()  # type: ignore[no-any-return]

    def evaluate(self, source: str, facts: Mapping[str, Value]) -> Any:
        """Evaluate with CEL's own evaluator; an EngineError tells of a missing variable or a run-time error."""
        try:
            result = _compiled(self, source).eval(data=dict(facts))
        except (RuntimeError, TypeError, ValueError) as error:
            raise EngineError([Complaint(0, 0, "CEL's engine does not take these values")]) from error
        if result.type() == cel.Type.ERROR:
            raise EngineError([Complaint(0, 0, str(result.value()))])
        return result.plain_value()

    def compile(self, source: str, unchecked: bool = False) -> Any:
        """Give the engine's own expression, for this module only."""
        try:
            return self._env.compile(source, disable_check=unchecked)
        except RuntimeError as error:
            raise EngineError(_complaints(str(error))) from error


def _complaints(text: str) -> list[Complaint]:
    found = [Complaint(int(line), int(column), message) for line, column, message in _COMPLAINT.findall(text)]
    return found or [Complaint(0, 0, text.removesuffix(" [INVALID_ARGUMENT]"))]


def _declare(function: domain.Function) -> Any:
    overload = cel.Overload(
        function.name,
        return_type=_TYPES[function.result],
        parameters=[_TYPES[kind] for kind in function.parameters],
        impl=_adapter(function),
    )
    return cel.FunctionDecl(function.name, [overload])


def _adapter(function: domain.Function) -> Any:
    def call(*args: Any) -> Any:
        return function.call(*args)

    return call


@lru_cache(maxsize=4096)
def _compiled(engine: Engine, source: str) -> Any:
    return engine.compile(source)


@lru_cache(maxsize=64)
def engine_for(variables: frozenset[tuple[str, ValueType]]) -> Engine:
    """Give the engine for a set of variables; building one is slow, so they are kept."""
    return Engine(dict(variables))


def is_missing(error: EngineError) -> str | None:
    """Give the name of the missing variable that the error tells of."""
    found = re.search(r'No value with name "([^"]+)"', str(error))
    return found.group(1) if found else None
