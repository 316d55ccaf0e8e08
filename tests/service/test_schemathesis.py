"""A generator of requests that knows nothing but /openapi.json finds nothing that contradicts it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import CHECKS

from opportune.service.http import ROUTES

from .process import Running, running

EXAMPLES = 40
EXAMPLES_OF_COSTLY = 8
COSTLY = {"/v1/models/rebuilds"}
"""Paths where an answer takes a process of its own."""


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("schema") / "shop.db") as one:
        yield one


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
def test_generated_requests_are_answered_as_described(service: Running, route: object) -> None:
    schema = schemathesis.openapi.from_url(service.url + "/openapi.json")
    # Names of channels, actions and attributes are the strategy's; a schema of the service cannot know them.
    (unknowable,) = CHECKS.get_by_names(["positive_data_acceptance"])
    operation = schema[route.path][route.method]  # type: ignore[attr-defined]

    examples = EXAMPLES_OF_COSTLY if route.path in COSTLY else EXAMPLES  # type: ignore[attr-defined]

    @settings(max_examples=examples, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(case=operation.as_strategy())
    def answered(case: schemathesis.Case) -> None:
        case.validate_response(case.call(base_url=service.url), excluded_checks=[unknowable])

    answered()
