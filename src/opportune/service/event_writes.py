"""From an event to its write: judged by the strategy, with all that is wrong."""

from __future__ import annotations

from opportune.customers.identity import CUSTOMER
from opportune.customers.intake import Event
from opportune.errors import InputError, Problem, UnknownError
from opportune.records import DecisionRequest
from opportune.service.naming import id_problem, unknown_name
from opportune.storage import RecordEvent, moment_fault
from opportune.strategy.compile import Registries

__all__ = ["EVENTS_MAX", "event_write", "events_in", "ids_wrong", "refuse_if"]

EVENTS_MAX = 100
"""Events in one decision request."""


def event_write(registries: Registries, event: Event) -> RecordEvent:
    """Judge an event by the strategy.

    Raises:
        InputError: with all that is wrong.
    """
    problems = ids_wrong(id=event.id, session=event.session)
    kind, identifier = CUSTOMER, event.customer
    if event.identifiers:
        try:
            kind, identifier = registries.identifiers.read(identifier, event.identifiers)[0]
        except InputError as error:
            problems += error.problems
    elif identifier is not None:
        problems += ids_wrong(customer=identifier)
    moment = event.occurred_at
    fault = None if moment is None else moment_fault(moment)
    if fault is not None:
        problems.append(Problem("", 0, 0, "occurred_at", *fault, "invalid-request"))
    registry = registries.events.get(event.type)
    if registry is None:
        problems.insert(0, unknown_name("type", "event type", event.type, registries.events, "unknown-event-type"))
        raise UnknownError(problems, "unknown-event-type")
    try:
        attributes, _ = registry.typed(event.attributes)
    except InputError as error:
        raise InputError([*problems, *error.problems], "invalid-attribute") from None
    refuse_if(problems)
    return RecordEvent(
        id=event.id,
        type=event.type,
        identifier=identifier,
        identifier_kind=kind,
        attributes=attributes if type(attributes) is dict else dict(attributes),
        session=event.session,
        occurred_at=moment,
    )


def events_in(registries: Registries, request: DecisionRequest) -> list[Problem]:
    """Say what is wrong with the events of a request."""
    events = request.events or ()
    if len(events) > EVENTS_MAX:
        message = f"expected at most {EVENTS_MAX} events, found {len(events)}"
        return [Problem("", 0, 0, "events", message, "send the others to /v1/events", "invalid-request")]
    problems: list[Problem] = []
    for place, event in enumerate(events):
        one = Event(id=event.id or "-", type=event.type, attributes=event.attributes, occurred_at=event.occurred_at)
        try:
            event_write(registries, one)
        except InputError as error:
            problems += [_at(place, problem) for problem in error.problems]
    return problems


def _at(place: int, problem: Problem) -> Problem:
    where = f"events[{place}].{problem.where}"
    return Problem("", 0, 0, where, problem.message, problem.remedy, problem.code)


def ids_wrong(**ids: str | None) -> list[Problem]:
    """Say what is wrong with ids, by their fields."""
    found = (id_problem(where, text) for where, text in ids.items() if text is not None)
    return [problem for problem in found if problem is not None]


def refuse_if(problems: list[Problem]) -> None:
    """Refuse what has problems.

    Raises:
        InputError: with all of them.
    """
    if problems:
        raise InputError(problems, problems[0].code)
