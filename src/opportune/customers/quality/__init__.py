"""The quality of what decisions know: counted as they are made, and named where it is in doubt."""

from opportune.customers.quality.doubts import Freshness, doubt
from opportune.customers.quality.kinds import DEFAULTS, KINDS, Kind, Thresholds
from opportune.customers.quality.tally import Counts, Tally, added

__all__ = ["DEFAULTS", "KINDS", "Counts", "Freshness", "Kind", "Tally", "Thresholds", "added", "doubt"]
