"""`opportune decide`: one decision from files, with all reasons."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, TypeVar

import msgspec
import typer

from opportune.cli.contact import KEYS, named_problem, read_attributes, read_customer, read_object, read_profile
from opportune.cli.output import JsonOption, fail, failures, out, print_json
from opportune.cli.reasons import print_decision
from opportune.cli.standing import facts_of_features, facts_of_session, facts_of_units, standing_of
from opportune.customers.texts import FoundInText
from opportune.decide import Draws, State, decide, explain, gather, holds_of, places_of, seed_of, tired_of, visible
from opportune.decide.limits.windows import micros
from opportune.decide.zones import OWN_ZONE, zone_of
from opportune.errors import InputError, Problem
from opportune.outcomes import Learner, new_model
from opportune.records import DecisionRequest, PlacementRequest
from opportune.service.contacts import read_contact
from opportune.service.course import Course
from opportune.service.profiles import KnownProfile
from opportune.service.publishing import as_published, known_in
from opportune.service.quality import doubts_of
from opportune.service.revisions import Strategy, strategy_from_folder
from opportune.storage import Storage, open_storage
from opportune.strategy.gathering import gathered_of
from opportune.strategy.imagined import imagined
from opportune.strategy.quality import freshness
from opportune.strategy.sections.personas import Persona

__all__ = ["decide_command"]

T = TypeVar("T")

OF_SOMEBODY = {"customer", "consents", "events", "units"}
"""Keys of a contact that say that it is somebody's; features are of persons."""


def decide_command(
    project: Annotated[Path, typer.Argument(help="Folder of the strategy.")],
    contact: Annotated[
        str, typer.Argument(help="The contact as JSON, or a file of it: " + ", ".join(KEYS) + ".")
    ] = "{}",
    customer: Annotated[
        str,
        typer.Option(
            help="Attributes of the customer as JSON or a file of them; with --store also an identifier. "
            "Replaces those of CONTACT."
        ),
    ] = "",
    context: Annotated[
        str, typer.Option(help="Attributes of the context as JSON, or a file of them. Replaces those of CONTACT.")
    ] = "",
    channel: Annotated[str, typer.Option(help="Channel; the strategy's first if left out.")] = "",
    placement: Annotated[str, typer.Option(help="Placement; the channel's first if left out.")] = "",
    size: Annotated[int, typer.Option(help="How many actions; 0 takes the placement's own size.", min=0, max=100)] = 0,
    at: Annotated[str, typer.Option(help="Moment, such as 2026-05-04T18:00:00Z; now if left out.")] = "",
    store: Annotated[
        str,
        typer.Option(help="Store whose model decides, and that knows customers and sessions; untrained if left out."),
    ] = "",
    as_json: JsonOption = False,
) -> None:
    """Make one decision from files, with the reasons.

    It is made as the service would make it, and is not recorded. Consents, events, units and text are written as
    in a persona test; without a store nothing else was said and nothing else happened.
    """
    with failures(as_json), ExitStack() as opened:
        strategy = strategy_from_folder(project)
        given = _contact(contact)
        given |= _options(customer, context, channel, placement, size, at, bool(store))
        storage = opened.enter_context(open_storage(store, read_only=True)) if store else None
        request, moment, profile, said = _request(strategy, given, storage)
        if storage is not None:
            strategy = known_in(Course(storage), strategy)
        learner = _learner(strategy, storage)
        plan, key = strategy.plan, profile.key
        zone = zone_of(profile.facts.get(OWN_ZONE), plan.zone, request.zone)
        read = FoundInText({}, ())
        if strategy.registries.texts is not None and said.text:
            read = strategy.registries.texts.read(said.text, request.language)
        is_nobody = not given.keys() & OF_SOMEBODY
        of_profile: tuple[str, ...] = ()
        if profile.person is not None:
            of_profile = doubts_of(freshness(strategy.project), strategy, profile, micros(moment)).doubts
        cleared = [name for name, value in given.get("context", {}).items() if value is None]
        known = {
            **facts_of_session(strategy, storage, key, request.session, moment, cleared),
            **read.facts,
            **facts_of_units(strategy, storage, key, said),
            **({} if is_nobody else facts_of_features(strategy, storage, key, said, moment, zone)),
        }
        standing = standing_of(plan, storage, key, moment, said, zone)
        facts = gather(plan, profile.facts, request, moment, known)
        holds = holds_of(plan, standing, facts, moment, places_of(plan, request), request)
        facts = dict(visible(plan, holds, facts, request))
        found = gathered_of(
            strategy.sources, profile.facts, request, moment, known, holds=holds, personal=plan.limits.personal
        )
        state = State(
            model=learner.model,
            position=learner.position,
            person=profile.person,
            profile=profile.facts,
            profile_version=profile.version,
            holds=holds,
            tired=tired_of(plan, standing, facts, moment),
            gathered=found.facts,
            doubts=(*of_profile, *read.doubts, *found.doubts),
        )
        decision = decide(plan, state, request, moment, Draws(seed_of(plan, state, request)))
        decision = msgspec.structs.replace(decision, id="not recorded")
        explanation = explain(plan, decision, learner.model)
    if as_json:
        print_json({"decision": decision, "explanation": explanation})
        return
    if not store:
        out.print("untrained model: every action has the same propensity; --store takes what was learned")
    print_decision(decision, explanation, strategy.plan.channels[request.channel].outcomes)


