"""`opportune decide`: one decision from files, with all reasons."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from opportune.cli.output import JsonOption, fail, failures, out, print_json
from opportune.cli.tables import print_decision
from opportune.decide import Draws, State, decide, explain, seed_of
from opportune.errors import InputError
from opportune.outcomes import Learner, new_model
from opportune.records import DecisionRequest, PlacementRequest
from opportune.service.contacts import read_contact
from opportune.service.revisions import Strategy, strategy_from_folder
from opportune.service.training import trained
from opportune.storage import open_storage

__all__ = ["decide_command"]

KEYS = ("customer", "context", "channel", "placement", "size", "at", "language", "zone", "session")


def decide_command(
    project: Annotated[Path, typer.Argument(help="Folder of the strategy.")],
    contact: Annotated[
        str, typer.Argument(help="The contact as JSON, or a file of it: " + ", ".join(KEYS) + ".")
    ] = "{}",
    customer: Annotated[str, typer.Option(help="Attributes of the customer as JSON, or a file of them.")] = "",
    context: Annotated[str, typer.Option(help="Attributes of the context as JSON, or a file of them.")] = "",
    channel: Annotated[str, typer.Option(help="Channel; the strategy's first if left out.")] = "",
    placement: Annotated[str, typer.Option(help="Placement; the channel's first if left out.")] = "",
    size: Annotated[int, typer.Option(help="How many actions; 0 takes the placement's own size.", min=0, max=100)] = 0,
    at: Annotated[str, typer.Option(help="Moment, such as 2026-05-04T18:00:00Z; now if left out.")] = "",
    store: Annotated[str, typer.Option(help="Store whose model is to be used; untrained if left out.")] = "",
    as_json: JsonOption = False,
) -> None:
    """Make one decision as the service would, record nothing, and show the reasons for every action."""
    with failures(as_json):
        strategy = strategy_from_folder(project)
        given = _contact(contact)
        given |= _options(customer, context, channel, placement, size, at)
        request, moment, facts = _request(strategy, given)
        learner = _learner(strategy, store)
        state = State(model=learner.model, position=learner.position, profile=facts)
        decision = decide(strategy.plan, state, request, moment, Draws(seed_of(strategy.plan, state, request)))
        explanation = explain(strategy.plan, decision, learner.model)
    if as_json:
        print_json({"decision": decision, "explanation": explanation})
        return
    if not store:
        out.print("untrained model: every action has the same propensity; --store takes what was learned")
    print_decision(decision, explanation)


def _options(customer: str, context: str, channel: str, placement: str, size: int, at: str) -> dict[str, Any]:
    given: dict[str, Any] = {"channel": channel, "placement": placement, "size": size, "at": at}
    given = {name: value for name, value in given.items() if value}
    if customer:
        given["customer"] = _json(customer, "--customer")
    if context:
        given["context"] = _json(context, "--context")
    return given


def _contact(text: str) -> dict[str, Any]:
    given = _json(text, "contact")
    unknown = [name for name in given if name not in KEYS]
    if unknown:
        fail(f"contact: unknown key '{unknown[0][:50]}'; known: {', '.join(KEYS)}")
    return given


def _json(text: str, where: str) -> dict[str, Any]:
    """Read an object from JSON, or from a file of it."""
    is_inline = text.lstrip().startswith("{")
    data = text.encode() if is_inline else Path(text).read_bytes()
    try:
        return msgspec.json.decode(data, type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        fail(f"{where}: expected a JSON object: {error}")


def _request(strategy: Strategy, given: dict[str, Any]) -> tuple[DecisionRequest, datetime, dict[str, Any]]:
    """Make the request, its moment and the customer's facts.

    Raises:
        InputError: with all that is wrong.
    """
    channels = strategy.plan.channels
    channel = given.get("channel", next(iter(channels)))
    known = channels.get(channel)
    placement = given.get("placement", next(iter(known.placements)) if known else "")
    try:
        wanted = msgspec.convert({"name": placement, "size": given.get("size")}, PlacementRequest)
        body: dict[str, Any] = {
            name: given[name] for name in ("context", "language", "zone", "session") if name in given
        }
        body |= {"id": "command-line", "channel": channel, "placements": (wanted,)}
        request = msgspec.convert(body, DecisionRequest)
    except msgspec.ValidationError as error:
        raise InputError.of("contact", str(error)) from None
    request, _ = read_contact(strategy.plan, strategy.registries, request)
    attributes = given.get("customer", {})
    if not isinstance(attributes, dict):
        raise InputError.of("customer", "expected the customer's attributes", 'write {"age": 41}')
    facts, _ = strategy.registries.customer.read(attributes)
    return request, _moment(given.get("at")), facts


def _moment(text: Any) -> datetime:
    if text is None:
        return datetime.now(UTC)
    try:
        moment = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        moment = None
    if moment is None or moment.tzinfo is None:
        raise InputError.of("at", "expected a moment with its offset, such as 2026-05-04T18:00:00Z")
    return moment.astimezone(UTC)


def _learner(strategy: Strategy, store: str) -> Learner:
    if not store:
        return Learner(strategy.plan, new_model(strategy.plan, "numpy"))
    with open_storage(store, read_only=True) as storage:
        return trained(storage, strategy.plan, "auto")
