"""The texts of a project, read from a folder with bounds on everything.

Files of models (models/NAME.onnx, and models/NAME.texts of models that read texts) and workbooks (tables/NAME.xlsx)
stand for themselves in base64.
"""

from __future__ import annotations

import base64
import binascii
import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path, PurePath

from opportune.errors import Problem, ProjectError

__all__ = [
    "FILES_MAX",
    "FILE_BYTES_MAX",
    "MODEL_BYTES_MAX",
    "TOTAL_BYTES_MAX",
    "bytes_of",
    "decode",
    "is_model_file",
    "is_packed_file",
    "is_source_file",
    "is_table_file",
    "is_text_model_file",
    "read_texts",
    "size_max",
]

FILES_MAX = 50_000
FILE_BYTES_MAX = 1_000_000
MODEL_BYTES_MAX = 8_000_000
_MODEL_FILE = re.compile(r"models/[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}\.onnx")
_SOURCE_FILE = re.compile(r"sources/[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}\.(csv|ics)")
_TEXT_MODEL_FILE = re.compile(r"models/[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}\.texts")
_TABLE_FILE = re.compile(r"tables/[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}\.(csv|xlsx)")
TOTAL_BYTES_MAX = 200_000_000
NOT_UTF8 = "it is not UTF-8"
FOLDER_DEPTH_MAX = 4
"""actions/<group>/<action>.yaml needs three; one more is seen so that it can be refused by name."""


def read_texts(directory: Path) -> tuple[dict[str, str], list[Problem]]:
    """Read all YAML files, sheets and files of models of a project folder, sorted by path.

    Hidden folders and files are passed over. A symbolic link is read where it stays inside the folder and leads to a
    file; any other among the files of a strategy is a problem.

    Raises:
        ProjectError: it or one of its folders cannot be read, or it holds too much.
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
            texts[path] = base64.b64encode(data).decode() if is_packed_file(path) else decode(data)
        except (OSError, ValueError) as fault:
            reason = fault.strerror if isinstance(fault, OSError) and fault.strerror else str(fault)
            sheet = ", which spreadsheets call 'CSV UTF-8'" if path.endswith(".csv") else ""
            remedy = f"save it as UTF-8{sheet}" if reason.startswith(NOT_UTF8) else "mend or remove it"
            problems.append(Problem(path, 0, 0, "", f"cannot be read: {reason}", remedy, "unreadable"))
        if len(texts) > FILES_MAX or total > TOTAL_BYTES_MAX:
            message = f"more than {FILES_MAX} files or {TOTAL_BYTES_MAX} bytes"
            raise ProjectError([Problem(path, 0, 0, "", message, "split the project", "too-large")])
    return texts, problems


def _paths(directory: Path) -> Iterator[str]:
    def refuse(fault: OSError) -> None:
        """Stop at a folder that cannot be read: a strategy without its files would be another one."""
        inside = Path(fault.filename).relative_to(directory)
        if inside.parts and _is_of_strategy(inside):
            message = f"the folder cannot be read: {fault.strerror}"
            raise ProjectError([Problem(inside.as_posix(), 0, 0, "", message, "let this user read it", "unreadable")])

    for folder, folders, files in os.walk(directory, onerror=refuse):
        inside = Path(folder).relative_to(directory)
        deep = len(inside.parts) + 1 >= FOLDER_DEPTH_MAX
        folders[:] = [] if deep else sorted(name for name in folders if not name.startswith("."))
        for name in folders:
            if _is_of_strategy(inside / name) and (directory / inside / name).is_symlink():
                yield (inside / name).as_posix()
        for name in files:
            path = (inside / name).as_posix()
            is_yaml = name.endswith((".yaml", ".yml")) and not name.startswith(".")
            if is_yaml or is_packed_file(path) or is_table_file(path) or is_source_file(path):
                yield path


def _is_of_strategy(folder: PurePath) -> bool:
    return folder.parts[0] in ("actions", "sources", "tables", "tests")


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
    limit = MODEL_BYTES_MAX if path.suffix in (".onnx", ".texts") else FILE_BYTES_MAX
    with path.open("rb") as file:
        data = file.read(limit + 1)
    if len(data) > limit:
        raise ValueError(f"it is larger than {limit} bytes")
    return data


def is_model_file(path: str) -> bool:
    """Say whether a path inside a project is that of a model's file."""
    return _MODEL_FILE.fullmatch(path) is not None


def is_text_model_file(path: str) -> bool:
    """Say whether a path inside a project is that of a model of texts."""
    return _TEXT_MODEL_FILE.fullmatch(path) is not None


def is_table_file(path: str) -> bool:
    """Say whether a path inside a project is that of a sheet with a decision table."""
    return _TABLE_FILE.fullmatch(path) is not None


def is_source_file(path: str) -> bool:
    """Say whether a path inside a project is that of a sheet or calendar that a source of the context reads."""
    return _SOURCE_FILE.fullmatch(path) is not None


def is_packed_file(path: str) -> bool:
    """Say whether a file is kept in base64: a model, or a workbook."""
    return is_model_file(path) or is_text_model_file(path) or (is_table_file(path) and path.endswith(".xlsx"))


def size_max(path: str) -> int:
    """Give how many characters the text of a file may have."""
    return 4 * (MODEL_BYTES_MAX // 3 + 1) if is_packed_file(path) else FILE_BYTES_MAX


def bytes_of(text: str) -> bytes:
    """Give the content of a model's file.

    Raises:
        ValueError: the text is not base64.
    """
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("it is not base64") from None


def decode(data: bytes) -> str:
    """Give the text of a file: UTF-8, with or without byte order mark, all line ends as one newline.

    Raises:
        ValueError: it is not UTF-8.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        raise ValueError(f"{NOT_UTF8} (byte {fault.start})") from None
    return text.replace("\r\n", "\n").replace("\r", "\n")
