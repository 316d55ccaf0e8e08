"""Small files that users write for a command."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from opportune.cli.output import fail

__all__ = ["read_yaml"]


def read_yaml(path: Path) -> Any:
    """Read a YAML file; to be called inside of `failures`."""
    try:
        return YAML(typ="safe", pure=True).load(path.read_text("utf-8"))
    except (YAMLError, UnicodeDecodeError):
        fail(f"{path}: expected YAML in UTF-8")
