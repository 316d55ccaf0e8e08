"""`opportune funnel`: where candidates fall out, and who is left with little."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer

from opportune.cli.funnel_text import print_funnel
from opportune.cli.output import JsonOption, bar, fail, failures, out, print_json
from opportune.cli.pages import HtmlOption, LanguageOption, language_of, write_page
from opportune.cli.population import Wanted, asks_population, population
from opportune.cli.releases import opened
from opportune.cli.yaml_files import read_yaml
from opportune.evaluate.foresight import Funnel, funnel_of
from opportune.evaluate.foresight.funnel_page import funnel_page
from opportune.evaluate.foresight.rows import funnel_of_rows, read_row_mapping
from opportune.service.course import Course
from opportune.service.foreseeing import side_of
from opportune.service.revisions import strategy_from_folder
from opportune.service.training import trained

__all__ = ["funnel"]


@asks_population()
def funnel(
    source: Annotated[
        Path, typer.Argument(help="Folder of the strategy; or, with --mapping, a file of another engine's rows.")
    ],
    mapping: Annotated[Path | None, typer.Option(help="YAML file that says which column of the rows is what.")] = None,
    store: Annotated[str, typer.Option(help="File of the store, or its URL; nobody has answered if left out.")] = "",
    *,
    wanted: Wanted,
    kernel: Annotated[str, typer.Option(help="auto, numpy or numba.")] = "auto",
    html: HtmlOption = None,
    language: LanguageOption = "en",
    as_json: JsonOption = False,
) -> None:
    """Count where candidates fall out, by stage and by rule.

    Contacts are decided as `opportune plan` does: recorded ones of a store, customers of a store or a file, or imagined
    ones. With --mapping, rows that another engine logged are counted instead. Nothing is written but the page.
    """
    with failures(as_json):
        spoken = language_of(language)
        if kernel not in ("auto", "numpy", "numba"):
            fail("--kernel: expected auto, numpy or numba")
        if mapping is not None:
            name, found = source.name, funnel_of_rows(source, read_row_mapping(read_yaml(mapping)))
        else:
            name, found = _decided(source, store, wanted, kernel, as_json)
        if html is not None:
            write_page(html, funnel_page(found, name, spoken))
    if as_json:
        print_json(found)
        return
    print_funnel(found)
    if html is not None:
        out.print(f"The page is {html}.", markup=False)


def _decided(folder: Path, store: str, wanted: Wanted, kernel: str, quiet: bool) -> tuple[str, Funnel]:
    if folder.is_file():
        fail(f"{folder}: expected the folder of a strategy, found a file; rows of another engine need --mapping")
    strategy = strategy_from_folder(folder)
    with ExitStack() as stack:
        storage = stack.enter_context(stack.enter_context(opened(store, read_only=True)).snapshot()) if store else None
        found = population(wanted, [strategy], storage)
        if not found.cases:
            fail("there is no contact to decide; name --customers, or use --imagined")
        course = None if storage is None else Course(storage)
        learner = None
        if storage is not None and course is not None:
            with bar("Learning from the journal", quiet) as progress:
                learner = trained(storage, course, kernel, progress)
        with bar("Deciding", quiet) as progress:
            seen = funnel_of(side_of(strategy, course, learner, kernel), found.cases, progress)
    return strategy.project.settings.name, seen
