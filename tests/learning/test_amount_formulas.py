"""Amounts are learned by the formulas of docs/concepts/learning.md, which are written out here number by number."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import pytest

from opportune.learning import CandidateKey, Predictor
from opportune.learning.amounts import AmountModel
from opportune.learning.encoding import Encoder, LinearForm
from opportune.records import Facts, ValueType

PREDICTORS = (Predictor("customer.age", ValueType.NUMBER), Predictor("customer.city", ValueType.TEXT))
KEYS = tuple(CandidateKey(group, name, "shop", "card") for group, name in (("a", "bike"), ("a", "car"), ("b", "tea")))
MOST = 1e9
SHARES, BASE_SHARES = (0.2, 0.2, 0.5, 0.1), (0.02, 0.2, 0.6, 0.18)


class Written:
    """What the page says: one number for every weight, and no array."""

    def __init__(self) -> None:
        self.encoder = Encoder(PREDICTORS, "numpy")
        self.centre, self.noise, self.count, self.power = 0.0, 1.0, 0, 0
        self.usual: float | None = None
        self.mean: dict[tuple[object, ...], float] = {}
        self.variance: dict[tuple[object, ...], float] = {}

    def prior(self, layer: int, row: int) -> float:
        return 4.0 * BASE_SHARES[layer] if row == self.encoder.bias else 0.3 / math.sqrt(2) * SHARES[layer]

    def weights(self, form: LinearForm, key: CandidateKey) -> Iterator[tuple[tuple[object, ...], int, int, float]]:
        """Give the name of every weight that has a part, with its layer, its row and its value of x."""
        values = [*enumerate(form.dense.tolist()), *((row, 1.0) for row in form.rows.tolist())]
        path = (key.group, key.action, key.channel, key.treatment)
        for layer, parts in enumerate((0, 1, 2, 4)):
            yield from (((layer, *path[:parts], row), layer, row, x) for row, x in values)

    def expect(self, facts: Facts, key: CandidateKey) -> tuple[float, float]:
        own = list(self.weights(self.encoder.encode(facts), key))
        mean = self.centre + sum(x * self.mean.get(name, 0.0) for name, _, _, x in own)
        spread = sum(x * x * self.variance.get(name, self.prior(layer, row)) for name, layer, row, x in own)
        most = 100 * 2.0 ** (self.usual or 0.0)
        return min(max(mean * 2.0**self.power, -most), most), math.sqrt(spread) * 2.0**self.power

    def learn(self, facts: Facts, key: CandidateKey, amount: float) -> None:
        own = list(self.weights(self.encoder.observe(facts), key))
        self.count += 1
        self.see(amount)
        most = 100 * 2.0 ** (self.usual or 0.0)
        for name, layer, row, _ in own:
            self.mean.setdefault(name, 0.0)
            self.variance.setdefault(name, self.prior(layer, row))
        spread = sum(x * x * self.variance[name] for name, _, _, x in own)
        foreseen = sum(x * self.mean[name] for name, _, _, x in own)
        by_row: dict[int, float] = {}
        for name, _, row, _ in own:
            by_row[row] = by_row.get(row, 0.0) + self.variance[name]
        reach = 8 * math.sqrt(self.noise + spread)
        rest = min(max(amount, -most), most) / 2.0**self.power - self.centre - foreseen
        rest = min(max(rest, -reach), reach)
        move = (rest + foreseen) / min(self.count, 1_000)
        self.centre, rest = self.centre + move, rest - move
        for name, _, row, x in own:
            self.mean[name] += self.variance[name] * x * rest / (self.noise + spread)
            self.variance[name] /= 1 + x * x * by_row[row] / self.noise
        told = rest * rest * self.noise / (self.noise + spread)
        self.noise = max(1e-4, self.noise + (told - self.noise) / min(self.count + 5, 1_000))

    def see(self, amount: float) -> None:
        if not amount:
            return
        size = math.log2(abs(amount))
        if self.usual is None:
            self.usual, self.power = size, round(size)
            return
        self.usual += max(0.02, 2 / math.sqrt(self.count)) * (1 if size > self.usual else -1)
        if abs(self.usual - self.power) > 2:
            self.count_in(round(self.usual))

    def count_in(self, power: int) -> None:
        """Let the unit follow: amounts stay what they are, and so does what they have told of every weight."""
        factor = 2.0 ** (self.power - power)
        self.power, self.centre, self.noise = power, self.centre * factor, max(1e-4, self.noise * factor**2)
        for name, value in self.variance.items():
            before = self.prior(int(str(name[0])), int(str(name[-1])))
            self.mean[name] *= factor
            self.variance[name] = 1 / (1 / before + (1 / value - 1 / before) / factor**2)


@pytest.mark.parametrize("later", [64.0, 1 / 64])
def test_amounts_are_learned_by_the_formulas_of_the_page(later: float) -> None:
    """The world pays by age and city, gives presents and takes back, and one day pays much more or less."""
    model, page, rng = AmountModel(PREDICTORS, {"buy": (-MOST, MOST)}), Written(), np.random.default_rng(5)
    model.bind(KEYS)
    for number in range(1_500):
        facts = {"customer.age": float(rng.uniform(20, 60)), "customer.city": ("Oslo", "Rome")[rng.integers(2)]}
        candidate = int(rng.integers(2 if number < 1_000 else 3))
        usual = (1 + candidate) * facts["customer.age"] * (later if number > 200 else 1.0)
        odd = float(rng.choice((1.0, 0.0, -0.2, 5_000.0), p=(0.85, 0.08, 0.05, 0.02)))
        amount = usual * float(np.exp(rng.normal())) * odd

        model.learn(facts, candidate, "buy", amount)
        page.learn(facts, KEYS[candidate], amount)

        if number % 10 == 0:
            means, spreads = model.expect(facts, "buy")
            for place, key in enumerate(KEYS):
                assert (means[place], spreads[place]) == pytest.approx(page.expect(facts, key), rel=1e-6)
