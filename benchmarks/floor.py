"""The floor: the same decision in one C function, compiled on the spot."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.world import Rule, World
from opportune.learning import exploration_numpy as exploration
from opportune.learning.bayes import BayesModel

__all__ = ["FLAGS", "Floor", "FloorAnswer", "compiler", "library"]

FLAGS = ("-O3", "-march=native", "-ffast-math", "-fPIC")
WIDE_VECTORS = "-mprefer-vector-width=512"
"""Left out where the compiler does not know it."""
PLACES = 3
SINGLE, DOUBLE = 6, 2
LANES = 16
ONE_AS_HALF = 0x3C00
"""As a mean; as a variance a small number."""

_FLOATS, _DOUBLES = ctypes.POINTER(ctypes.c_float), ctypes.POINTER(ctypes.c_double)
_INTS, _MASKS, _LONGS = ctypes.POINTER(ctypes.c_int32), ctypes.POINTER(ctypes.c_uint32), ctypes.POINTER(ctypes.c_int64)
_BYTES, _SHORTS = ctypes.POINTER(ctypes.c_uint8), ctypes.POINTER(ctypes.c_uint16)
_POINTERS: dict[np.dtype[Any], Any] = {
    np.dtype(np.float32): _FLOATS,
    np.dtype(np.float64): _DOUBLES,
    np.dtype(np.int32): _INTS,
    np.dtype(np.uint32): _MASKS,
    np.dtype(np.int64): _LONGS,
    np.dtype(np.uint8): _BYTES,
    np.dtype(np.uint16): _SHORTS,
}


class _Plan(ctypes.Structure):
    _fields_ = (
        *((name, ctypes.c_int32) for name in ("n", "np", "atoms", "levels", "dense", "rows", "tp")),
        ("number_of", _INTS),
        ("low", _FLOATS),
        ("high", _FLOATS),
        ("mask", _MASKS),
        ("first", _INTS),
        ("second", _INTS),
        ("joint", _SHORTS),
        ("top", _FLOATS),
        ("group_of", _INTS),
        ("value", _FLOATS),
        ("shown", _FLOATS),
        ("boost", _FLOATS),
        ("scale", ctypes.c_double),
        ("floor", ctypes.c_double),
        ("truth", _INTS),
        ("mean", _FLOATS),
        ("spread", _FLOATS),
        ("propensity", _FLOATS),
        ("alive", _INTS),
        ("contender", _INTS),
        ("row_of", _INTS),
        ("m", _FLOATS),
        ("s", _FLOATS),
        ("chance", _DOUBLES),
    )


class _Contact(ctypes.Structure):
    _fields_ = (
        ("numbers", _FLOATS),
        ("categories", _INTS),
        ("features", _FLOATS),
        ("active", _LONGS),
        ("uniform", _DOUBLES),
        ("stages", _BYTES),
        ("chosen", _INTS),
        ("probability", _DOUBLES),
        ("nanoseconds", ctypes.c_double),
    )


@dataclass(frozen=True, slots=True)
class FloorAnswer:
    """Candidates and probabilities of the three places, how many passed the gate, and the time inside of C."""

    chosen: list[int]
    probability: list[float]
    passed: int
    microseconds: float


def compiler() -> str | None:
    """Find a C compiler."""
    return shutil.which("gcc") or shutil.which("cc")


def library(folder: Path) -> ctypes.CDLL:
    """Compile floor.c into `folder`.

    Raises:
        OSError: no compiler, or it failed.
    """
    command = compiler()
    if command is None:
        raise OSError("no C compiler (gcc or cc) on the PATH")
    source, part, target = Path(__file__).with_name("floor.c"), folder / "floor.o", folder / "floor.so"
    for extra in ((WIDE_VECTORS,), ()):
        compiling = [command, *FLAGS, *extra, *_constants(), "-c", "-o", str(part), str(source)]
        # Linked without -ffast-math, which would turn small numbers off for the whole process and all who are measured.
        linking = [command, "-shared", "-o", str(target), str(part), "-lm"]
        for step in (compiling, linking):
            done = subprocess.run(step, capture_output=True, text=True)
            if done.returncode != 0:
                break
        else:
            return ctypes.CDLL(str(target))
    raise OSError(f"{command} failed: {done.stderr.strip()[:500]}")


def _constants() -> list[str]:
    names = ("BOUND", "RANK", "NODES", "NODES_LEAST", "NODES_MOST", "REACH", "POOL_REACH", "NORMAL_REACH")
    same = [f"-D{name}={getattr(exploration, name)}" for name in names]
    depths, counts = zip(*exploration.CUTS, strict=True)
    listed = {"CUT_DEPTHS": depths, "CUT_COUNTS": counts, "NORMAL_FACTORS": exploration.NORMAL}
    return [*same, *(f"-D{name}=" + ",".join(map(repr, numbers)) for name, numbers in listed.items())]


class Floor:
    """floor.c bound to one world and one learned model.

    Args:
        boost: lever × context weight, float32 [N].
    """

    def __init__(
        self, world: World, model: BayesModel, boost: np.ndarray, scale: float, floor: float, weight: float
    ) -> None:
        # A loaded library needs its file no longer.
        with tempfile.TemporaryDirectory() as folder:
            self._decide: Any = library(Path(folder)).floor_decide
        self._decide.restype = None
        self._world = world
        self._model = model
        self._kept: list[np.ndarray] = []
        size = -(-world.size // LANES) * LANES
        joint, top = _padded(_joint(model), size), model._top[0]
        self._ruled = sorted({atom.name for rule in world.rules for clause in rule for atom in clause})
        self._numbers = [name for name in self._ruled if name not in world.levels]
        self._categories = [name for name in self._ruled if name in world.levels]
        self._plan = _Plan(n=world.size, np=size, tp=top.shape[2], scale=scale, floor=floor)
        self._set_rules(world.rules, size)
        group_of = np.zeros(size, dtype=np.int32)
        group_of[: len(model._group_of)] = model._group_of[:size]
        arrays = {
            "joint": joint,
            "top": top,
            "group_of": group_of,
            "value": _wide(world.values * weight, size),
            "shown": _wide(world.costs * weight, size),
            "boost": _wide(boost, size),
            "mean": np.zeros(size, dtype=np.float32),
            "spread": np.zeros(size, dtype=np.float32),
            "propensity": np.zeros(size, dtype=np.float32),
            "alive": np.zeros(size + 1, dtype=np.int32),
            "contender": np.zeros(size + 1, dtype=np.int32),
            "row_of": np.zeros(size + 1, dtype=np.int32),
            "m": np.zeros(size + 1, dtype=np.float32),
            "s": np.zeros(size + 1, dtype=np.float32),
            "chance": np.zeros(size + 1),
        }
        for name, array in arrays.items():
            self._point(self._plan, name, array)
        self._contact = _Contact()
        self._stages = np.zeros(size, dtype=np.uint8)
        self._chosen = np.zeros(PLACES, dtype=np.int32)
        self._probability = np.zeros(PLACES)
        for name, array in (("stages", self._stages), ("chosen", self._chosen), ("probability", self._probability)):
            self._point(self._contact, name, array)
        self._contacts = [self._looked_up(profile) for profile in world.profiles]

    def _point(self, target: ctypes.Structure, name: str, array: np.ndarray) -> None:
        own = _aligned(array)
        if name in ("stages", "chosen", "probability"):
            own = array
        self._kept.append(own)
        setattr(target, name, own.ctypes.data_as(_POINTERS[own.dtype]))

    def _set_rules(self, rules: list[Rule], size: int) -> None:
        atoms = list({atom: None for rule in rules for clause in rule for atom in clause})
        on_numbers = [atom for atom in atoms if not atom.levels]
        on_levels = [atom for atom in atoms if atom.levels]
        place = {atom: 2 + i for i, atom in enumerate([*on_numbers, *on_levels])}
        first = np.zeros((SINGLE, size), dtype=np.int32)
        second = np.ones((DOUBLE, size), dtype=np.int32)
        for i, rule in enumerate(rules):
            for k, clause in enumerate(rule):
                first[k, i] = place[clause[0]]
                if len(clause) == 2:
                    second[k, i] = place[clause[1]]
        first[0, len(rules) :] = 1  # never true: padding is dropped
        columns = [self._numbers.index(atom.name) for atom in on_numbers]
        columns += [self._categories.index(atom.name) for atom in on_levels]
        masks = [sum(1 << self._world.levels[atom.name].index(level) for level in atom.levels) for atom in on_levels]
        lows = [-3e38 if atom.low is None else atom.low for atom in on_numbers]
        highs = [3e38 if atom.high is None else atom.high for atom in on_numbers]
        self._plan.atoms, self._plan.levels = len(on_numbers), len(on_levels)
        for name, array in (
            ("number_of", np.array(columns, dtype=np.int32)),
            ("low", np.array(lows, dtype=np.float32)),
            ("high", np.array(highs, dtype=np.float32)),
            ("mask", np.array(masks, dtype=np.uint32)),
            ("first", first),
            ("second", second),
            ("truth", np.zeros(len(atoms) + 2, dtype=np.int32)),
        ):
            self._point(self._plan, name, array)

    def _looked_up(self, profile: dict[str, float | str]) -> dict[str, np.ndarray]:
        form = self._model.encode(profile)
        return {
            "numbers": np.array([profile[name] for name in self._numbers], dtype=np.float32),
            "categories": np.array(
                [self._world.levels[name].index(str(profile[name])) for name in self._categories], dtype=np.int32
            ),
            "features": form.dense.copy(),
            "active": form.rows.copy(),
        }

    def decide(self, customer: int, uniforms: np.ndarray) -> FloorAnswer:
        """Decide for one customer; the time is taken inside of C."""
        looked_up = self._contacts[customer]
        self._plan.dense, self._plan.rows = len(looked_up["features"]), len(looked_up["active"])
        for name, array in looked_up.items():
            setattr(self._contact, name, array.ctypes.data_as(_POINTERS[array.dtype]))
        self._contact.uniform = uniforms.ctypes.data_as(_DOUBLES)
        self._decide(ctypes.byref(self._plan), ctypes.byref(self._contact))
        return FloorAnswer(
            self._chosen.tolist(),
            self._probability.tolist(),
            int((self._stages[: self._world.size] != 1).sum()),
            self._contact.nanoseconds / 1000.0,
        )


def _joint(model: BayesModel) -> np.ndarray:
    """Give mean and variance of every weight below the groups as the Numba kernel reads them, uint16 [F, 2, Cp]."""
    return np.stack((model._means[0], model._variances[0]), axis=1)


def _padded(joint: np.ndarray, size: int) -> np.ndarray:
    wide = np.full((joint.shape[0], 2, size), ONE_AS_HALF, dtype=np.uint16)
    wide[:, :, : min(size, joint.shape[2])] = joint[:, :, :size]
    return wide


def _wide(values: np.ndarray, size: int) -> np.ndarray:
    wide = np.zeros(size, dtype=np.float32)
    wide[: len(values)] = values
    return wide


def _aligned(array: np.ndarray) -> np.ndarray:
    """Copy to an address that is a multiple of 64."""
    room = np.empty(array.nbytes + 64, dtype=np.uint8)
    start = -room.ctypes.data % 64
    own = room[start : start + array.nbytes].view(array.dtype).reshape(array.shape)
    own[...] = array
    return own
