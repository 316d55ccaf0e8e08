"""The entry point: all commands of the product."""

from __future__ import annotations

import errno
import io
import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer

from opportune import __version__
from opportune.cli.output import WRONG, print_json, program
from opportune.errors import Problem

__all__ = ["COMMANDS", "app", "main"]

COMMANDS = {
    "init": ("opportune.cli.init", "init"),
    "check": ("opportune.cli.check", "check"),
    "test": ("opportune.cli.test", "run_tests"),
    "diff": ("opportune.cli.diff", "diff"),
    "plan": ("opportune.cli.plan", "plan"),
    "funnel": ("opportune.cli.funnel", "funnel"),
    "goals": ("opportune.cli.goals", "goals"),
    "preview": ("opportune.cli.preview", "preview"),
    "decide": ("opportune.cli.decide", "decide_command"),
    "serve": ("opportune.cli.serve", "serve"),
    "status": ("opportune.cli.status", "status"),
    "publish": ("opportune.cli.publish", "publish"),
    "rollback": ("opportune.cli.rollback", "rollback"),
    "revisions": ("opportune.cli.revisions", "revisions"),
    "models": ("opportune.cli.models", "models"),
    "data": ("opportune.cli.data", "data"),
    "limits": ("opportune.cli.limits", "limits"),
    "off": ("opportune.cli.limits", "off"),
    "on": ("opportune.cli.limits", "on"),
    "fallback": ("opportune.cli.fallback", "fallback"),
    "import": ("opportune.cli.imports", "import_customers"),
    "events": ("opportune.cli.events", "events"),
    "explain": ("opportune.cli.explain", "explain"),
    "replay": ("opportune.cli.replay", "replay"),
    "evaluate": ("opportune.cli.evaluate", "evaluate"),
    "uplift": ("opportune.cli.uplift", "uplift"),
    "features": ("opportune.cli.features", "features"),
    "texts": ("opportune.cli.texts", "texts"),
    "consent": ("opportune.cli.consent", "consent"),
    "merge": ("opportune.cli.merge", "merge"),
    "merges": ("opportune.cli.merge", "merges"),
    "split": ("opportune.cli.merge", "split"),
    "duplicates": ("opportune.cli.duplicates", "duplicates"),
    "household": ("opportune.cli.household", "household"),
    "secret": ("opportune.cli.secret", "secret"),
    "export-person": ("opportune.cli.export_person", "export_person"),
    "erase": ("opportune.cli.erase", "erase"),
    "restore": ("opportune.cli.restore", "restore"),
    "verify": ("opportune.cli.verify", "verify"),
    "copy": ("opportune.cli.copy", "copy"),
    "migrate": ("opportune.cli.migrate", "migrate"),
    "retire": ("opportune.cli.retire", "retire"),
}
"""command → module and function, or a group of commands."""

INTERRUPTED = 130
"""Exit code after Ctrl+C, as shells have it."""

_UNWRITTEN = frozenset((errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EBADF))
"""What the system says of an output that takes no more."""

app = typer.Typer(
    name="opportune",
    help="Decides what is best to offer or do next, and learns from every answer.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"opportune {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and leave.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """Decides what is best to offer or do next, and learns from every answer.

    Exit codes: 0 fine; 1 problems were found; 2 wrong use, or it could not be done.
    """


def _register(arguments: list[str]) -> None:
    """Load the command that is asked for, or all of them for the help: a service must start at once."""
    asked = next((argument for argument in arguments if not argument.startswith("-")), "")
    for name, (module, function) in COMMANDS.items():
        if asked in COMMANDS and asked != name:
            continue
        command: Callable[..., Any] | typer.Typer = getattr(import_module(module), function)
        if isinstance(command, typer.Typer):
            app.add_typer(command, name=name)
        else:
            app.command(name)(command)


def main() -> None:
    """Run the command that the arguments name; whatever happens, nobody sees a trace."""
    try:
        try:
            _prepare_output()
            with _leaving_at_interrupt():
                _register(sys.argv[1:])
            code = app(prog_name=program(), standalone_mode=False)
        finally:
            if sys.stdout is not None:
                sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read the output has left, as `head` does.
        _drop_output()
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except Exception as error:  # noqa: BLE001  the last resort of a program
        if isinstance(error, OSError) and error.filename is None and error.errno in _UNWRITTEN:
            _drop_output()
            with suppress(OSError):
                sys.stderr.write(f"opportune: the output could not be written: {error.strerror}\n")
        else:
            _tell_fault(error)
        sys.exit(WRONG)
    sys.exit(code)


def _prepare_output() -> None:
    """Let output pass that the terminal has no signs for; without an output there is nothing to do."""
    if sys.stdout is None:
        raise OSError(errno.EBADF, "it is closed")
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")


def _drop_output() -> None:
    """Send nowhere what is still to be written: Python would try again at its end, and complain."""
    if sys.stdout is not None:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@contextmanager
def _leaving_at_interrupt() -> Iterator[None]:
    """Leave at once after Ctrl+C while modules load: those written in C turn it into errors of their own."""
    before = signal.getsignal(signal.SIGINT)
    if before is not signal.default_int_handler:
        yield
        return
    signal.signal(signal.SIGINT, lambda number, frame: os._exit(INTERRUPTED))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _tell_fault(error: Exception) -> None:
    """Tell wrong use in the words of the parser, and an error of ours by type and place: its text may be private."""
    if hasattr(error, "format_message") and hasattr(error, "show"):
        if "--json" in sys.argv:
            print_json({"problems": [Problem("", 0, 0, "", error.format_message(), "", "wrong-use")]})
        else:
            error.show()
        return
    if isinstance(error, RuntimeError) and "no locator available" in str(error):
        _say(_NO_CACHE, "failed")
        return
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if f"{os.sep}opportune{os.sep}" in frame.filename]
    frame = (own or list(frames))[-1]
    place = "/".join(Path(frame.filename).parts[-3:])
    _say(f"internal error ({type(error).__name__} at {place}:{frame.lineno}); please report it", "internal")


_NO_CACHE = (
    "Numba may keep what it compiles neither beside the package nor in the home folder of this user; name a folder that"
    " the user may write to in the variable NUMBA_CACHE_DIR, or take --kernel numpy"
)
"""What the only RuntimeError of Numba means whose words are looked for above."""


def _say(message: str, code: str) -> None:
    if "--json" in sys.argv:
        print_json({"problems": [Problem("", 0, 0, "", message, "", code)]})
    else:
        sys.stderr.write(f"opportune: {message}\n")
