"""`opportune explain`: why a recorded decision came out as it did."""

from __future__ import annotations

from typing import Annotated

import typer

from opportune.cli.output import FOUND, JsonOption, fail, failures, print_json
from opportune.cli.tables import print_decision
from opportune.service.recalling import Recaller
from opportune.storage import open_storage

__all__ = ["explain"]


def explain(
    decision: Annotated[str, typer.Argument(help="Id of the decision, or of the request that asked for it.")],
    store: Annotated[str, typer.Option(help="File of the store, or its URL.")] = "opportune.db",
    as_json: JsonOption = False,
) -> None:
    """Show a recorded decision with the reasons for every action; works beside a running service."""
    with failures(as_json), open_storage(store, read_only=True) as storage:
        asked = storage.decision_of_request(decision)
        name = decision if asked is None else asked.decision.id
        if asked is None and storage.decision(name) is None:
            fail("no decision and no request has this id; an answer carries the id of its decision", FOUND)
        kept, explanation = Recaller(storage).recall(name)
    if as_json:
        print_json({"decision": kept, "explanation": explanation})
    else:
        print_decision(kept, explanation)
