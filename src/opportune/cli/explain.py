"""`opportune explain`: why a recorded decision came out as it did."""

from __future__ import annotations

from collections.abc import Collection
from typing import Annotated

import typer

from opportune.cli.output import FOUND, JsonOption, fail, failures, print_json
from opportune.cli.reasons import print_decision
from opportune.errors import DamageError, ProjectError
from opportune.records import Decision
from opportune.service.recalling import Recaller
from opportune.service.revisions import strategy_from_bundle
from opportune.storage import Storage, open_storage
from opportune.storage.entries import from_microseconds

__all__ = ["explain"]


def explain(
    decision: Annotated[str, typer.Argument(help="Id of the decision, or of the request that asked for it.")],
    store: Annotated[str, typer.Option(help="File of the store, or its URL.")] = "opportune.db",
    as_json: JsonOption = False,
) -> None:
    """Show a recorded decision with the reasons.

    Every action of the channel is named, with what it scored or what kept it out. Works beside a running service.
    """
    with failures(as_json), open_storage(store, read_only=True) as storage:
        asked = storage.decision_of_request(decision)
        name = decision if asked is None else asked.decision.id
        if asked is None and storage.decision(name) is None:
            fail(f"no decision and no request has this id; {_remedy(storage)}", FOUND)
        kept, explanation = Recaller(storage).recall(name)
        happened = [_in_words(one.body.action, one.body.outcome, one.body.expiry) for one in storage.outcomes_of(name)]
        outcomes = None if as_json else _reportable(storage, kept)
    if as_json:
        print_json({"decision": kept, "explanation": explanation})
    else:
        print_decision(kept, explanation, outcomes, happened)


def _remedy(storage: Storage) -> str:
    anchor = storage.anchor()
    if anchor is None:
        return "an answer carries the id of its decision"
    day = from_microseconds(anchor.recorded_at).date()
    return f"it may be no longer kept: what was recorded up to {day} went by the rules of retention"


def _in_words(action: str, outcome: str, expiry: bool) -> str:
    return f"{action} {outcome}{' (nothing came in time)' if expiry else ''}"


def _reportable(storage: Storage, decision: Decision) -> Collection[str] | None:
    """Give the outcomes that the decision's channel could report; None where its revision is no longer to be had."""
    kept = storage.revision(decision.revision)
    try:
        plan = None if kept is None else strategy_from_bundle(kept.bundle).plan
    except (ProjectError, DamageError):
        return None
    return None if plan is None else plan.channels[decision.request.channel].outcomes
