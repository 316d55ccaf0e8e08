"""A funnel as lines for people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.markup import escape

from opportune.cli.output import count, out
from opportune.evaluate.foresight.funnel import Funnel, Served
from opportune.evaluate.foresight.sentences import conflict_said, policies_said, policy_said, stage_said

__all__ = ["print_funnel"]

LISTED = 15
"""Policies, actions and conflicts that the terminal shows; the page and --json have all."""


def print_funnel(funnel: Funnel) -> None:
    """Print the stages, what dropped most, who is left with little, and conflicts."""
    for line in _lines(funnel):
        out.print(escape(line))


def _lines(funnel: Funnel) -> Iterator[str]:
    persons = f" of {count(funnel.persons, 'person')}" if funnel.persons else ""
    yield f"{count(funnel.contacts, 'contact')}{persons}, {count(funnel.candidates, 'candidate')}."
    for stage in (one for one in funnel.stages if one.dropped):
        share = stage.dropped / funnel.candidates if funnel.candidates else 0.0
        part_of = f" ({stage.part_of})" if stage.part_of else ""
        told = f"{stage_said(stage.stage)}{part_of}"
        yield f"  {told:<44} {stage.dropped:>11,} dropped ({share:6.2%}) {stage.left:>11,} left"
    yield f"  {'shown' if funnel.source == 'decided' else 'returned':<44} {funnel.returned:>11,}"
    policies = [one for one in funnel.policies if one.dropped]
    if policies:
        yield ""
        yield "What dropped most (alone: no other rule would have dropped it):"
    for one in policies[:LISTED]:
        alone = "" if one.alone is None else f" ({one.alone:,} alone)"
        yield f"  {one.dropped:>11,}{alone}  {policy_said(one.policy)}"
    yield from _rest(policies)
    yield from _served(funnel)
    for title, certain in (("Conflicts:", True), ("In these contacts:", False)):
        found = [one for one in funnel.conflicts if one.certain is certain]
        if found:
            yield ""
            yield title
        yield from (f"  {conflict_said(one)}" for one in found[:LISTED])
        yield from _rest(found)


def _served(funnel: Funnel) -> Iterator[str]:
    yield ""
    share = funnel.empty / funnel.contacts if funnel.contacts else 0.0
    yield f"{count(funnel.empty, 'contact')} ({share:.1%}) {'ends' if funnel.empty == 1 else 'end'} with nothing."
    for one in funnel.served:
        yield f"  {_placement(one)}"
    for stage, number in funnel.furthest:
        yield f"  {number:>11,} came as far as {stage_said(stage)}"
    if funnel.wants:
        yield "Without these policies, and no more, something would be left:"
    for want in funnel.wants[:LISTED]:
        yield f"  {want.contacts:>11,}  {policies_said(want.policies)}"
    yield from _rest(funnel.wants)


def _placement(one: Served) -> str:
    return (
        f"{one.placement or 'all'}: asked {one.contacts:,} times, nothing left {one.nothing:,}, too little {one.few:,}"
    )


def _rest(found: Sequence[object]) -> Iterator[str]:
    if len(found) > LISTED:
        yield f"  and {len(found) - LISTED:,} more"
