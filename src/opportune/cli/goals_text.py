"""What was found about goals, as lines for people."""

from __future__ import annotations

from collections.abc import Iterator
from math import isfinite

from rich.markup import escape
from rich.table import Table

from opportune.cli.output import count, out, print_table
from opportune.evaluate.goals import LeverFinding, Sensitivity, Tradeoff
from opportune.evaluate.goals.asked import Asked
from opportune.evaluate.goals.tradeoff import PRESENT, Exchange
from opportune.evaluate.off_policy import Interval

__all__ = ["print_lever", "print_sensitivity", "print_tradeoff"]

LISTED = 15
"""Actions that the terminal shows; --json has all."""
_SOURCES = {
    "decisions": "recorded decisions",
    "profiles": "contacts of customers of the store",
    "file": "contacts of customers of the file",
    "imagined": "contacts of imagined customers",
}
_TOLD = {
    "model": "model's expectation per contact",
    "untaught": "a model that has learned nothing, per contact",
    "answers": "recorded answers, doubly robust, per first place",
}


def print_tradeoff(asked: Asked, curve: Tradeoff) -> None:
    """Print the curve and what one more unit costs."""
    for line in _about(asked, curve.contacts, curve.persons, curve.refused):
        out.print(escape(line))
    names = list(curve.units)
    table = Table("factor", "weight", "changed", *(escape(_named(curve, name)) for name in names), box=None)
    for point in curve.points:
        mark = " (now)" if point.factor == PRESENT else ""
        cells = [_interval(point.amounts[name]) for name in names]
        table.add_row(f"{point.factor:g}{mark}", f"{point.weight:g}", f"{point.changed:,}", *cells)
    print_table(table)
    out.print("")
    one = "one less" if curve.direction == "less" else "one more"
    out.print(escape(f"Around the weight as it is, {one} of {curve.goal} ({curve.units[curve.goal]}) means:"))
    for exchange in curve.present:
        out.print(escape(f"  {_exchanged(exchange, curve)}"))
    for name, told in curve.told_by.items():
        out.print(escape(f"{name}: told by {_TOLD[told]}"))
        for remark in curve.remarks.get(name, ()):
            word = "take care" if told == "answers" else "recorded answers cannot tell"
            out.print(escape(f"  {word}: {remark}"))


def print_sensitivity(asked: Asked, found: Sensitivity) -> None:
    """Print how often each factor decided, for all and by action."""
    for line in _about(asked, found.contacts, found.persons, found.refused):
        out.print(escape(line))
    if not found.is_taught:
        out.print("The model has learned nothing: all propensities are alike.")
    out.print(f"{count(found.firsts, 'first place')}, {found.uncontested:,} of them with one action alone.")
    table = Table("without", "another wins", "share", box=None)
    for one in found.factors:
        table.add_row(escape(one.factor), f"{one.decided:,}", _percent(one.share))
    print_table(table)
    factors = [one.factor for one in found.factors if one.decided]
    if not factors:
        return
    out.print("")
    out.print("By action: first places, and what it loses and gains without each factor.")
    table = Table("action", "wins", *map(escape, factors), box=None)
    for action in found.actions[:LISTED]:
        moved = [(action.lost.get(factor, 0), action.gained.get(factor, 0)) for factor in factors]
        table.add_row(escape(action.action), f"{action.wins:,}", *(_moved(*one) for one in moved))
    print_table(table)
    if len(found.actions) > LISTED:
        out.print(f"and {len(found.actions) - LISTED:,} more")


def print_lever(asked: Asked, found: LeverFinding) -> None:
    """Print the lever, or that there is none."""
    for line in _about(asked, found.contacts, found.persons, found.refused):
        out.print(escape(line))
    for line in _lever(found):
        out.print(escape(line))


def _lever(found: LeverFinding) -> Iterator[str]:
    firsts = count(found.firsts, "first place")
    yield f"{found.action} has {found.share_before:.1%} of {firsts} with its lever of {found.present:g}."
    if found.verdict == "unreachable":
        yield f"No lever gives it {found.wanted:.1%}: the most is {found.share_after:.1%}."
        yield "Rules and limits keep it out elsewhere, or it is worth nothing there that a lever could multiply."
    elif found.verdict == "exceeded":
        least = f"{found.share_after:.1%}"
        yield f"It has more than {found.wanted:.1%} even with lever 0, {least}: it is mandatory there, or alone."
    else:
        group = f" (times {found.group_lever:g} of its group)" if found.group_lever != 1.0 else ""
        explored = f"{found.share_explored:.1%} with exploration"
        yield f"Lever {found.lever:g}{group} is the lowest that gives it {found.share_after:.1%}; {explored}."
    if not found.is_taught:
        yield "What that brings cannot be foretold: nothing was learned yet (--store takes what was learned)."
        return
    yield "Expected per contact, by the model:"
    for goal in found.goals:
        yield f"  {goal.goal}: {goal.before:.4g} → {goal.after:.4g}, {_interval(goal.gain, '+')} {goal.unit}"


def _about(asked: Asked, contacts: int, persons: int, refused: int) -> Iterator[str]:
    who = f"{contacts:,} {_SOURCES[asked.source]} of {count(persons, 'person')}"
    yield f"{asked.project}: {who}, decided again by {asked.model} as it is now (journal entry {asked.position:,})."
    if refused:
        yield f"Left out: {count(refused, 'contact')} that the strategy refuses."
    if asked.left_out:
        yield f"Left out: {count(asked.left_out, 'row')} of the file that cannot be read."


def _named(curve: Tradeoff, name: str) -> str:
    return f"{name}, {curve.units[name]}"


def _exchanged(exchange: Exchange, curve: Tradeoff) -> str:
    if not isfinite(exchange.each.value):
        return f"{exchange.goal}: cannot be told, since {curve.goal} stays as it is"
    between = f"between {exchange.low:g} and {exchange.high:g} times the weight"
    of_few = "" if isfinite(exchange.each.low) else f"; {curve.goal} changes for too few to tell a range"
    return f"{exchange.goal}: {_interval(exchange.each, '+')} {curve.units[exchange.goal]}, {between}{of_few}"


def _interval(found: Interval, sign: str = "") -> str:
    if not isfinite(found.value):
        return "–"
    if not isfinite(found.low):
        return f"{found.value:{sign}.4g}"
    return f"{found.value:{sign}.4g} ({found.low:{sign}.4g} to {found.high:{sign}.4g})"


def _percent(found: Interval) -> str:
    return f"{found.value:.1%} ({found.low:.1%} to {found.high:.1%})" if isfinite(found.value) else "–"


def _moved(lost: int, gained: int) -> str:
    return " ".join(part for part in (f"-{lost:,}" if lost else "", f"+{gained:,}" if gained else "") if part) or "–"
