"""Contenders: our models, what people would otherwise use, and floors. One file per product, one line each here."""

from __future__ import annotations

from functools import partial
from typing import Any

from benchmarks.learning.contenders.base import Contender
from benchmarks.learning.contenders.contextualbandits import LinUcbChooser
from benchmarks.learning.contenders.gittins import GittinsChooser
from benchmarks.learning.contenders.lightgbm import LightgbmChooser, LightgbmScorer
from benchmarks.learning.contenders.ours import OurChooser, OurScorer
from benchmarks.learning.contenders.rates import ActionRate, BaseRate, RandomChoice, RateThompson
from benchmarks.learning.contenders.river import RiverChooser, RiverForest, RiverRegression
from benchmarks.learning.contenders.vowpal import VowpalChooser, VowpalScorer
from opportune.learning import MODELS, USUAL

__all__ = ["CHOOSERS", "DEFAULT", "SCORERS", "contenders"]

VOWPAL, RIVER, LIGHTGBM = ("vowpalwabbit",), ("river",), ("lightgbm",)
PER_ACTION = "-q ca --ignore_linear c --cb_min_cost -1 --cb_max_cost 0"
"""The customer counts by action alone, which did better than without `--ignore_linear`."""
NOT_ALONE = {"onnx", "python"}
"""Models of the user's own; they need a file or a class of theirs."""
PACKAGES = {"trees": LIGHTGBM, "vowpal_wabbit": VOWPAL}
"""Optional packages that members of our family are made with."""
SLOW = {"naive_bayes"}
"""It fits its calibration anew for the first prediction after every answer: milliseconds each, where answers alternate
with predictions."""
DEFAULT = USUAL.kind


def _ours(maker: Any) -> list[Contender]:
    kinds = sorted(set(MODELS) - NOT_ALONE, key=lambda kind: (kind != DEFAULT, kind))
    return [
        Contender(kind, "ours", partial(maker, kind), PACKAGES.get(kind, ()), is_slow=kind in SLOW) for kind in kinds
    ]


SCORERS = [
    Contender("vowpal interactions", "peer", partial(VowpalScorer, "-q cc -q ca"), VOWPAL),
    Contender("vowpal slow", "peer", partial(VowpalScorer, "-q cc -q ca -l 0.1"), VOWPAL),
    Contender("vowpal coin", "peer", partial(VowpalScorer, "-q cc -q ca --coin"), VOWPAL),
    Contender("river regression", "peer", RiverRegression, RIVER),
    Contender("river forest", "peer", RiverForest, RIVER),
    Contender("lightgbm retrained", "peer", LightgbmScorer, LIGHTGBM),
    Contender("rate per action", "floor", ActionRate),
    Contender("base rate", "floor", BaseRate),
]

CHOOSERS = [
    Contender("vowpal squarecb", "peer", partial(VowpalChooser, f"--squarecb -l 2 {PER_ACTION}"), VOWPAL),
    Contender("vowpal regcb", "peer", partial(VowpalChooser, f"--regcb --mellowness 0.001 {PER_ACTION}"), VOWPAL),
    Contender("vowpal coin", "peer", partial(VowpalChooser, f"--squarecb --coin {PER_ACTION}"), VOWPAL),
    Contender("river regression", "peer", RiverChooser, RIVER),
    Contender("linucb", "peer", LinUcbChooser, ("contextualbandits",)),
    Contender("lightgbm retrained", "peer", LightgbmChooser, LIGHTGBM),
    Contender("gittins", "peer", GittinsChooser, ("gittins",)),
    Contender("rate thompson", "floor", RateThompson),
    Contender("random", "floor", RandomChoice),
]


def contenders(chooses: bool) -> list[Contender]:
    """Give all of one role, the default of ours first."""
    return _ours(OurChooser) + CHOOSERS if chooses else _ours(OurScorer) + SCORERS
