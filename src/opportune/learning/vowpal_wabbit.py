"""Vowpal Wabbit's logistic regression with interactions, as a member of the family. Needs the extra "vw".

No text of a project or a customer ever stands in an example: features are named by hashes and numbers that this file
makes, so nothing that a fact holds can be read as something else. Its state is what Vowpal Wabbit itself saves.
Settings: docs/guides/models.md, "vowpal_wabbit".
"""

from __future__ import annotations

import hashlib
import importlib.util
import math
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from opportune.learning.base import CandidateKey, Encoded, Floats, Prediction, Predictor, PropensityModel, Snapshot
from opportune.learning.carrying import with_levels
from opportune.learning.encoding import Encoder, LinearForm
from opportune.learning.moves import Moves
from opportune.learning.rates import BASE_RATE, Doubles, rates
from opportune.learning.snapshot import read_array, state_digest
from opportune.learning.supplied import check_names
from opportune.learning.tally import Counts, Tally, names_of
from opportune.records import Facts, ValueType

__all__ = ["VowpalWabbitModel", "has_vowpal_wabbit"]

FORMAT = 1
LOG_ODDS_MAX = 15.0
START = math.log(BASE_RATE / (1.0 - BASE_RATE))
PAIRED_MAX = 40
"""Predictors up to which all their pairs are features, where nothing is set."""
BACK = 2.0
"""Steps shrink as answers come, so that a step back takes more than the step did."""
BACK_MAX = 20.0
"""Largest weight of the opposite answer that takes one back."""
BITS_MIN, BITS_MAX = 10, 24
STATE_BYTES_MAX = 512_000_000


def has_vowpal_wabbit() -> bool:
    """Say whether the extra "vw" is installed."""
    return importlib.util.find_spec("vowpalwabbit") is not None


