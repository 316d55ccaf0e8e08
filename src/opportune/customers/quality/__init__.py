"""The quality of what decisions know: counted as they are made, and named where it is in doubt."""

from opportune.customers.quality.doubts import Freshness, Lasting, doubt
from opportune.customers.quality.kinds import DEFAULTS, KINDS, Kind, Thresholds
from opportune.customers.quality.tally import Counts, Tally, added

__all__ = ["DEFAULTS", "KINDS", "Counts", "Freshness", "Kind", "Lasting", "Tally", "Thresholds", "added", "doubt"]
