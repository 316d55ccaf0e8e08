"""Limits: what a person's history, stocks and switches hold back now.

Contact policies and stocks are compiled into `Limits`; `standing.holds_of` says which of them bind, once per decision
and before it; the gate then marks what is held (`masks`), and the slate respects what may be shown only so often
(`Quota`).
"""

from opportune.decide.limits.limits import NO_LIMITS, Limits
from opportune.decide.limits.quota import Quota

__all__ = ["NO_LIMITS", "Limits", "Quota"]
