"""Results of earlier runs, one file per contender, task and seed, valid while code and data stay the same."""

from __future__ import annotations

import ast
import functools
import hashlib
import importlib
import importlib.metadata
import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from benchmarks.learning.contenders.base import Contender
from opportune.learning import MODELS
from opportune.strategy.sections.exploration import Exploration

__all__ = ["Cache", "code_digest", "sources_of"]

ROOT = Path(__file__).parents[2]
SOURCES = ROOT / "src"
SHARED = ("benchmarks/learning/runs.py", "benchmarks/learning/contenders/features.py")
EXPLORING = ("opportune.learning.exploration", "opportune.decide.steps")
"""What our choices go through besides the model."""
TRAINING = "opportune.learning.tree_training"
TRAINED = {"trees", "mixture"}
"""Kinds of our models that trees are trained for, where LightGBM is installed."""
COUNTED = ("opportune.learning.", "opportune.decide.steps")
"""Modules whose code figures depend on; those below them are taken to mean what they always meant."""


class Cache:
    """A folder of JSON files. What code does is read once, when the first result is asked for."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._code: dict[str, str] = {}

    def get(
        self, task: str, contender: Contender, seed: int, data: str, of_earlier_code: bool = False
    ) -> dict[str, Any] | None:
        """Give the result of an earlier run on these data; None where there is none, or the code has changed since.

        Args:
            of_earlier_code: give it all the same; its "is_earlier" says that the code has changed.
        """
        try:
            kept: dict[str, Any] = json.loads(self._path(task, contender, seed).read_text())
        except (OSError, ValueError):
            return None
        kept["is_earlier"] = kept.get("code") != self._code_of(contender)
        return kept if kept.get("data") == data and (of_earlier_code or not kept["is_earlier"]) else None

    def put(self, task: str, contender: Contender, seed: int, data: str, result: dict[str, Any]) -> None:
        """Keep a result, in one step, so that a run that was broken off leaves whole files."""
        path = self._path(task, contender, seed)
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(f".{os.getpid()}.part")
        part.write_text(json.dumps({"code": self._code_of(contender), "data": data, **result}))
        part.replace(path)

    def _code_of(self, contender: Contender) -> str:
        name = f"{contender.role} {contender.name} {contender.make}"
        if name not in self._code:
            self._code[name] = _version_of(contender)
        return self._code[name]

    def _path(self, task: str, contender: Contender, seed: int) -> Path:
        return self._folder / task / f"{contender.name.replace(' ', '-')}.{seed}.json"


def _version_of(contender: Contender) -> str:
    """Name all code that a result depends on: its own, its options, versions of packages."""
    maker: Any = contender.make
    options: list[str] = []
    while isinstance(maker, functools.partial):
        options += [repr(a) for a in maker.args if isinstance(a, str)]
        maker = maker.func
    files = [*(ROOT / name for name in SHARED), Path(importlib.import_module(maker.__module__).__file__ or "")]
    if contender.role == "ours":
        files += sources_of(contender.name)
        options.append(repr(Exploration()))
        options += [f"lightgbm {_version('lightgbm')}"] if contender.name in TRAINED else []
    packages = [f"{name} {_version(name)}" for name in contender.packages]
    return hashlib.sha256("\n".join([*options, *packages, code_digest(files)]).encode()).hexdigest()[:24]


def sources_of(kind: str) -> list[Path]:
    """Give the files of the product that a model of this kind, and the exploration, are made of."""
    waiting = [MODELS[kind].__module__, *EXPLORING, *([TRAINING] if kind in TRAINED else [])]
    found: dict[str, Path] = {}
    while waiting:
        module = waiting.pop()
        path = _file_of(module)
        if path is not None and module not in found:
            found[module] = path
            waiting += _imported(path, path.stat().st_mtime_ns)
    return [found[module] for module in sorted(found)]


def _file_of(module: str) -> Path | None:
    if not module.startswith(COUNTED):
        return None
    path = (SOURCES / module.replace(".", "/")).with_suffix(".py")
    return path if path.exists() else None


@functools.lru_cache(maxsize=512)
def _imported(path: Path, changed: int) -> list[str]:
    """Give what a file imports and what stands in it, wherever in the file: a name may be that of a module."""
    found = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            found += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return found


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "missing"


def code_digest(files: Iterable[Path]) -> str:
    """Digest of what files do: comments, docstrings and layout left out."""
    content = hashlib.sha256()
    for path in files:
        content.update(_meaning(path, path.stat().st_mtime_ns).encode())
    return content.hexdigest()[:16]


@functools.lru_cache(maxsize=512)
def _meaning(path: Path, changed: int) -> str:
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            node.body = [part for part in body if not _is_text(part)]  # type: ignore[attr-defined]
    return ast.dump(tree)


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
