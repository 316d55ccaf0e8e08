"""A class of the user's as a member of the family, guarded: whatever it does, decisions and learning go on.

The class is installed on the machine as any Python package is; no code ever comes from a project's files. It must be a
`PropensityModel` of its own; `opportune.testing.models.PropensityModelContract` is the suite to run it with.
Guide: docs/guides/models.md, "python".
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, TypeVar

import numpy as np

from opportune.learning.base import CandidateKey, Encoded, Floats, Prediction, Predictor, PropensityModel, Snapshot
from opportune.learning.moves import Moves
from opportune.learning.rates import rates
from opportune.learning.snapshot import state_digest, to_bytes
from opportune.learning.supplied import check_names
from opportune.learning.tally import Tally
from opportune.records import Facts

__all__ = ["PythonModel", "class_of"]

PLACE = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*")
INNER = "inner."
LOG_ODDS_MAX = 15.0
SPREAD_LEAST = 1e-6

T = TypeVar("T")


def class_of(place: str) -> type[PropensityModel]:
    """Import a class by its place, such as "churn_models:Scorecard".

    Raises:
        ValueError: it cannot be imported, or is no complete PropensityModel; the message begins with "place".
    """
    if not PLACE.fullmatch(place):
        raise ValueError("place: expected module:Class, such as churn_models:Scorecard")
    module_name, _, name = place.partition(":")
    try:
        module = importlib.import_module(module_name)
    except Exception as error:  # noqa: BLE001  What a module of the user's raises is for its author to mend.
        raise ValueError(
            f"place: module {module_name} cannot be imported ({type(error).__name__}); install its package where "
            "Opportune runs"
        ) from None
    found = getattr(module, name, None)
    if not (isinstance(found, type) and issubclass(found, PropensityModel)):
        what = "nothing of that name" if found is None else "something else"
        raise ValueError(f"place: expected a subclass of opportune.learning.PropensityModel, found {what}")
    if missing := sorted(found.__abstractmethods__):
        raise ValueError(f"place: {name} lacks {', '.join(missing)}")
    return found


class _Form(Encoded):
    __slots__ = ("inner",)

    def __init__(self, inner: Encoded | None) -> None:
        self.inner = inner


class PythonModel(PropensityModel):
    """A guarded model of the user's class.

    Where the class raises an exception, or gives something of another shape or not finite, the rates of the candidates
    stand in and `faults` counts it. An answer that it fails to learn is counted in the rates all the same.

    Args:
        options: keyword arguments for the class, beside predictors, outcomes and kernel.
        place: "module:Class", as in `class_of`.

    Attributes:
        faults: calls that went wrong since the model was made; no part of the state.

    Raises:
        ValueError: the class cannot be had, or cannot be made of these arguments; the message begins with the name of
            the setting.
    """

    name = "python"
    additive: ClassVar[bool] = False

    def __init__(
        self,
        predictors: Sequence[Predictor],
        outcomes: Sequence[str],
        kernel: str = "auto",
        *,
        place: str,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        check_names(predictors, outcomes)
        self.outcomes = tuple(outcomes)
        self.place = place
        self.faults = 0
        self._names = {one.name for one in predictors} | {"now"}
        self._tally = Tally(self.outcomes)
        self._size = 0
        if options is not None and not isinstance(options, Mapping):
            raise ValueError("options: expected a map")
        made: Callable[..., PropensityModel] = class_of(place)
        try:
            self._inner = made(predictors, outcomes, kernel, **(options or {}))
        except Exception as error:  # noqa: BLE001  As above.
            raise ValueError(f"options: {place} cannot be made of them ({type(error).__name__})") from None
        self.kernel = str(getattr(self._inner, "kernel", "numpy"))

    def _guarded(self, call: Callable[[], T]) -> T | None:
        try:
            return call()
        except Exception:  # noqa: BLE001  A decision must not break by somebody else's code.
            self.faults += 1
            return None

    def _seen(self, facts: Facts) -> Facts:
        return {name: value for name, value in facts.items() if name in self._names}

    def bind(self, catalogue: Sequence[CandidateKey]) -> None:
        """Fix the candidate axis."""
        self._tally.bind(catalogue)
        self._size = len(catalogue)
        self._guarded(lambda: self._inner.bind(catalogue))

    def encode(self, facts: Facts) -> Encoded:
        """Let the class encode; it sees its predictors and `now`, nothing else."""
        return _Form(self._guarded(lambda: self._inner.encode(self._seen(facts))))

    def predict(self, encoded: Encoded) -> Prediction:
        """Let the class score; rates stand in for whatever cannot be used."""
        assert isinstance(encoded, _Form)
        inner = encoded.inner
        found = None if inner is None else self._guarded(lambda: self._inner.predict(inner))
        shape = (len(self.outcomes), self._size)
        arrays = self._guarded(lambda: _sound(found, shape)) if found is not None else None
        if arrays is None or not all(np.isfinite(values).all() for values in arrays):
            standing = rates(self._tally)
            if arrays is None:
                arrays = standing
            else:
                self.faults += 1
                is_known = np.isfinite(arrays[0]) & np.isfinite(arrays[1])
                arrays = (np.where(is_known, arrays[0], standing[0]), np.where(is_known, arrays[1], standing[1]))
        log_odds = np.clip(arrays[0], -LOG_ODDS_MAX, LOG_ODDS_MAX)
        spread = np.maximum(arrays[1], SPREAD_LEAST).astype(np.float32)
        return Prediction((1.0 / (1.0 + np.exp(-log_odds))).astype(np.float32), log_odds.astype(np.float32), spread)

    def learn(self, facts: Facts, candidate: int, outcome: int, happened: bool) -> None:
        """Let the class learn."""
        self._tally.add(candidate, outcome, happened)
        self._guarded(lambda: self._inner.learn(self._seen(facts), candidate, outcome, happened))

    def unlearn(self, facts: Facts, candidate: int, outcome: int, happened: bool) -> None:
        """Let the class take an answer back."""
        if self._tally.take(candidate, outcome, happened):
            self._guarded(lambda: self._inner.unlearn(self._seen(facts), candidate, outcome, happened))

    def evidence(self) -> Floats:
        """Number of answers that were given to learn."""
        return self._tally.evidence()

    def snapshot(self) -> Snapshot:
        """Copy the state of the class, where it can give one, and the counts."""
        inner = self._guarded(self._inner_state)
        own = self._tally.snapshot()
        arrays = {**own.arrays, **{INNER + name: values for name, values in (inner.arrays if inner else {}).items()}}
        meta = {**own.meta, **self._description(), "inner": dict(inner.meta) if inner else None}
        return Snapshot(arrays, meta)

    def _inner_state(self) -> Snapshot:
        state = self._inner.snapshot()
        to_bytes(state)
        return state

    def restore(self, snapshot: Snapshot) -> None:
        """Take over a state."""
        for name, expected in self._description().items():
            if snapshot.meta.get(name) != expected:
                raise ValueError(f"snapshot: {name} is not that of this model")
        tally = self._tally.restored(snapshot, self._catalogue())
        inner = _inner_of(snapshot)
        if inner is not None:
            self._strictly(lambda: self._inner.restore(inner))
        self._tally = tally

    def adopt(self, snapshot: Snapshot, moves: Moves) -> None:
        """Let the class adopt what another one of its kind knew."""
        if (snapshot.meta.get("model"), snapshot.meta.get("class")) != (self.name, self.place):
            raise ValueError("snapshot: it is of another model")
        tally = self._tally.restored(self._tally.carried(snapshot, moves), self._catalogue())
        inner = _inner_of(snapshot)
        if inner is not None:
            self._strictly(lambda: self._inner.adopt(inner, moves))
        self._tally = tally

    def _strictly(self, call: Callable[[], None]) -> None:
        try:
            call()
        except Exception as error:  # noqa: BLE001  Whatever it raises, the contract knows one refusal.
            raise ValueError(f"snapshot: {self.place} refused it ({type(error).__name__})") from None

    def _catalogue(self) -> list[CandidateKey]:
        return [self._tally.keys[row] for row in self._tally.bound.tolist()]

    def digest(self) -> str:
        """Hex digest of the learned state."""
        return state_digest(self.snapshot())

    def weights(self, facts: Facts, candidate: int, outcome: int) -> list[tuple[str, float]]:
        """Ask the class for contributions; none where it fails."""
        found = self._guarded(lambda: self._inner.weights(self._seen(facts), candidate, outcome)) or []
        kept = [(name, float(part)) for name, part in found if name in self._names and np.isfinite(part)]
        return sorted(kept, key=lambda item: (-abs(item[1]), item[0]))

    def _description(self) -> dict[str, Any]:
        return {"model": self.name, "format": 1, "class": self.place, "outcomes": list(self.outcomes)}


def _sound(
    prediction: Prediction, shape: tuple[int, int]
) -> tuple[np.ndarray[Any, np.dtype[np.float64]], np.ndarray[Any, np.dtype[np.float64]]]:
    log_odds = np.asarray(prediction.log_odds, dtype=np.float64)
    spread = np.asarray(prediction.spread, dtype=np.float64)
    if log_odds.shape != shape or spread.shape != shape:
        raise ValueError("prediction: wrong shape")
    return log_odds, spread


def _inner_of(snapshot: Snapshot) -> Snapshot | None:
    meta = snapshot.meta.get("inner")
    if meta is None:
        return None
    if not isinstance(meta, dict):
        raise ValueError("snapshot: state of the class is missing")
    arrays = {name.removeprefix(INNER): v for name, v in snapshot.arrays.items() if name.startswith(INNER)}
    return Snapshot(arrays, meta)
