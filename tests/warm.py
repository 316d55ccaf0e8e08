"""Compile all kernels, so that tests find them in the compiler's cache: `./run test` does so while it checks."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

from opportune import decide, learning

for package in (decide, learning):
    for module in iter_modules(package.__path__, f"{package.__name__}."):
        if module.name.endswith("_numba"):
            import_module(module.name)
