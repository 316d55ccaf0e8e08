"""`opportune explain`: why a recorded decision came out as it did."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Any

import msgspec
import typer

from opportune.cli.output import JsonOption, failures, print_json
from opportune.cli.reasons import print_decision
from opportune.cli.releases import StoreOption, UrlOption, expect_one, opened, service
from opportune.service.recalling import OutcomeLine, Recalled, Recaller

__all__ = ["explain"]

_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?Z")


def explain(
    decision: Annotated[str, typer.Argument(help="Id of the decision, or of the request that asked for it.")],
    store: StoreOption = "",
    url: UrlOption = "",
    as_json: JsonOption = False,
) -> None:
    """Show a recorded decision with the reasons.

    Every action of the channel is named, with what it scored or what kept it out. Works beside a running service.
    """
    with failures(as_json):
        expect_one(store, url)
        if url:
            with service(url) as client:
                found = _read(client.explain(decision))
        else:
            with opened(store, read_only=True) as storage:
                found = Recaller(storage).recall(decision)
    if as_json:
        print_json({"decision": found.decision, "explanation": found.explanation, "outcomes": found.outcomes})
    else:
        print_decision(found.decision, found.explanation, found.reportable, list(map(_in_words, found.outcomes)))


def _read(told: dict[str, Any]) -> Recalled:
    """Read what a service told, values of rules included: JSON has texts for moments, which rules write otherwise."""
    for placement in (told["explanation"] or {"placements": ()})["placements"]:
        for one in placement["candidates"]:
            one["passed_with"] = {name: _value(value) for name, value in one["passed_with"].items()}
            if one["change"] is not None:
                one["change"]["after"] = _value(one["change"]["after"])
    return msgspec.convert(told, Recalled)


def _value(value: Any) -> Any:
    if isinstance(value, str) and _MOMENT.fullmatch(value):
        try:
            return datetime.fromisoformat(value)
        except ValueError:
            return value
    return value


def _in_words(line: OutcomeLine) -> str:
    if line.withdraws:
        return "an earlier report withdrawn"
    if line.expiry:
        return f"{line.action} {line.outcome} (nothing came in time)"
    if line.replaces:
        return f"{line.action} {line.outcome} (in place of an earlier report)"
    return f"{line.action} {line.outcome}{' (again)' if line.repeats else ''}"
