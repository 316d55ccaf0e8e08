"""The entry point: all commands of the product."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Annotated, Any

import typer

from opportune import __version__

__all__ = ["COMMANDS", "app", "main"]

COMMANDS = {
    "serve": ("opportune.cli.serve", "serve"),
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


def _register() -> None:
    for name, (module, function) in COMMANDS.items():
        command: Callable[..., Any] = getattr(import_module(module), function)
        app.command(name)(command)


def main() -> None:
    """Run the command that the arguments name."""
    _register()
    app()
