"""OpenAPI 3.1 from the route table and the records."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, get_args, get_origin

import msgspec

from opportune import __version__
from opportune.service.http.problems import CODES, ProblemBody
from opportune.service.http.route import Parameter, Route

__all__ = ["describe"]

BODY_CODES = ("body-timeout", "malformed-json", "duplicate-key", "too-deep", "too-large", "unsupported-media-type")
COMMON_CODES = (
    "invalid-path",
    "malformed-http",
    "method-not-allowed",
    "headers-too-large",
    "internal-error",
    "not-ready",
    "overloaded",
)
"""Codes that every route may answer."""

_VARIABLE = re.compile(r"{(\w+)}")
_REFERENCES = "#/components/schemas/{name}"


def describe(routes: Iterable[Route]) -> bytes:
    """Write the document."""
    routes = tuple(routes)
    kinds = list(dict.fromkeys(_kinds(routes)))
    _, schemas = msgspec.json.schema_components(kinds, ref_template=_REFERENCES)
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route)
    document = {
        "openapi": "3.1.0",
        "info": {
            "title": "Opportune",
            "version": __version__,
            "summary": "Decides what is best to offer or do next, and learns from every answer.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": paths,
        "components": {"schemas": schemas},
    }
    return msgspec.json.encode(document)


def _kinds(routes: Iterable[Route]) -> Iterable[Any]:
    yield ProblemBody
    for route in routes:
        if route.takes is not None:
            yield route.takes
        for answer in route.gives.values():
            yield from (kind for kind in _alternatives(answer) if _is_record(kind))


def _alternatives(answer: Any) -> tuple[Any, ...]:
    return answer if isinstance(answer, tuple) else (answer,)


def _is_record(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct)


def _schema(kind: Any) -> dict[str, Any]:
    if _is_record(kind):
        return {"$ref": _REFERENCES.format(name=kind.__name__)}
    if get_origin(kind) is dict and len(get_args(kind)) == 2:
        return {"type": "object"}
    return {"type": "string"}


def _operation(route: Route) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": route.handler.__name__.lstrip("_"),
        "summary": route.summary,
        "responses": {str(status): _answer(route, status, answer) for status, answer in route.gives.items()},
    }
    operation["responses"].update(_refusals(route))
    parameters = [_variable(name) for name in _VARIABLE.findall(route.path)]
    parameters += [_parameter(parameter) for parameter in route.parameters]
    if parameters:
        operation["parameters"] = parameters
    if route.takes is not None:
        operation["requestBody"] = {"required": True, "content": _bodies(route)}
    return operation


def _answer(route: Route, status: int, answer: Any) -> dict[str, Any]:
    described: dict[str, Any] = {"description": "Some items were refused." if status == 207 else "Done."}
    if isinstance(answer, str):
        described["content"] = {answer: {"schema": {"type": "string"}}}
        return described
    options = [_schema(kind) for kind in _alternatives(answer)]
    described["content"] = {"application/json": {"schema": options[0] if len(options) == 1 else {"oneOf": options}}}
    if route.answer_headers:
        described["headers"] = {
            header.name: {"description": header.description, "schema": header.schema} for header in route.answer_headers
        }
    return described


def _refusals(route: Route) -> dict[str, Any]:
    codes = {*route.refuses, *COMMON_CODES, *(BODY_CODES if route.takes is not None else ())}
    by_status: dict[int, list[str]] = {}
    for code in sorted(codes):
        by_status.setdefault(CODES[code][0], []).append(code)
    refusals = {}
    for status, names in sorted(by_status.items()):
        refusal: dict[str, Any] = {
            "description": "Codes: " + ", ".join(names) + ".",
            "content": {"application/problem+json": {"schema": _schema(ProblemBody)}},
        }
        if status == 503:
            refusal["headers"] = {
                "Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer", "minimum": 0}}
            }
        if status == 405:
            refusal["headers"] = {"Allow": {"description": "Methods of this path.", "schema": {"type": "string"}}}
        refusals[str(status)] = refusal
    return refusals


def _variable(name: str) -> dict[str, Any]:
    schema = {"type": "string", "minLength": 1, "maxLength": 256}
    return {"name": name, "in": "path", "required": True, "schema": schema}


def _parameter(parameter: Parameter) -> dict[str, Any]:
    return {
        "name": parameter.name,
        "in": parameter.place,
        "required": False,
        "description": parameter.description,
        "schema": parameter.schema,
    }


def _bodies(route: Route) -> dict[str, Any]:
    record = {"anyOf": [_schema(route.takes), *route.shapes]} if route.shapes else _schema(route.takes)
    listed = {"type": "array", "items": record}
    forms = [record] * route.takes_one + [listed] * route.takes_list
    content: dict[str, Any] = {}
    for media in route.media:
        if media.endswith(b"ndjson"):
            content[media.decode()] = {"schema": {"type": "string", "description": "One record per line."}}
        else:
            content[media.decode()] = {"schema": forms[0] if len(forms) == 1 else {"oneOf": forms}}
    return content
