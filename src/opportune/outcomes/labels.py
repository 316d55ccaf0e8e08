"""What outcomes teach: which scored outcomes did happen, and which did not.

A positive outcome answers itself with "yes" and leaves other positive ones open, since a click may still become a
purchase; it answers the negative ones with "no". A negative outcome answers itself with "yes" and all others with "no".
A neutral outcome teaches nothing. Each scored outcome of one shown action is answered once, by what happened first.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from opportune.records import Sign

__all__ = ["answers"]


def answers(heads: tuple[str, ...], signs: Mapping[str, Sign], outcomes: Iterable[str]) -> dict[int, bool]:
    """Give index of the head → whether it happened, for every head that the outcomes of one shown action answer.

    Args:
        heads: scored outcomes of the plan.
        signs: outcome types of the channel.
        outcomes: in the order in which they happened.
    """
    found: dict[int, bool] = {}
    for outcome in outcomes:
        sign = signs.get(outcome, Sign.NEUTRAL)
        if sign is Sign.NEUTRAL:
            continue
        for head, name in enumerate(heads):
            about = signs.get(name, Sign.NEUTRAL)
            is_open = sign is Sign.POSITIVE and about is Sign.POSITIVE and name != outcome
            if about is not Sign.NEUTRAL and not is_open and head not in found:
                found[head] = name == outcome
    return found
