"""The texts of a project, read from a folder with bounds on everything."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path, PurePath

from opportune.errors import Problem, ProjectError

__all__ = ["FILES_MAX", "FILE_BYTES_MAX", "TOTAL_BYTES_MAX", "decode", "read_texts"]

FILES_MAX = 50_000
FILE_BYTES_MAX = 1_000_000
TOTAL_BYTES_MAX = 200_000_000
FOLDER_DEPTH_MAX = 4
"""actions/<group>/<action>.yaml needs three; one more is seen so that it can be refused by name."""


def read_texts(directory: Path) -> tuple[dict[str, str], list[Problem]]:
    """Read all YAML files of a project folder, sorted by path.

    Hidden folders and files are passed over. A symbolic link is read where it stays inside the folder and leads to a
    file; any other among the files of a strategy is a problem.

    Raises:
        ProjectError: it is no folder that can be read, or holds too much.
    """
    if not directory.is_dir():
        found = "a file" if directory.exists() else "nothing"
        message = f"expected the folder of a strategy, found {found}"
        raise ProjectError([Problem(directory.as_posix(), 0, 0, "", message, "name a folder", "no-project")])
    texts: dict[str, str] = {}
    problems: list[Problem] = []
    total = 0
    for path in sorted(_paths(directory)):
        try:
            data = _read(directory / path, directory)
            total += len(data)
            texts[path] = decode(data)
        except (OSError, ValueError) as fault:
            reason = fault.strerror if isinstance(fault, OSError) and fault.strerror else str(fault)
            problems.append(Problem(path, 0, 0, "", f"cannot be read: {reason}", "mend or remove it", "unreadable"))
        if len(texts) > FILES_MAX or total > TOTAL_BYTES_MAX:
            message = f"more than {FILES_MAX} files or {TOTAL_BYTES_MAX} bytes"
            raise ProjectError([Problem(path, 0, 0, "", message, "split the project", "too-large")])
    return texts, problems


def _paths(directory: Path) -> Iterator[str]:
    for folder, folders, files in os.walk(directory):
        inside = Path(folder).relative_to(directory)
        deep = len(inside.parts) + 1 >= FOLDER_DEPTH_MAX
        folders[:] = [] if deep else sorted(name for name in folders if not name.startswith("."))
        for name in folders:
            if _is_of_strategy(inside / name) and (directory / inside / name).is_symlink():
                yield (inside / name).as_posix()
        for name in files:
            if name.endswith((".yaml", ".yml")) and not name.startswith("."):
                yield (inside / name).as_posix()


def _is_of_strategy(folder: PurePath) -> bool:
    return folder.parts[0] in ("actions", "tests")


def _read(path: Path, directory: Path) -> bytes:
    """Read a regular file; a pipe or a device would block or never end."""
    mode = path.stat().st_mode
    if stat.S_ISDIR(mode):
        raise ValueError("it is a symbolic link to a folder, which is not followed")
    if path.is_symlink() and not path.resolve().is_relative_to(directory.resolve()):
        # Problems quote what they find: a link could show a file to people who may not read it.
        raise ValueError("it is a symbolic link that leads out of the folder")
    if not stat.S_ISREG(mode):
        raise ValueError("it is not a regular file")
    with path.open("rb") as file:
        data = file.read(FILE_BYTES_MAX + 1)
    if len(data) > FILE_BYTES_MAX:
        raise ValueError(f"it is larger than {FILE_BYTES_MAX} bytes")
    return data


def decode(data: bytes) -> str:
    """Give the text of a file: UTF-8, with or without byte order mark, all line ends as one newline.

    Raises:
        ValueError: it is not UTF-8.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        raise ValueError(f"it is not UTF-8 (byte {fault.start})") from None
    return text.replace("\r\n", "\n").replace("\r", "\n")
