"""What outcomes teach: which scored outcomes did happen, and which did not.

A positive outcome answers itself with "yes" and leaves other positive ones open, since a click may still become a
purchase; it answers the negative ones with "no". A negative outcome answers itself with "yes" and all others with "no".
A neutral outcome teaches nothing. Each scored outcome of one shown action is answered once, by what happened first.

An outcome that comes after another one says "yes" to that too. It is answered itself only where that one happened: its
answers say how often it follows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from opportune.records import Sign
from opportune.storage.standing import Report

__all__ = ["answers", "happened"]

NOTHING: Mapping[str, str] = {}


def answers(
    heads: tuple[str, ...],
    signs: Mapping[str, Sign],
    outcomes: Iterable[str],
    after: Mapping[str, str] = NOTHING,
) -> dict[int, bool]:
    """Give index of the head → whether it happened, for every head that the outcomes of one shown action answer.

    Args:
        heads: scored outcomes of the plan.
        signs: outcome types of the channel.
        outcomes: in the order in which they happened, silence last.
        after: outcome → the one that happens before it, without circles.
    """
    found: dict[int, bool] = {}
    for outcome in outcomes:
        sign = signs.get(outcome, Sign.NEUTRAL)
        if sign is Sign.NEUTRAL:
            continue
        for name in _row(outcome, after):
            _answer(heads, found, after, name, happened=True)
        for name in heads:
            about = signs.get(name, Sign.NEUTRAL)
            is_open = sign is Sign.POSITIVE and about is Sign.POSITIVE
            if about is not Sign.NEUTRAL and not is_open:
                _answer(heads, found, after, name, happened=False)
    return found


def happened(reports: Iterable[Report], after: Mapping[str, str] = NOTHING) -> dict[tuple[str, str], set[str]]:
    """Name the outcomes of each (action, treatment) that happened; an outcome after another one says so of that too.

    Args:
        reports: those about one decision that stand.
        after: outcome → the one that happens before it, without circles.
    """
    found: dict[tuple[str, str], set[str]] = {}
    answered: set[tuple[str, str]] = set()
    for report in sorted(reports, key=lambda report: report.expiry):
        # Silence behind an answer says only that nothing followed it.
        if report.expiry and report.shown in answered:
            continue
        if report.sign is not Sign.NEUTRAL:
            answered.add(report.shown)
        found.setdefault(report.shown, set()).update(_row(report.outcome, after))
    return found


def _row(outcome: str, after: Mapping[str, str]) -> list[str]:
    """List what happened where an outcome did, in that order: what it is after, and itself."""
    row = [outcome]
    while row[-1] in after:
        row.append(after[row[-1]])
    return row[::-1]


def _answer(
    heads: tuple[str, ...], found: dict[int, bool], after: Mapping[str, str], name: str, *, happened: bool
) -> None:
    """Answer a head that is not answered yet, and may be: what it is after happened."""
    if name not in heads:
        return
    head = heads.index(name)
    if name in after and not found.get(heads.index(after[name]), False):
        return
    found.setdefault(head, happened)