class VowpalWabbitModel(PropensityModel):
    """Logistic regression with adaptive, normalised steps over features of facts, candidate, and pairs of them.

    Args:
        predictors: facts it may see; names are distinct.
        outcomes: names of its heads, distinct, at least one.
        pairs: whether all pairs of predictors are features; None says: up to PAIRED_MAX predictors.
        coin: coin betting in place of adaptive steps.
        learning_rate: size of the first steps, in (0, 10].
        bits: the table of weights has 2 ** bits places, 10..24.

    Raises:
        ValueError: the extra is not installed, or a setting is out of range; the message begins with its name.
    """

    name = "vowpal_wabbit"
    additive: ClassVar[bool] = False

    def __init__(
        self,
        predictors: Sequence[Predictor],
        outcomes: Sequence[str],
        kernel: str = "auto",
        *,
        pairs: bool | None = None,
        coin: bool = False,
        learning_rate: float = 0.5,
        bits: int = 18,
    ) -> None:
        check_names(predictors, outcomes)
        if not has_vowpal_wabbit():
            raise ValueError("kind: the package vowpalwabbit is not installed; install opportune[vw]")
        if pairs is not None and not isinstance(pairs, bool):
            raise ValueError("pairs: expected true or false")
        if not 0.0 < learning_rate <= 10.0:
            raise ValueError("learning_rate: expected a number in (0, 10]")
        if not BITS_MIN <= bits <= BITS_MAX:
            raise ValueError(f"bits: expected {BITS_MIN}..{BITS_MAX}")
        self.kernel = "numpy"
        self.outcomes = tuple(outcomes)
        self.predictors = tuple(predictors)
        is_paired = len(self.predictors) <= PAIRED_MAX if pairs is None else pairs
        self._options = (
            f"--quiet --no_stdin --loss_function logistic --link identity -b {bits} -l {learning_rate:g} "
            f"--min_prediction -{LOG_ODDS_MAX:g} --max_prediction {LOG_ODDS_MAX:g} --random_seed 1 -q fa"
            + (" -q ff" if is_paired else "")
            + (" --coin" if coin else "")
        )
        self._salts = [_hashed(one.name, str(one.type)) for one in self.predictors]
        self._encoder = Encoder(self.predictors, "numpy")
        self._tally = Tally(self.outcomes)
        self._catalogue: tuple[CandidateKey, ...] = ()
        self._codes: dict[tuple[str, ...], str] = {}
        self._spaces = [self._opened(None) for _ in self.outcomes]
        self._name_rows()

    def _opened(self, saved: bytes | None) -> Any:
        import vowpalwabbit

        if saved is None:
            return vowpalwabbit.Workspace(self._options)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "state"
            path.write_bytes(saved)
            try:
                return vowpalwabbit.Workspace(f"{self._options} -i {path}")
            except Exception as error:  # noqa: BLE001  Its own errors derive from nothing narrower.
                raise ValueError(f"snapshot: Vowpal Wabbit cannot load it ({type(error).__name__})") from None

    def _saved(self, space: Any) -> bytes:
        """Save a workspace without its counters, which tell of more than what was learned."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "state"
            space.save(str(path))
            first = path.read_bytes()
            other = self._opened(first)
            other.save(str(path))
            other.finish()
            return path.read_bytes()

    def _name_rows(self) -> None:
        """Name every row of the encoding after its predictor and level, so that it stays the same among others."""
        self._names: list[str] = []
        seen: dict[int, int] = {}
        for owner in self._encoder.owners[: self._encoder.fixed]:
            place = seen.setdefault(owner, 0)
            seen[owner] += 1
            self._names.append(f"{'abc'[place % 3]}{place}{self._salts[owner] if owner >= 0 else 'bias'}")
        for owner, level in self._encoder.levels:
            self._names.append(f"d{self._salts[owner]}{_hashed(level)}")

    def bind(self, catalogue: Sequence[CandidateKey]) -> None:
        """Fix the candidate axis."""
        self._tally.bind(catalogue)
        self._catalogue = tuple(catalogue)
        self._tails = []
        for key in self._catalogue:
            path = names_of(key)
            parts = [self._codes.get(path[:depth]) or _hashed(*path[:depth]) for depth in (1, 2, 4)]
            self._tails.append(f"|a g{parts[0]} x{parts[1]} t{parts[2]}")

    def encode(self, facts: Facts) -> LinearForm:
        """Encode one request's facts."""
        return self._encoder.encode(facts)

    def _features(self, form: LinearForm) -> str:
        dense = [
            f"{name}:{value:.6g}" for name, value in zip(self._names, form.dense.tolist(), strict=False) if value != 0.0
        ]
        rows = [self._names[row] for row in form.rows.tolist() if row != self._encoder.bias]
        return "|f " + " ".join([*dense, *rows])

    def predict(self, encoded: Encoded) -> Prediction:
        """Score all candidates, one after the other."""
        assert isinstance(encoded, LinearForm)
        head = self._features(encoded)
        log_odds = np.array([[self._scored(o, head, tail) for tail in self._tails] for o in range(len(self.outcomes))])
        log_odds = log_odds.reshape(len(self.outcomes), len(self._tails))
        standing, spread = rates(self._tally)
        log_odds = np.clip(np.where(np.isfinite(log_odds), log_odds, standing), -LOG_ODDS_MAX, LOG_ODDS_MAX)
        propensity = 1.0 / (1.0 + np.exp(-log_odds))
        return Prediction(propensity.astype(np.float32), log_odds.astype(np.float32), spread.astype(np.float32))

    def foresee(self, facts: Facts, candidate: int, outcome: int) -> float:
        """Give the propensity of one candidate."""
        self._tally.row(candidate, outcome)
        log_odds = self._scored(outcome, self._features(self._encoder.encode(facts)), self._tails[candidate])
        return float(np.float32(1.0 / (1.0 + math.exp(-log_odds))))

    def _scored(self, outcome: int, head: str, tail: str) -> float:
        # An example without weight leaves nothing behind, not even in counters that go into the state.
        return float(self._spaces[outcome].predict(f"1 0 {START:.6g} {head} {tail}"))

    def learn(self, facts: Facts, candidate: int, outcome: int, happened: bool) -> None:
        """Learn one answer."""
        self._tally.add(candidate, outcome, happened)
        levels = len(self._encoder.levels)
        form = self._encoder.observe(facts)
        if len(self._encoder.levels) != levels:
            self._name_rows()
        self._teach(form, candidate, outcome, happened, 1.0)

    def _teach(self, form: LinearForm, candidate: int, outcome: int, happened: bool, weight: float) -> None:
        label = "1" if happened else "-1"
        example = f"{label} {weight:.6g} {START:.6g} {self._features(form)} {self._tails[candidate]}"
        self._spaces[outcome].learn(example)

    def unlearn(self, facts: Facts, candidate: int, outcome: int, happened: bool) -> None:
        """Learn the opposite answer, as much of it as takes the step back; scales and vocabularies stay."""
        if not self._tally.take(candidate, outcome, happened):
            return
        form = self._encoder.encode(facts)
        log_odds = self._scored(outcome, self._features(form), self._tails[candidate])
        back = BACK * math.exp(-log_odds if happened else log_odds)
        self._teach(form, candidate, outcome, not happened, min(max(back, 1.0 / BACK_MAX), BACK_MAX))

    def evidence(self) -> Floats:
        """Number of answers learned."""
        return self._tally.evidence()

    def snapshot(self) -> Snapshot:
        """Copy what Vowpal Wabbit saves, scales, levels and counts."""
        state = self._tally.snapshot()
        saved = [self._saved(space) for space in self._spaces]
        whole = b"".join(saved)
        encoder = self._encoder
        arrays: dict[str, npt.NDArray[Any]] = {
            **state.arrays,
            "saved": np.frombuffer(whole + bytes(-len(whole) % 8), dtype="<i8").astype(np.int64),
            "seen": encoder.seen.copy(),
            "mean": encoder.mean.copy(),
            "variance": encoder.variance.copy(),
        }
        own = {
            "sizes": [len(one) for one in saved],
            "levels": [[index, level] for index, level in encoder.levels],
            "codes": sorted([*path, code] for path, code in self._codes.items()),
        }
        return Snapshot(arrays, {**state.meta, **self._description(), **own})

    def restore(self, snapshot: Snapshot) -> None:
        """Take over a state; a refused state changes nothing."""
        for name, expected in self._description().items():
            if snapshot.meta.get(name) != expected:
                raise ValueError(f"snapshot: {name} is not that of this model")
        self._take_over(
            self._encoder.restored(snapshot),
            self._tally.restored(snapshot, self._catalogue),
            _codes_of(snapshot),
            [self._opened(one) for one in _saved_of(snapshot, len(self.outcomes))],
        )

    def adopt(self, snapshot: Snapshot, moves: Moves) -> None:
        """Take over what a model of other predictors, outcomes or names knew, if its options are the same."""
        meta = snapshot.meta
        if (meta.get("model"), meta.get("format"), meta.get("options")) != (self.name, FORMAT, self._options):
            raise ValueError("snapshot: it is of another model, or of other settings")
        try:
            former = Encoder([Predictor(str(n), ValueType(kind)) for n, kind in meta["predictors"]], "numpy")
            heads = [str(name) for name in meta["outcomes"]]
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError("snapshot: its description is not that of this model") from error
        encoder = with_levels(Encoder(self.predictors, "numpy"), former.restored(snapshot))
        tally = self._tally.restored(self._tally.carried(snapshot, moves), self._catalogue)
        saved = _saved_of(snapshot, len(heads))
        spaces = [self._opened(saved[heads.index(name)] if name in heads else None) for name in self.outcomes]
        self._take_over(encoder, tally, _moved_codes(snapshot, moves), spaces)

    def _take_over(self, encoder: Encoder, tally: Tally, codes: dict[tuple[str, ...], str], spaces: list[Any]) -> None:
        self._encoder, self._tally, self._codes = encoder, tally, codes
        for space in self._spaces:
            space.finish()
        self._spaces = spaces
        self._name_rows()
        self.bind(self._catalogue)

    def digest(self) -> str:
        """Hex digest of the learned state."""
        return state_digest(self.snapshot())

    def weights(self, facts: Facts, candidate: int, outcome: int) -> list[tuple[str, float]]:
        """What each predictor adds: log odds with it less those without it, the others as they are."""
        tail = self._tails[candidate]
        form = self._encoder.encode(facts)
        whole = self._scored(outcome, self._features(form), tail)
        found = []
        for owner, one in enumerate(self.predictors):
            dense: Doubles = np.array(form.dense, dtype=np.float64)
            for place in range(len(dense)):
                if self._encoder.owners[place] == owner:
                    dense[place] = 0.0
            rows = [row for row in form.rows.tolist() if self._encoder.owners[row] != owner]
            without = LinearForm(dense.astype(np.float32), np.array(rows, dtype=np.int64))
            found.append((one.name, whole - self._scored(outcome, self._features(without), tail)))
        return sorted(found, key=lambda item: (-abs(item[1]), item[0]))

    def _description(self) -> dict[str, Any]:
        return {
            "model": self.name,
            "format": FORMAT,
            "options": self._options,
            "predictors": [[one.name, str(one.type)] for one in self.predictors],
            "outcomes": list(self.outcomes),
        }


