"""`opportune plan`: what a change of strategy will do, before it is published."""

from __future__ import annotations

import re
from contextlib import ExitStack
from typing import Annotated, Any

import typer

from opportune.cli.former import FoldersArgument, GitOption, Side, compared, telling
from opportune.cli.outlook_text import print_outlook
from opportune.cli.output import FOUND, JsonOption, bar, fail, failures, out, print_json
from opportune.cli.pages import HtmlOption, LanguageOption, language_of, write_page
from opportune.cli.population import Population, Wanted, asks_population, population
from opportune.cli.releases import StoreOption, opened
from opportune.evaluate.foresight import Outlook, outlook
from opportune.evaluate.foresight.outlook_page import outlook_page
from opportune.evaluate.foresight.proposal import Proposal, Threshold
from opportune.outcomes import Learner
from opportune.service.course import Course
from opportune.service.foreseeing import sides_of
from opportune.service.journal_effects import told_by_journal, without_journal
from opportune.service.publishing import current
from opportune.service.revisions import Strategy, compiled
from opportune.service.training import trained
from opportune.storage import Storage
from opportune.strategy.check import check
from opportune.strategy.diff import differences
from opportune.strategy.project import Project

__all__ = ["plan"]

KernelOption = Annotated[str, typer.Option(help="auto, numpy or numba.")]


@asks_population()
def plan(
    folders: FoldersArgument,
    store: StoreOption = "",
    git: GitOption = "",
    *,
    wanted: Wanted,
    most_changed: Annotated[str, typer.Option(help="Most contacts that may change, such as 20%.")] = "",
    most_empty: Annotated[str, typer.Option(help="Most contacts that may end with nothing, such as 1%.")] = "",
    most_emptied: Annotated[
        str, typer.Option(help="Most contacts that may get nothing where they got something, such as 0.5%.")
    ] = "",
    kernel: KernelOption = "auto",
    html: HtmlOption = None,
    language: LanguageOption = "en",
    as_json: JsonOption = False,
) -> None:
    """Foresee what a change of strategy does.

    Contacts are decided before and after with the same models and the same draws: recorded ones of a store, customers
    of a store or a file, or imagined ones where there is neither. Compares with the published revision of the store, a
    second folder, or a revision of git. Exit code 1 where a threshold is passed. Nothing is written but the page.
    """
    with failures(as_json), ExitStack() as stack:
        spoken = language_of(language)
        if kernel not in ("auto", "numpy", "numba"):
            fail("--kernel: expected auto, numpy or numba")
        shares = {"changed": most_changed, "empty": most_empty, "emptied": most_emptied}
        limits = {name: _share(text, f"--most-{name}") for name, text in shares.items() if text}
        storage = _storage(stack, store, wanted=bool(store) or (len(folders) == 1 and not git))
        before, after = compared(folders, git, storage)
        strategies = [_compiled(before), _compiled(after)]
        found = population(wanted, strategies, storage)
        if not found.cases:
            fail("there is no contact to decide; name --customers, or use --imagined")
        seen = _outlook(strategies, found, storage, kernel, as_json)
        proposal = _proposal(before, after, found, wanted.seed, seen, limits)
        if html is not None:
            write_page(html, outlook_page(proposal, spoken))
    if as_json:
        print_json(proposal)
    else:
        print_outlook(proposal)
        if html is not None:
            out.print(f"The page is {html}.", markup=False)
    if any(one.is_passed for one in proposal.thresholds):
        raise typer.Exit(FOUND)


def _storage(stack: ExitStack, store: str, wanted: bool) -> Storage | None:
    return stack.enter_context(stack.enter_context(opened(store, read_only=True)).snapshot()) if wanted else None


def _compiled(side: Side) -> Strategy:
    with telling(side.name):
        return compiled(check(side.project))


def _share(text: str, option: str) -> float:
    """Read a share: a percentage, or a number from 0 to 1."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(%?)", text.strip())
    share = float(match[1]) / (100.0 if match[2] else 1.0) if match else -1.0
    if not 0.0 <= share <= 1.0:
        fail(f"{option}: expected a share, such as 20% or 0.2")
    return share


def _outlook(
    strategies: list[Strategy], found: Population, storage: Storage | None, kernel: str, quiet: bool
) -> Outlook:
    before, after = strategies
    course, learner = _learner(storage, kernel, quiet)
    sides = sides_of(before, after, course, learner, kernel)
    with bar("Deciding both ways", quiet) as progress:
        seen = outlook(sides, found.cases, progress)
    if storage is None or course is None or found.source != "decisions" or not _is_published(before, course):
        return seen
    if not _keeps_limits(before, after):
        return without_journal(seen)
    return told_by_journal(storage, course, seen, after, found.cases, kernel)


def _is_published(strategy: Strategy, course: Course) -> bool:
    """Say whether it is the strategy in use: only what is compared with that can be told from its answers."""
    step = current(course)
    return step is not None and step.hash == strategy.plan.revision


def _keeps_limits(before: Strategy, after: Strategy) -> bool:
    """Say whether the same limits and fatigue hold: recorded decisions know those of their day alone."""
    return _limits(before.project) == _limits(after.project)


def _limits(project: Project) -> tuple[Any, ...]:
    uses = {name: action.uses for name, action in project.actions.items()}
    fatigue = {name: goal.fatigue for name, goal in project.goals.items()}
    return project.contact_policies, project.stocks, uses, fatigue


def _learner(storage: Storage | None, kernel: str, quiet: bool) -> tuple[Course | None, Learner | None]:
    if storage is None:
        return None, None
    course = Course(storage)
    with bar("Learning from the journal", quiet) as progress:
        return course, trained(storage, course, kernel, progress)


def _proposal(
    before: Side, after: Side, found: Population, seed: int, seen: Outlook, limits: dict[str, float]
) -> Proposal:
    shares: dict[str, Any] = {
        "changed": seen.changed_share,
        "empty": seen.empty_share,
        "emptied": seen.emptied_share,
    }
    return Proposal(
        project=after.project.settings.name,
        before=before.name,
        after=after.name,
        differences=differences(before.project, after.project),
        source=found.source,
        left_out=found.left_out,
        seed=seed,
        thresholds=tuple(Threshold(name=name, most=most, found=shares[name]) for name, most in limits.items()),
        outlook=seen,
    )
