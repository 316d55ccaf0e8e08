"""Qini curve: what is gained if an action is shown to those first of whom most is foretold.

Notation:
    n       choices
    score   float64 [n], effect foretold, by a learner that did not see the choice
    effect  float64 [n], doubly robust score of the choice (see learners.py): right on average, noisy one by one
    G(s)    gain per choice of showing to the share s with the highest scores: sum of their effects / n
"""

from __future__ import annotations

import msgspec
import numpy as np
import numpy.typing as npt

from opportune.evaluate.off_policy.bootstrap import Bootstrap, Interval, between

__all__ = ["Qini", "qini"]

Reals = npt.NDArray[np.float64]

STEPS = 100
TOLD = (0.1, 0.2, 0.3, 0.5, 0.7, 1.0)
"""Shares whose gain is told."""


class Qini(msgspec.Struct, frozen=True, kw_only=True):
    """Whether customers can be told apart by what an action changes.

    Args:
        curve: (share, G(share)), STEPS + 1 points from (0, 0).
        gains: share → G(share).
        area: AUUC, area under G.
        coefficient: area between G and the line of showing at random; above 0 where the order is better than chance.
        half: G(0.5) less half of G(1): what choosing the better half gains over a half at random.
    """

    curve: tuple[tuple[float, float], ...]
    gains: dict[str, Interval]
    area: Interval
    coefficient: Interval
    half: Interval


def qini(score: Reals, effect: Reals, bootstrap: Bootstrap) -> Qini:
    """Draw the curve and its areas, with intervals over persons; the order of scores is held fixed.

    Args:
        bootstrap: of the persons behind the choices.

    Raises:
        ValueError: there are fewer choices than steps.
    """
    n = len(score)
    if n < STEPS:
        raise ValueError(f"expected at least {STEPS} choices, found {n}")
    order = np.argsort(-score, kind="stable")
    step = np.empty(n, dtype=np.int64)
    step[order] = np.arange(n) * STEPS // n
    ends = np.append(0, np.cumsum(np.bincount(step, minlength=STEPS)))
    shares = ends / n
    columns = np.zeros((n, STEPS))
    columns[np.arange(n), step] = effect
    gain = np.append(0.0, np.cumsum(np.bincount(step, effect, STEPS))) / n
    drawn = np.cumsum(bootstrap.sums(columns), axis=1) / bootstrap.sums(np.ones(n))[:, None]
    draws = np.concatenate([np.zeros((len(drawn), 1)), drawn], axis=1)
    area, areas = _area(shares, gain[None])[0], _area(shares, draws)
    at = {share: int(np.searchsorted(shares, share - 1e-9)) for share in TOLD}
    half = at[0.5]
    return Qini(
        curve=tuple(zip(shares.tolist(), gain.tolist(), strict=True)),
        gains={f"{share:g}": between(float(gain[k]), draws[:, k]) for share, k in at.items()},
        area=between(float(area), areas),
        coefficient=between(float(area - gain[-1] / 2), areas - draws[:, -1] / 2),
        half=between(float(gain[half] - shares[half] * gain[-1]), draws[:, half] - shares[half] * draws[:, -1]),
    )


def _area(shares: Reals, gains: Reals) -> Reals:
    """Area under every row of gains, by trapezes."""
    return np.asarray(((gains[:, 1:] + gains[:, :-1]) / 2) @ np.diff(shares), dtype=np.float64)
