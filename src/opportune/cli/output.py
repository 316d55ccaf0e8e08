"""What all commands share: how they print, and how a failure becomes an exit code."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Annotated, Any, NoReturn

import msgspec
import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from opportune.errors import InputError, OpportuneError, Problem, ProjectError

__all__ = ["FOUND", "WRONG", "JsonOption", "bar", "fail", "failures", "out", "print_json", "print_problems"]

FOUND = 1
"""Exit code: problems were found."""
WRONG = 2
"""Exit code: wrong use, or it could not be done."""

out = Console(soft_wrap=True, highlight=False)
err = Console(stderr=True, soft_wrap=True, highlight=False)

JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")]


def print_json(value: Any) -> None:
    """Print one JSON value, and nothing else, on standard output."""
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(value), indent=2).decode() + "\n")


def print_problems(problems: Iterable[Problem]) -> None:
    """Print problems one per line, in the form file:line:column that editors follow."""
    for problem in problems:
        err.print(escape(str(problem)))


def fail(message: str, code: int = WRONG) -> NoReturn:
    """Say what is wrong and leave."""
    err.print(f"opportune: {escape(message)}")
    raise typer.Exit(code)


@contextmanager
def failures(as_json: bool = False) -> Iterator[None]:
    """Turn what a user can mend into a message and an exit code, without a trace."""
    try:
        yield
    except (ProjectError, InputError) as error:
        if as_json:
            print_json({"problems": error.problems})
        else:
            print_problems(error.problems)
        raise typer.Exit(FOUND) from None
    except OpportuneError as error:
        fail(str(error))
    except OSError as error:
        fail(f"{error.filename or 'the system'}: {error.strerror or type(error).__name__}")


@contextmanager
def bar(title: str, quiet: bool = False) -> Iterator[Any]:
    """Show a progress bar on standard error; gives a function of (done, total)."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=err, transient=True, disable=quiet or not err.is_terminal) as progress:
        task = progress.add_task(title, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)
