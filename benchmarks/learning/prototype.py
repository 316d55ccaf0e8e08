"""Figures of the prototype mixture that the design began with, measured once on the same data in file order.

Kept to see that what is built is not worse than what was tried; its code is not part of this project.
"""

from __future__ import annotations

__all__ = ["PROTOTYPE"]

PROTOTYPE: dict[tuple[str, str], float] = {
    ("bank", "AUC"): 0.797,
    ("bank", "log loss"): 0.2748,
    ("bank", "calibration error"): 0.006,
    ("coupon", "AUC"): 0.779,
    ("coupon", "log loss"): 0.556,
    ("coupon", "calibration error"): 0.023,
    ("telco", "AUC"): 0.842,
    ("telco", "log loss"): 0.4193,
    ("telco", "calibration error"): 0.017,
    ("starbucks", "AUC"): 0.862,
    ("starbucks", "log loss"): 0.4598,
    ("starbucks", "calibration error"): 0.009,
    ("optdigits", "reward, first 300"): 0.516,
    ("optdigits", "reward, first 1,000"): 0.751,
    ("optdigits", "reward, all"): 0.917,
    ("optdigits-delay-100", "reward, all"): 0.898,
    ("optdigits-delay-1000", "reward, all"): 0.749,
    ("optdigits-rare", "right choices, all"): 0.76,
    ("starbucks-replay", "reward, first 300"): 0.690,
    ("starbucks-replay", "reward, all"): 0.693,
}
"""(task, measure) → value. The mixture with a probability floor where the data are rare; elsewhere without one."""
