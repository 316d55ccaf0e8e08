"""What another strategy would have earned, told from recorded decisions alone, or not told where they cannot say."""

from opportune.evaluate.off_policy.bootstrap import Bootstrap, Interval
from opportune.evaluate.off_policy.estimators import ESTIMATORS, Ratio, Sample
from opportune.evaluate.off_policy.judgement import BEST, Judgement, judge
from opportune.evaluate.off_policy.overlap import Overlap, Remark, Verdict, overlap, remarks

__all__ = [
    "BEST",
    "ESTIMATORS",
    "Bootstrap",
    "Interval",
    "Judgement",
    "Overlap",
    "Ratio",
    "Remark",
    "Sample",
    "Verdict",
    "judge",
    "overlap",
    "remarks",
]
