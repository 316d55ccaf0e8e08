"""Scores by an ONNX file: a classifier or regressor that was trained elsewhere.

Needs the extra "onnx". Settings: docs/guides/models.md, "onnx".

Notation: C candidates of the bound catalogue; a run of the file has C rows, or one where nothing of the candidate is
among its inputs.
"""

from __future__ import annotations

import hashlib
import importlib.util
import math
import threading
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import numpy as np

from opportune.learning.base import CandidateKey, Predictor
from opportune.learning.rates import Doubles
from opportune.learning.supplied import SuppliedModel
from opportune.records import Facts, Value, ValueType

__all__ = ["BYTES_MAX", "CANDIDATE_PARTS", "OnnxModel", "has_onnxruntime"]

BYTES_MAX = 8_000_000
RUN_SECONDS_MAX = 1.0
"""A run that takes longer is ended and gives no score."""
CANDIDATE_PARTS = ("group", "action", "channel", "treatment")
"""Names that an input may take from the candidate."""
LEAST = 1e-7
NUMBERS = {"tensor(float)": np.float32, "tensor(double)": np.float64, "tensor(int64)": np.int64}
TEXTS = "tensor(string)"
DAY_SECONDS = 86_400.0
REASON_LENGTH = 240
FLOAT_MAX = 1e30
INT_MAX = 1e15


def has_onnxruntime() -> bool:
    """Say whether the extra "onnx" is installed."""
    return importlib.util.find_spec("onnxruntime") is not None


class OnnxModel(SuppliedModel):
    """An ONNX file as a propensity model; it does not learn beyond rates and, where asked for, a correction.

    Args:
        file: path of the file in the project; `data` is its content, at most BYTES_MAX bytes.
        inputs: name of an input of the file -> predictor, part of the candidate, or list of them as columns.
        output: name of its output; "" takes the only one, or the one called "probabilities".
        column: of an output with several; -1 is the last.
        outcome: head that the file speaks of; "" is the first. Other heads are predicted by their rates.
        scale: "probability" or "log_odds", what the output is.
        levels: predictor or part of the candidate -> its texts, whose places (from 0) stand for them in an input of
            numbers; others are -1.
        recalibrate: whether scores are corrected by counts of what happened after them.

    Raises:
        ValueError: the extra is not installed, the file cannot be used, or a setting does not fit it; the message
            begins with the name of the setting.
    """

    name = "onnx"

    def __init__(
        self,
        predictors: Sequence[Predictor],
        outcomes: Sequence[str],
        kernel: str = "auto",
        *,
        file: str,
        data: bytes,
        inputs: Mapping[str, str | Sequence[str]],
        output: str = "",
        column: int = -1,
        outcome: str = "",
        scale: str = "probability",
        levels: Mapping[str, Sequence[str]] | None = None,
        recalibrate: bool = False,
    ) -> None:
        super().__init__(predictors, outcomes, recalibrate)
        if outcome and outcome not in self.outcomes:
            raise ValueError(f"outcome: expected one of {', '.join(self.outcomes)}")
        for name, given in (("inputs", inputs), ("levels", levels or {})):
            if not isinstance(given, Mapping):
                raise ValueError(f"{name}: expected a map")
        if not all(_are_levels(texts) for texts in (levels or {}).values()):
            raise ValueError("levels: expected lists of texts, each text once")
        if not all(isinstance(parts, str | list | tuple) for parts in inputs.values()):
            raise ValueError("inputs: expected names of attributes, or lists of them")
        if scale not in ("probability", "log_odds"):
            raise ValueError("scale: expected probability or log_odds")
        self._head = self.outcomes.index(outcome) if outcome else 0
        self._is_probability = scale == "probability"
        self._column = column
        self._session = _opened(data)
        self._inputs = _matched(self._session, inputs, {one.name for one in predictors})
        self._output = _output_of(self._session, output)
        _check_column(self._session, self._output, column)
        self._codes = {
            name: {text: place for place, text in enumerate(texts)} for name, texts in (levels or {}).items()
        }
        self._is_per_candidate = any(part in CANDIDATE_PARTS for names in self._inputs.values() for part in names)
        self._types = {entry.name: entry.type for entry in self._session.get_inputs()}
        _check_values(self._inputs, self._types, {one.name: one.type for one in predictors}, self._codes)
        self._supplied = {
            "file": file,
            "sha256": hashlib.sha256(data).hexdigest(),
            "outcome": self.outcomes[self._head],
            "inputs": [[name, *names] for name, names in sorted(self._inputs.items())],
            "output": self._output,
            "column": column,
            "scale": scale,
            "levels": {name: list(texts) for name, texts in sorted((levels or {}).items())},
        }

    def supplied(self) -> Mapping[str, Any]:
        """Give the file's digest and how it is read."""
        return self._supplied

    def score(self, facts: Facts) -> Doubles | None:
        """Run the file once for all candidates."""
        size = len(self.catalogue)
        scores = np.full((len(self.outcomes), size), math.nan)
        if not size:
            return scores
        found = self.run(facts, self.catalogue if self._is_per_candidate else self.catalogue[:1])
        if found is None:
            self.faults += 1
        else:
            self.faults += int(np.isnan(found).sum())
            scores[self._head] = found
        return scores

    def run(self, facts: Facts, candidates: Sequence[CandidateKey]) -> Doubles | None:
        """Give log odds of these candidates, NaN where they are no finite number; None where the run failed."""
        try:
            feeds = {name: self._fed(name, parts, facts, candidates) for name, parts in self._inputs.items()}
            (raw,) = _bounded_run(self._session, self._output, feeds)
            values = np.asarray(raw, dtype=np.float64)
            values = values.reshape(len(candidates), -1)[:, self._column]
        except Exception:  # noqa: BLE001  Whatever a file of somebody else's raises, the decision goes on by the rates.
            return None
        with np.errstate(divide="ignore", invalid="ignore"):
            if self._is_probability:
                values = np.where((values >= 0.0) & (values <= 1.0), np.clip(values, LEAST, 1.0 - LEAST), math.nan)
                values = np.log(values / (1.0 - values))
        return np.where(np.isfinite(values), values, math.nan)

    def _fed(self, name: str, parts: Sequence[str], facts: Facts, candidates: Sequence[CandidateKey]) -> Any:
        kind = self._types[name]
        columns: list[list[Any]] = []
        for part in parts:
            if part in CANDIDATE_PARTS:
                values: list[Value | None] = [getattr(candidate, part) for candidate in candidates]
            else:
                values = [facts.get(part)] * len(candidates)
            if kind == TEXTS:
                columns.append([_text(value) for value in values])
            else:
                codes, now = self._codes.get(part), facts.get("now")
                columns.append([_number(value, codes, now, kind) for value in values])
        rows = [list(row) for row in zip(*columns, strict=True)]
        return np.array(rows, dtype=object if kind == TEXTS else NUMBERS[kind])