def _hashed(*texts: str) -> str:
    """Name a feature: 16 hexadecimal digits."""
    digest = hashlib.blake2b(digest_size=8)
    for text in texts:
        data = text.encode("utf-8", "surrogatepass")
        digest.update(len(data).to_bytes(4, "little") + data)
    return digest.hexdigest()


def _saved_of(snapshot: Snapshot, heads: int) -> list[bytes]:
    sizes, saved = snapshot.meta.get("sizes"), snapshot.arrays.get("saved")
    if not (isinstance(sizes, list) and len(sizes) == heads and all(type(size) is int and size > 0 for size in sizes)):
        raise ValueError("snapshot: sizes are missing or wrong")
    if saved is None or saved.ndim != 1 or sum(sizes) > min(8 * len(saved), STATE_BYTES_MAX):
        raise ValueError("snapshot: what Vowpal Wabbit saved is missing or cut off")
    words: Counts = read_array(snapshot, "saved", np.int64, saved.shape)
    data = words.astype("<i8").tobytes()
    ends = np.cumsum(sizes).tolist()
    return [data[end - size : end] for size, end in zip(sizes, ends, strict=True)]


def _codes_of(snapshot: Snapshot) -> dict[tuple[str, ...], str]:
    entries = snapshot.meta.get("codes")
    if not isinstance(entries, list):
        raise ValueError("snapshot: codes are missing")
    codes: dict[tuple[str, ...], str] = {}
    for entry in entries:
        if not (isinstance(entry, list) and all(isinstance(text, str) for text in entry)):
            raise ValueError("snapshot: codes: expected lists of text")
        *path, code = entry
        if len(path) not in (1, 2, 4) or len(code) != 16 or not set(code) <= set("0123456789abcdef"):
            raise ValueError("snapshot: codes: expected names and 16 hexadecimal digits")
        codes[tuple(path)] = code
    return codes


def _moved_codes(snapshot: Snapshot, moves: Moves) -> dict[tuple[str, ...], str]:
    """Codes of places that are called otherwise than when they were learned; of several, the one with most answers."""
    codes = _codes_of(snapshot)
    counts = snapshot.arrays["counts"][..., 0].sum(axis=0).tolist()
    found: dict[tuple[str, ...], str] = {}
    ranked = sorted(zip(snapshot.meta["keys"], counts, strict=True), key=lambda item: (-item[1], item[0]))
    for names, _ in ranked:
        for depth in (1, 2, 4):
            path = tuple(names[:depth])
            found.setdefault(moves.place(path), codes.get(path) or _hashed(*path))
    return {path: code for path, code in found.items() if code != _hashed(*path)}
