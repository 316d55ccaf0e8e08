"""The starter project and the packs of a line of business: real files that teach, copied to begin with."""

from __future__ import annotations

from pathlib import Path

from opportune.errors import Problem, ProjectError, suggest
from opportune.strategy.schema import FOLDER
from opportune.strategy.wording import name_like

__all__ = ["PACKS", "STARTER", "copy_starter", "pack_folder"]

STARTER = Path(__file__).parent / "starter"
PACKS = ("bank", "retail", "telecom")
"""Small projects with the events and features of a line of business."""


def pack_folder(pack: str) -> Path:
    """Give the folder of a pack."""
    return Path(__file__).parent / "packs" / pack


def copy_starter(directory: Path, pack: str = "") -> list[Path]:
    """Copy the starter project, or a pack, into a new or empty folder, whose name becomes the strategy's.

    Args:
        pack: of `PACKS`, or "".

    Returns:
        the paths written, inside the folder.

    Raises:
        ProjectError: there is no such pack; the folder is a file, or holds something else than a `.git`.
    """
    if pack and pack not in PACKS:
        message, remedy = f"there is no pack '{pack[:100]}'", suggest(pack, PACKS, f"packs: {', '.join(PACKS)}")
        raise ProjectError([Problem("", 0, 0, "--pack", message, remedy, "unknown-pack")])
    sources = _files(pack_folder(pack) if pack else STARTER)
    sources |= {path: file for path, file in _files(STARTER).items() if path.parts[0] == FOLDER}
    paths = sorted(sources)
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
        target.write_bytes(sources[path].read_bytes())
    _name(directory, pack or "starter")
    return paths


def _files(folder: Path) -> dict[Path, Path]:
    """Give the files of a folder by their paths inside of it."""
    return {path.relative_to(folder): path for path in folder.rglob("*") if path.is_file()}


def _name(directory: Path, former: str) -> None:
    """Give the strategy the name of its folder, where one can be made of it."""
    name = name_like(directory.resolve().name)
    if name:
        file = directory / "project.yaml"
        text = file.read_text(encoding="utf-8").replace(f"\nname: {former}\n", f"\nname: {name}\n", 1)
        file.write_text(text, encoding="utf-8")
