"""The funnel of one strategy over a population."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from opportune.evaluate.foresight.cases import Case, Side
from opportune.evaluate.foresight.conflicts import conflicts
from opportune.evaluate.foresight.funnel import Funnel
from opportune.evaluate.foresight.rulebook import Rulebook
from opportune.evaluate.foresight.tally import Tally

__all__ = ["funnel_of"]


def funnel_of(side: Side, cases: Sequence[Case], tell: Callable[[int, int], None] = lambda done, total: None) -> Funnel:
    """Decide every contact and count where candidates fall; requests that the strategy refuses are left out.

    Args:
        tell: called with (contacts done, all contacts).
    """
    tally = Tally(side, Rulebook(side.plan, side.project))
    for done, case in enumerate(cases, start=1):
        decision = side.decide(case)
        if decision is not None:
            tally.add(case, decision)
        if done % 50 == 0 or done == len(cases):
            tell(done, len(cases))
    funnel = tally.funnel()
    return msgspec.structs.replace(funnel, conflicts=conflicts(side, funnel))