def _opened(data: bytes) -> Any:
    if not has_onnxruntime():
        raise ValueError("kind: the package onnxruntime is not installed; install opportune[onnx]")
    if len(data) > BYTES_MAX:
        raise ValueError(f"file: expected at most {BYTES_MAX} bytes, found {len(data)}")
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.log_severity_level = 4
    options.use_deterministic_compute = True
    try:
        return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # noqa: BLE001  Its own errors derive from nothing narrower.
        # Its messages begin with places in its own source; what is wrong comes last.
        reason = " ".join(str(error).split())[-REASON_LENGTH:]
        raise ValueError(f"file: onnxruntime {onnxruntime.__version__} cannot load it: {reason}") from None


def _matched(session: Any, inputs: Mapping[str, str | Sequence[str]], predictors: set[str]) -> dict[str, list[str]]:
    """Compare the inputs of the file with what they are to be fed with."""
    wanted = {entry.name: entry for entry in session.get_inputs()}
    for name in inputs:
        if name not in wanted:
            raise ValueError(f"inputs: the file has no input '{name[:60]}'; it has {', '.join(wanted)}")
    missing = [name for name in wanted if name not in inputs]
    if missing:
        raise ValueError(f"inputs: nothing is given for input '{missing[0][:60]}' of the file")
    matched = {}
    for name, parts in inputs.items():
        entry = wanted[name]
        listed = [parts] if isinstance(parts, str) else list(parts)
        if entry.type != TEXTS and entry.type not in NUMBERS:
            raise ValueError(f"inputs: '{name[:60]}' takes {entry.type}; expected float, double, int64 or string")
        for part in listed:
            if part not in predictors and part not in CANDIDATE_PARTS:
                raise ValueError(
                    f"inputs: '{part[:60]}' is neither an attribute that the model sees nor one of "
                    f"{', '.join(CANDIDATE_PARTS)}"
                )
        width = entry.shape[1] if len(entry.shape) == 2 else None
        if len(entry.shape) != 2 or (isinstance(width, int) and width != len(listed)):
            expected = f"{width} columns" if isinstance(width, int) else "a table of rows and columns"
            raise ValueError(f"inputs: '{name[:60]}' takes {expected}, found {len(listed)}; shape {entry.shape}")
        matched[name] = listed
    return matched