def _options(
    customer: str, context: str, channel: str, placement: str, size: int, at: str, has_store: bool
) -> dict[str, Any]:
    given: dict[str, Any] = {"channel": channel, "placement": placement, "size": size, "at": at}
    given = {name: value for name, value in given.items() if value}
    if customer:
        given["customer"] = read_customer(customer, has_store)
    if context:
        given["context"] = read_object(context, "--context")
    return given


def _contact(text: str) -> dict[str, Any]:
    given = read_object(text, "contact")
    unknown = [name for name in given if name not in KEYS]
    if unknown:
        fail(f"contact: unknown key '{unknown[0][:50]}'; known: {', '.join(KEYS)}")
    return given


def _request(
    strategy: Strategy, given: Mapping[str, Any], storage: Storage | None
) -> tuple[DecisionRequest, datetime, KnownProfile, Persona]:
    """Make the request, its moment, what is known of the customer, and what is imagined beside that.

    Raises:
        InputError: with all that is wrong.
    """
    problems: list[Problem] = []

    def collected(read: Callable[[], T]) -> T | None:
        try:
            return read()
        except InputError as error:
            problems.extend(error.problems)
            return None

    context = collected(lambda: read_attributes(strategy.registries.context, given.get("context", {}), "context"))
    request = collected(lambda: _shape(strategy, given, context or {}))
    profile = collected(lambda: read_profile(strategy, given.get("customer", {}), storage))
    moment = collected(lambda: _moment(given.get("at")))
    said = collected(lambda: imagined(strategy.project, given, moment or datetime.now(UTC)))
    if problems or request is None or profile is None or moment is None or said is None:
        raise InputError(problems)
    return request, moment, profile, said


def _shape(strategy: Strategy, given: Mapping[str, Any], context: Mapping[str, Any]) -> DecisionRequest:
    channels = strategy.plan.channels
    channel = given.get("channel", next(iter(channels)))
    if not isinstance(channel, str):
        raise InputError.of("channel", "expected the name of a channel as text", f"known: {', '.join(channels)}")
    known = channels.get(channel)
    placement = given.get("placement", next(iter(known.placements)) if known else "")
    try:
        wanted = msgspec.convert({"name": placement, "size": given.get("size")}, PlacementRequest)
        body: dict[str, Any] = {name: given[name] for name in ("language", "zone", "session") if name in given}
        body |= {"id": "command-line", "channel": channel, "placements": (wanted,), "context": context}
        request = msgspec.convert(body, DecisionRequest)
    except msgspec.ValidationError as error:
        raise InputError.of("contact", str(error)) from None
    try:
        return read_contact(strategy.plan, strategy.registries, request)[0]
    except InputError as error:
        raise InputError([named_problem(problem, channel, placement) for problem in error.problems]) from None


def _moment(text: Any) -> datetime:
    if text is None:
        return datetime.now(UTC)
    try:
        moment = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        moment = None
    if moment is None or moment.tzinfo is None:
        raise InputError.of("at", "expected a moment with its offset, such as 2026-05-04T18:00:00Z")
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        message = "expected a moment of the years 1 to 9999 in UTC, found one outside"
        raise InputError.of("at", message, "give a later one, or an earlier one") from None


def _learner(strategy: Strategy, storage: Storage | None) -> Learner:
    if storage is None:
        return Learner(strategy.plan, new_model(strategy.plan, "numpy"))
    return as_published(storage, strategy, "auto")
