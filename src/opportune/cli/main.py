"""The entry point: all commands of the product."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib import import_module
from typing import Annotated, Any

import typer

from opportune import __version__

__all__ = ["COMMANDS", "app", "main"]

COMMANDS = {
    "init": ("opportune.cli.init", "init"),
    "check": ("opportune.cli.check", "check"),
    "test": ("opportune.cli.test", "run_tests"),
    "decide": ("opportune.cli.decide", "decide_command"),
    "serve": ("opportune.cli.serve", "serve"),
    "import": ("opportune.cli.imports", "import_customers"),
    "explain": ("opportune.cli.explain", "explain"),
    "replay": ("opportune.cli.replay", "replay"),
    "verify": ("opportune.cli.verify", "verify"),
}
"""command → module and function."""

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
        command: Callable[..., Any] = getattr(import_module(module), function)
        app.command(name)(command)


def main() -> None:
    """Run the command that the arguments name."""
    _register(sys.argv[1:])
    app()
