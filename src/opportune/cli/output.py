"""What all commands share: how they print, and how a failure becomes an exit code."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated, Any, NoReturn

import msgspec
import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from opportune.errors import InputError, OpportuneError, Problem, ProjectError

__all__ = [
    "FOUND",
    "WRONG",
    "JsonOption",
    "bar",
    "count",
    "err",
    "fail",
    "failures",
    "out",
    "print_figures",
    "print_json",
    "print_problems",
    "print_table",
    "program",
]

FOUND = 1
"""Exit code: problems were found."""
WRONG = 2
"""Exit code: wrong use, or it could not be done."""
TABLE_WIDTH = 1_000
"""Letters that a line of a table has room for."""

# Without emoji: a user's ":x:" stays what it is. Markup is for our own words; users' go through `escape`.
out = Console(soft_wrap=True, highlight=False, emoji=False)
err = Console(stderr=True, soft_wrap=True, highlight=False, emoji=False)

JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON value instead of text.")]


class Failure(Exception):
    """What a command cannot do, in words; `failures` prints it."""

    def __init__(self, message: str, code: int) -> None:
        self.code = code
        super().__init__(message)


def program() -> str:
    """Give what the user types to start this program; the script of a checkout says so in OPPORTUNE_COMMAND."""
    return os.environ.get("OPPORTUNE_COMMAND") or "opportune"


def count(number: int, noun: str, plural: str = "") -> str:
    """Write a number with its noun in the right form, such as "1 row" or "12,684 rows"."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def print_json(value: Any) -> None:
    """Print one JSON value, and nothing else, on standard output."""
    text = msgspec.json.format(msgspec.json.encode(value), indent=2).decode()
    try:
        text.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        # A terminal without our signs gets their numbers, which every reader of JSON understands.
        text = json.dumps(json.loads(text), indent=2)
    sys.stdout.write(text + "\n")


def print_table(table: Table) -> None:
    """Print a table in full: a narrow terminal breaks its lines, and no name or figure is cut."""
    Console(file=out.file, width=TABLE_WIDTH, soft_wrap=True, highlight=False, emoji=False).print(table)


def print_figures(title: str, names: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table whose first column says what the figures of the others are of."""
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    for place, name in enumerate(names):
        table.add_column(name, justify="left" if place == 0 else "right")
    for row in rows:
        table.add_row(*map(escape, row))
    print_table(table)


def print_problems(problems: Iterable[Problem]) -> None:
    """Print problems one per line, in the form file:line:column that editors follow."""
    for problem in problems:
        err.print(escape(str(problem)))


def fail(message: str, code: int = WRONG) -> NoReturn:
    """Say what is wrong and leave; to be called inside of `failures`."""
    raise Failure(message, code)


@contextmanager
def failures(as_json: bool = False) -> Iterator[None]:
    """Turn what a user can mend into a message and an exit code, without a trace."""
    try:
        yield
    except (ProjectError, InputError) as error:
        _leave(error.problems, FOUND, as_json)
    except Failure as error:
        _leave_saying(str(error), error.code, as_json)
    except OpportuneError as error:
        _leave_saying(str(error), WRONG, as_json)
    except BrokenPipeError:
        raise
    except OSError as error:
        _leave_saying(f"{error.filename or 'the system'}: {error.strerror or type(error).__name__}", WRONG, as_json)


def _leave_saying(message: str, code: int, as_json: bool) -> NoReturn:
    if not as_json:
        err.print(f"opportune: {escape(message)}")
        raise typer.Exit(code)
    _leave([Problem("", 0, 0, "", message, "", "failed")], code, as_json)


def _leave(problems: list[Problem], code: int, as_json: bool) -> NoReturn:
    if as_json:
        print_json({"problems": problems})
    else:
        print_problems(problems)
    raise typer.Exit(code)


@contextmanager
def bar(title: str, quiet: bool = False) -> Iterator[Any]:
    """Show a progress bar on standard error; gives a function of (done, total)."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=err, transient=True, disable=quiet or not err.is_terminal) as progress:
        task = progress.add_task(title, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)
