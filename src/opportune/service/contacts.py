"""Reading a decision request against the strategy: every problem at once, values typed, no value repeated."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import replace

from opportune.decide.plan import Channel, Plan
from opportune.decide.zones import is_zone
from opportune.errors import InputError, Problem, UnknownError
from opportune.records import DecisionRequest
from opportune.service.event_writes import events_in
from opportune.service.naming import id_problem, unknown_name
from opportune.storage import id_fault
from opportune.strategy.compile import Registries

__all__ = ["id_problem", "read_contact", "unknown_name"]

PLACEMENTS_MAX = 20
SIZE_MAX = 100


def read_contact(
    plan: Plan, registries: Registries, request: DecisionRequest
) -> tuple[DecisionRequest, tuple[str, ...]]:
    """Check a request, type its context and write its identifiers as they are compared.

    Returns:
        the request with all that, and the names of context attributes that were ignored.

    Raises:
        InputError: with all that is wrong.
    """
    problems = _names(request)
    channel = plan.channels.get(request.channel)
    if channel is None:
        problems.append(unknown_name("channel", "channel", request.channel, plan.channels, "unknown-channel"))
    else:
        problems += _placements(channel, request)
    if request.zone is not None and not is_zone(request.zone):
        problems.append(_problem("zone", "expected the IANA name of a time zone, such as Europe/Warsaw"))
    if request.identifiers:
        try:
            named = registries.identifiers.read(request.customer, request.identifiers)
            request = replace(request, identifiers=dict(named))
        except InputError as error:
            problems += error.problems
    if request.events:
        problems += events_in(registries, request)
    if not request.context:
        if problems:
            raise _error(problems)
        return request, ()
    try:
        context, ignored = registries.context.typed(request.context)
    except InputError as error:
        raise _error(problems + error.problems) from None
    if problems:
        raise _error(problems)
    return (request if context is request.context else replace(request, context=dict(context))), ignored


def _names(request: DecisionRequest) -> list[Problem]:
    problems = []
    texts = [("id", request.id), ("customer", request.customer), ("session", request.session)]
    if request.identifiers:
        texts += [("identifiers", text) for text in request.identifiers.values()]
    for where, text in texts:
        fault = "" if text is None else id_fault(text)
        if fault:
            problems.append(_problem(where, fault))
    return problems


def _placements(channel: Channel, request: DecisionRequest) -> Iterator[Problem]:
    if not 0 < len(request.placements) <= PLACEMENTS_MAX:
        yield _problem("placements", f"expected 1 to {PLACEMENTS_MAX} placements, found {len(request.placements)}")
        return
    seen = set()
    for number, wanted in enumerate(request.placements):
        where = f"placements[{number}]"
        if wanted.name not in channel.placements:
            yield unknown_name(f"{where}.name", "placement", wanted.name, channel.placements, "unknown-placement")
        elif wanted.name in seen:
            yield _problem(f"{where}.name", "expected every placement once, found one twice", "ask for it with a size")
        if wanted.size is not None and not 1 <= wanted.size <= SIZE_MAX:
            yield _problem(f"{where}.size", f"expected 1 to {SIZE_MAX}, found a number outside")
        seen.add(wanted.name)


def _problem(where: str, message: str, remedy: str = "") -> Problem:
    return Problem("", 0, 0, where, message, remedy, "invalid-request")


def _error(problems: list[Problem]) -> InputError:
    """Make one error; its code is that of the first name that does not exist, if there is one."""
    unknown = next((problem.code for problem in problems if problem.code.startswith("unknown-")), None)
    if unknown is not None:
        return UnknownError(problems, unknown)
    return InputError(problems, problems[0].code)
