"""`opportune test`: run the persona tests of a strategy."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.markup import escape

from opportune.cli.output import FOUND, JsonOption, bar, failures, out, print_json
from opportune.outcomes import new_model
from opportune.strategy.check import check_directory
from opportune.strategy.compile import compile_plan, registries
from opportune.strategy.compile_features import compile_features
from opportune.strategy.persona import run_persona, unexplored

__all__ = ["run_tests"]


def run_tests(
    project: Annotated[Path, typer.Argument(help="Folder of the strategy.")],
    as_json: JsonOption = False,
) -> None:
    """Run every persona test.

    Exit code 1 if one fails. Tests decide like the service, without exploration and outside of control groups.
    """
    with failures(as_json):
        checked = check_directory(project)
        plan = unexplored(compile_plan(checked))
        read, features = registries(checked.project), compile_features(checked)
    results = []
    with bar("Testing", as_json) as progress:
        for number, persona in enumerate(checked.personas, start=1):
            result = run_persona(plan, read, new_model(plan, "numpy"), persona, features)
            file, line = checked.project.persona_place(persona.name)
            results.append(msgspec.structs.replace(result, file=file, line=line))
            progress(number, len(checked.personas))
    failed = [result for result in results if not result.passed]
    if as_json:
        print_json({"passed": len(results) - len(failed), "failed": len(failed), "tests": results})
    else:
        for result in failed:
            for failure in result.failures:
                out.print(f"[red]failed[/red] {escape(f'{result.file}:{result.line}: {result.name}: {failure}')}")
        out.print(f"{len(results) - len(failed)} passed, {len(failed)} failed.")
    if failed:
        raise typer.Exit(FOUND)
