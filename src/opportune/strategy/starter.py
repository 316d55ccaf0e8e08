"""The starter project: real files that teach, copied to begin with."""

from __future__ import annotations

from pathlib import Path

from opportune.errors import Problem, ProjectError

__all__ = ["STARTER", "copy_starter"]

STARTER = Path(__file__).parent / "starter"


def copy_starter(directory: Path) -> list[Path]:
    """Copy the starter project into a folder, which is made if need be; nothing that exists is overwritten.

    Returns:
        the paths written, inside the folder.

    Raises:
        ProjectError: the folder is a file, or one of the files exists.
    """
    paths = sorted(path.relative_to(STARTER) for path in STARTER.rglob("*") if path.is_file())
    if directory.exists() and not directory.is_dir():
        problem = Problem(
            directory.as_posix(), 0, 0, "", "expected a folder, found a file", "name another", "no-folder"
        )
        raise ProjectError([problem])
    present = [path for path in paths if (directory / path).exists()]
    if present:
        remedy = "choose an empty folder, or remove the file"
        raise ProjectError(
            [Problem(path.as_posix(), 0, 0, "", "the file exists", remedy, "exists") for path in present]
        )
    for path in paths:
        target = directory / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes((STARTER / path).read_bytes())
    return paths
