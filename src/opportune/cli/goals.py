"""`opportune goals`: what goals cost each other, what decides winners, and what lever gives an action its share."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from opportune.cli.goals_text import print_lever, print_sensitivity, print_tradeoff
from opportune.cli.output import FOUND, JsonOption, bar, fail, failures, out, print_json
from opportune.cli.pages import HtmlOption, LanguageOption, language_of, write_page
from opportune.cli.population import Population, Wanted, asks_population, population
from opportune.cli.releases import opened
from opportune.decide import Plan
from opportune.errors import suggest
from opportune.evaluate.foresight import Side
from opportune.evaluate.goals import decided_rows, find_lever, sensitivity, tradeoff
from opportune.evaluate.goals.asked import Asked
from opportune.evaluate.goals.tradeoff import PRESENT, Rows, plans_of, weights_tried
from opportune.evaluate.goals.tradeoff_page import tradeoff_page
from opportune.service.course import Course
from opportune.service.foreseeing import side_of
from opportune.service.goal_answers import goal_answers
from opportune.service.publishing import current
from opportune.service.revisions import Strategy, strategy_from_folder
from opportune.service.training import trained
from opportune.storage import Storage

__all__ = ["goals"]

FACTOR_MAX, STEPS_MAX = 1_000.0, 100

goals = typer.Typer(
    help="Weigh goals: what they cost each other, and what decides.",
    no_args_is_help=True,
    rich_markup_mode=None,
    add_completion=False,
)

FolderArgument = Annotated[
    Path | None, typer.Argument(help="Folder of the strategy; the published revision of the store if left out.")
]
StoreOption = Annotated[
    str, typer.Option(help="File of the store, or its URL; without it people are imagined, and nobody has answered.")
]
KernelOption = Annotated[str, typer.Option(help="auto, numpy or numba.")]


_asks = asks_population("since", "until", "at", "context")
"""Weighing takes contacts as they come."""


@goals.command("tradeoff")
@_asks
def tradeoff_command(
    goal: Annotated[str, typer.Argument(help="The goal whose weight is tried.")],
    folder: FolderArgument = None,
    low: Annotated[float, typer.Option("--from", help="Lowest factor on its weight; 1 is the weight as it is.")] = 0.0,
    high: Annotated[float, typer.Option("--to", help="Highest factor.")] = 3.0,
    steps: Annotated[int, typer.Option(help="Factors tried, evenly spread.", min=2, max=STEPS_MAX)] = 7,
    answers: Annotated[bool, typer.Option(help="Tell goals by recorded answers where they can.")] = True,
    store: StoreOption = "",
    *,
    wanted: Wanted,
    kernel: KernelOption = "auto",
    html: HtmlOption = None,
    language: LanguageOption = "en",
    as_json: JsonOption = False,
) -> None:
    """Say what more of a goal costs in the others.

    Contacts are decided again under other weights, with the facts, the contacts and the draws as recorded and the
    model of today. Nothing is written but the page.
    """
    with failures(as_json):
        spoken = language_of(language)
        if not 0.0 <= low < high <= FACTOR_MAX:
            fail(f"--from, --to: expected factors from 0 to {FACTOR_MAX:g}, --from the lower one")
        with _asked(folder, store, wanted, kernel, as_json) as asked:
            plan, factors = asked.side.plan, weights_tried(low, high, steps)
            _expect_weight(asked.strategy, goal)
            plans = plans_of(plan, goal, factors)
            with bar("Deciding under other weights", as_json) as progress:
                rows = decided_rows(asked.side, asked.found.cases, plans, factors.index(PRESENT), progress)
            told = asked.answers(plans, kernel, as_json) if answers else None
            curve = tradeoff(plan, goal, factors, rows, told)
        if html is not None:
            write_page(html, tradeoff_page(asked.about(wanted.seed), curve, spoken))
    if as_json:
        print_json({"asked": asked.about(wanted.seed), "tradeoff": curve})
        return
    print_tradeoff(asked.about(wanted.seed), curve)
    if html is not None:
        out.print(f"The page is {html}.", markup=False)


@goals.command("sensitivity")
@_asks
def sensitivity_command(
    folder: FolderArgument = None,
    store: StoreOption = "",
    *,
    wanted: Wanted,
    kernel: KernelOption = "auto",
    as_json: JsonOption = False,
) -> None:
    """Count how often each factor of the priority decided who stands first.

    Contacts are decided again by priority alone, and once more without each factor.
    """
    with (
        failures(as_json),
        _asked(folder, store, wanted, kernel, as_json) as asked,
        bar("Leaving factors out", as_json) as progress,
    ):
        found = sensitivity(asked.side, asked.found.cases, progress)
    if as_json:
        print_json({"asked": asked.about(wanted.seed), "sensitivity": found})
    else:
        print_sensitivity(asked.about(wanted.seed), found)


@goals.command("lever")
@_asks
def lever_command(
    action: Annotated[str, typer.Argument(help="The action whose lever is sought.")],
    folder: FolderArgument = None,
    share: Annotated[str, typer.Option(help="Share of first places that it is to have, such as 10%.")] = "10%",
    store: StoreOption = "",
    *,
    wanted: Wanted,
    kernel: KernelOption = "auto",
    as_json: JsonOption = False,
) -> None:
    """Find the lever that gives an action a share of first places, and what that costs each goal.

    Contacts are decided again by priority alone. Exit code 1 where no lever gives the share.
    """
    with failures(as_json):
        aim = _share(share)
        with _asked(folder, store, wanted, kernel, as_json) as asked, bar("Trying levers", as_json) as progress:
            _expect_action(asked.strategy, action)
            found = find_lever(asked.side, asked.found.cases, action, aim, progress)
    if as_json:
        print_json({"asked": asked.about(wanted.seed), "lever": found})
    else:
        print_lever(asked.about(wanted.seed), found)
    if found.verdict != "found":
        raise typer.Exit(FOUND)


@dataclass(frozen=True, slots=True)
class _Asked:
    """The contacts, and what decides them."""

    strategy: Strategy
    side: Side
    found: Population
    storage: Storage | None
    course: Course | None

    def about(self, seed: int) -> Asked:
        """Say what it is about."""
        return Asked(
            project=self.strategy.project.settings.name,
            source=self.found.source,
            model=self.side.model.name,
            position=self.side.position,
            seed=seed,
            left_out=self.found.left_out,
        )

    def answers(self, plans: list[Plan], kernel: str, quiet: bool) -> Rows | None:
        """Read what recorded answers tell; None where the contacts are no recorded ones of the strategy in use.

        Recorded decisions know the limits of their day alone.
        """
        step = None if self.course is None else current(self.course)
        is_published = step is not None and step.hash == self.strategy.plan.revision
        if self.storage is None or self.course is None or self.found.source != "decisions" or not is_published:
            return None
        with bar("Reading recorded answers", quiet) as progress:
            return goal_answers(*(self.storage, self.course, self.strategy, plans, self.found.cases, kernel, progress))


@contextmanager
def _asked(folder: Path | None, store: str, wanted: Wanted, kernel: str, quiet: bool) -> Iterator[_Asked]:
    """Gather contacts and make a strategy ready to decide them."""
    if kernel not in ("auto", "numpy", "numba"):
        fail("--kernel: expected auto, numpy or numba")
    if folder is None and not store:
        fail("there is no strategy; name its folder, or --store for the published one")
    with ExitStack() as stack:
        storage = stack.enter_context(stack.enter_context(opened(store, read_only=True)).snapshot()) if store else None
        course = None if storage is None else Course(storage)
        strategy = _published(course) if folder is None else strategy_from_folder(folder)
        found = population(wanted, [strategy], storage)
        if not found.cases:
            fail("there is no contact to decide; name --customers, or use --imagined")
        learner = None
        if storage is not None and course is not None:
            with bar("Learning from the journal", quiet) as progress:
                learner = trained(storage, course, kernel, progress)
        yield _Asked(strategy, side_of(strategy, course, learner, kernel), found, storage, course)


def _published(course: Course | None) -> Strategy:
    step = None if course is None else current(course)
    if course is None or step is None:
        fail("the store has no strategy yet; publish one first, or name a folder")
    return course.strategies.of(step.hash)


def _expect_weight(strategy: Strategy, goal: str) -> None:
    known = strategy.project.goals
    if goal not in known:
        names = ", ".join(known)
        fail(f"the strategy has no goal '{goal[:100]}'; {suggest(goal, known, f'known: {names}')}")
    if not max(known[goal].weight, *known[goal].segments.values(), 0.0):
        fail(f"goal '{goal}' has weight 0, and every factor leaves that as it is; give it a weight first")


def _expect_action(strategy: Strategy, action: str) -> None:
    project = strategy.project
    if action not in project.actions:
        known = sorted(project.actions)
        fail(
            f"the strategy has no action '{action[:100]}'; {suggest(action, known, 'opportune check lists none such')}"
        )
    if not project.is_active(action):
        fail(f"action '{action}' is switched off, whatever its lever")
    if not project.groups[project.group_of[action]].lever:
        fail(f"the lever of group '{project.group_of[action]}' is 0, whatever that of its actions; raise it first")


def _share(text: str) -> float:
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(%?)", text.strip())
    share = float(match[1]) / (100.0 if match[2] else 1.0) if match else -1.0
    if not 0.0 < share <= 1.0:
        fail("--share: expected a share above 0, such as 10% or 0.1")
    return share