def _are_levels(texts: Sequence[str]) -> bool:
    is_list = isinstance(texts, list | tuple) and all(isinstance(text, str) for text in texts)
    return is_list and len(set(texts)) == len(texts)


def _check_values(
    inputs: Mapping[str, Sequence[str]],
    kinds: Mapping[str, str],
    types: Mapping[str, ValueType],
    codes: Mapping[str, Mapping[str, int]],
) -> None:
    """Refuse what would feed an input with nothing but missing values."""
    for name, parts in inputs.items():
        for part in parts:
            kind = types.get(part, ValueType.TEXT)
            if kind is ValueType.TEXTS:
                raise ValueError(f"inputs: '{part[:60]}' is a list of texts, which no input takes")
            if kinds[name] == TEXTS and kind is not ValueType.TEXT:
                raise ValueError(f"inputs: '{name[:60]}' takes texts, and '{part[:60]}' is none")
            if kinds[name] != TEXTS and types.get(part) is ValueType.TEXT and part not in codes:
                raise ValueError(f"inputs: '{name[:60]}' takes numbers, and '{part[:60]}' is a text without levels")
            if kinds[name] != TEXTS and kind is not ValueType.TEXT and part in codes:
                raise ValueError(f"levels: '{part[:60]}' is no text")


def _check_column(session: Any, output: str, column: int) -> None:
    """Refuse a column that the output does not have, where the file says how many it has."""
    shape = next(entry.shape for entry in session.get_outputs() if entry.name == output)
    is_row_by_row = len(shape) == 2 and (not isinstance(shape[0], int) or shape[0] == 1)
    if is_row_by_row and isinstance(width := shape[1], int) and not -width <= column < width:
        raise ValueError(f"column: expected one of the output's {width}, counted from 0, found {column}")


def _output_of(session: Any, output: str) -> str:
    outputs = {entry.name: entry.type for entry in session.get_outputs()}
    tensors = [name for name, kind in outputs.items() if kind in NUMBERS]
    if output and output not in outputs:
        raise ValueError(f"output: the file has no output '{output[:60]}'; it has {', '.join(outputs)}")
    if not output:
        output = "probabilities" if "probabilities" in outputs else (tensors[0] if len(tensors) == 1 else "")
        if not output:
            raise ValueError(f"output: name one of {', '.join(outputs)}")
    if outputs[output] not in NUMBERS:
        raise ValueError(
            f"output: '{output[:60]}' gives {outputs[output]}; expected a tensor of numbers "
            "(export classifiers without a map of classes: zipmap off)"
        )
    return output


def _bounded_run(session: Any, output: str, feeds: Mapping[str, Any]) -> Any:
    """Run a file for RUN_SECONDS_MAX at most."""
    import onnxruntime

    options = onnxruntime.RunOptions()
    options.log_severity_level = 4
    alarm = threading.Timer(RUN_SECONDS_MAX, setattr, (options, "terminate", True))
    alarm.daemon = True
    alarm.start()
    try:
        return session.run([output], feeds, options)
    finally:
        alarm.cancel()


def _text(value: Value | None) -> str:
    return value if isinstance(value, str) else ""


def _number(value: Value | None, codes: Mapping[str, int] | None, now: Value | None, kind: str) -> float | int:
    """Give a value as a number of the input's type; NaN, or for whole numbers -1, where it is none."""
    if codes is not None:
        return codes.get(value, -1) if isinstance(value, str) else -1
    number = math.nan
    if isinstance(value, bool | int | float):
        number = float(value) if -FLOAT_MAX <= value <= FLOAT_MAX else math.nan
    elif isinstance(value, datetime) and isinstance(now, datetime) and (value.tzinfo is None) == (now.tzinfo is None):
        number = (now - value).total_seconds() / DAY_SECONDS
    if kind != "tensor(int64)":
        return number
    return int(number) if abs(number) <= INT_MAX else -1
