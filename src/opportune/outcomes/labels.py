"""What one outcome teaches: which scored outcomes did happen, and which did not.

A positive outcome answers itself with "yes" and leaves other positive ones open, since a click may still become a
purchase; it answers the negative ones with "no". A negative outcome answers itself with "yes" and all others with "no".
A neutral outcome teaches nothing. Each scored outcome of one shown action is answered once: by the first in journal
order.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from opportune.records import Sign

__all__ = ["answers"]


def answers(
    heads: tuple[str, ...], signs: Mapping[str, Sign], earlier: Iterable[str], outcome: str
) -> list[tuple[int, bool]]:
    """Give (index of the head, whether it happened) for every head that `outcome` answers.

    Args:
        heads: scored outcomes of the plan.
        signs: outcome types of the channel.
        earlier: outcomes of the same decision and action that came before, in journal order.
    """
    done: set[str] = set()
    for name in earlier:
        done.update(head for head, _ in _answered(heads, signs, name))
    return [(heads.index(head), happened) for head, happened in _answered(heads, signs, outcome) if head not in done]


def _answered(heads: tuple[str, ...], signs: Mapping[str, Sign], outcome: str) -> list[tuple[str, bool]]:
    sign = signs.get(outcome, Sign.NEUTRAL)
    if sign is Sign.NEUTRAL:
        return []
    known = [head for head in heads if signs.get(head, Sign.NEUTRAL) is not Sign.NEUTRAL]
    if sign is Sign.POSITIVE:
        known = [head for head in known if head == outcome or signs[head] is Sign.NEGATIVE]
    return [(head, head == outcome) for head in known]
