"""The two strategies that a command compares: folders, the published revision of a store, or a revision of git."""

from __future__ import annotations

import io
import shutil
import subprocess
import tarfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer

from opportune.cli.output import fail
from opportune.errors import ProjectError
from opportune.service.course import Course
from opportune.service.publishing import current
from opportune.storage import Storage
from opportune.strategy.load import load
from opportune.strategy.project import Project

__all__ = ["FoldersArgument", "GitOption", "Side", "compared", "telling"]

SECONDS_MAX = 60
"""What git may take to read one revision."""

FoldersArgument = Annotated[
    list[Path],
    typer.Argument(
        help="Folder of the strategy; before it, the folder of the one to compare with.", metavar="[OLD] NEW"
    ),
]
GitOption = Annotated[
    str, typer.Option(help="Compare with the same folder in this revision of git, such as main, instead of OLD.")
]


@dataclass(frozen=True, slots=True)
class Side:
    """A strategy with the words that say where it comes from."""

    name: str
    project: Project


def compared(folders: Sequence[Path], git: str, storage: Storage | None) -> tuple[Side, Side]:
    """Give the strategy to compare with, and the strategy that is meant.

    Args:
        storage: its published revision is compared with, where neither a second folder nor git is named.

    Raises:
        ProjectError: one cannot be read; its files are told with their folder.
        StoreError: the store cannot be read.
    """
    if len(folders) > 2:
        fail(f"expected one folder or two, found {len(folders)}")
    if len(folders) == 2 and git:
        fail("expected OLD or --git, found both")
    new = _of_folder(folders[-1])
    if len(folders) == 2:
        return _of_folder(folders[0]), new
    if git:
        return _of_git(folders[0], git), new
    if storage is None:
        fail("nothing to compare with; name a second folder, --store or --git")
    return _of_store(storage), new


def _of_folder(folder: Path) -> Side:
    with telling(folder.as_posix()):
        return Side(folder.as_posix(), load(folder))


def _of_store(storage: Storage) -> Side:
    course = Course(storage)
    step = current(course)
    if step is None:
        fail("the store has no strategy yet; publish one first, or name a folder")
    return Side(f"revision {step.number}", course.strategies.of(step.hash).project)


def _of_git(folder: Path, revision: str) -> Side:
    """Read a folder as a revision of git has it; nothing of the checkout is touched."""
    if not folder.is_dir():
        fail(f"{folder}: expected the folder of a strategy, found nothing")
    commit = _git(folder, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
    if not commit:
        fail(f"--git {revision[:80]}: git knows no such revision of {folder}")
    archive = _git(folder, "archive", "--format=tar", commit.decode().strip())
    if not archive:
        fail(f"--git {revision[:80]}: that revision does not have the folder {folder}")
    with TemporaryDirectory() as place, telling(f"{revision}:{folder.as_posix()}"):
        with tarfile.open(fileobj=io.BytesIO(archive)) as files:
            files.extractall(place, filter="data")
        return Side(revision, load(Path(place)))


def _git(folder: Path, *arguments: str) -> bytes:
    """Give what git prints; empty where it fails."""
    program = shutil.which("git")
    if program is None:
        fail("--git: the program git is not installed")
    command = [program, "-C", str(folder), *arguments]
    try:
        ended = subprocess.run(command, capture_output=True, timeout=SECONDS_MAX, check=False)  # noqa: S603  No shell.
    except subprocess.TimeoutExpired:
        fail(f"--git: git took longer than {SECONDS_MAX} s")
    return ended.stdout if ended.returncode == 0 else b""


@contextmanager
def telling(name: str) -> Iterator[None]:
    """Say of every problem in which strategy it is."""
    try:
        yield
    except ProjectError as error:
        told = [replace(one, file=_within(name, one.file)) for one in error.problems]
        raise ProjectError(told) from error


def _within(name: str, file: str) -> str:
    return name if file in ("", name) else f"{name.rstrip('/')}/{file}"
