"""The starter project: real files that teach, copied to begin with."""

from __future__ import annotations

import re
from pathlib import Path

from opportune.errors import Problem, ProjectError

__all__ = ["STARTER", "copy_starter"]

STARTER = Path(__file__).parent / "starter"


def copy_starter(directory: Path) -> list[Path]:
    """Copy the starter project into a new or empty folder, whose name becomes the strategy's.

    Returns:
        the paths written, inside the folder.

    Raises:
        ProjectError: the folder is a file, or holds something else than a `.git`.
    """
    paths = sorted(path.relative_to(STARTER) for path in STARTER.rglob("*") if path.is_file())
    if directory.exists() and not directory.is_dir():
        problem = Problem(
            directory.as_posix(), 0, 0, "", "expected a folder, found a file", "name another", "no-folder"
        )
        raise ProjectError([problem])
    present = {path.name for path in directory.iterdir()} - {".git"} if directory.exists() else set()
    if present:
        message = "here is a strategy already" if "project.yaml" in present else "the folder is not empty"
        remedy = "name a folder that is new or empty"
        raise ProjectError([Problem(directory.as_posix(), 0, 0, "", message, remedy, "exists")])
    for path in paths:
        target = directory / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes((STARTER / path).read_bytes())
    _name(directory)
    return paths


def _name(directory: Path) -> None:
    """Give the strategy the name of its folder, where one can be made of it."""
    name = re.sub(r"[^a-z0-9]+", "_", directory.resolve().name.lower()).strip("_")[:100]
    if re.match(r"[a-z]", name):
        file = directory / "project.yaml"
        text = file.read_text(encoding="utf-8").replace("\nname: starter\n", f"\nname: {name}\n", 1)
        file.write_text(text, encoding="utf-8")
