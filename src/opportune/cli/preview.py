"""`opportune preview`: the texts of an action as a customer would read them."""

from __future__ import annotations

from contextlib import ExitStack
from datetime import UTC, datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from opportune.cli.contact import read_attributes, read_customer, read_object, read_profile
from opportune.cli.output import JsonOption, fail, failures, out, print_json
from opportune.decide import gather
from opportune.decide.pipeline import content_of
from opportune.decide.plan import Plan
from opportune.records import DecisionRequest, Facts
from opportune.service.revisions import strategy_from_folder
from opportune.storage import open_storage
from opportune.strategy.gathering import gathered_of

__all__ = ["preview"]


def preview(
    project: Annotated[Path, typer.Argument(help="Folder of the strategy.")],
    action: Annotated[str, typer.Argument(help="Name of the action.")],
    customer: Annotated[
        str,
        typer.Option(help="Attributes of the customer as JSON or a file of them; with --store also an identifier."),
    ] = "{}",
    context: Annotated[str, typer.Option(help="Attributes of the context as JSON, or a file of them.")] = "{}",
    language: Annotated[str, typer.Option(help="One language; all of the project if left out.")] = "",
    store: Annotated[str, typer.Option(help="Store in which an identifier is looked up.")] = "",
    as_json: JsonOption = False,
) -> None:
    """Show the texts of an action as a customer would read them.

    They are those of every channel and language. What is not known of the customer reads as it is declared for missing
    values.
    """
    with failures(as_json), ExitStack() as opened:
        strategy = strategy_from_folder(project)
        plan = strategy.plan
        _expect_names(plan, action, language)
        storage = opened.enter_context(open_storage(store, read_only=True)) if store else None
        profile = read_profile(strategy, read_customer(customer, bool(store)), storage)
        registry = strategy.registries.context
        given = registry.read(read_attributes(registry, read_object(context, "--context"), "context"))[0]
        request = DecisionRequest(id="preview", channel=next(iter(plan.channels)), placements=(), context={})
        now = datetime.now(UTC)
        found = gathered_of(strategy.sources, profile.facts, request, now, given)
        facts = gather(plan, profile.facts, request, now, found.facts)
        texts = _texts(plan, action, (language,) if language else plan.languages, facts)
    if as_json:
        print_json(texts)
        return
    for channel, treatments in texts.items():
        for treatment, languages in treatments.items():
            for name, parts in languages.items():
                out.print(f"[bold]{channel}[/] · {treatment} · {name}")
                for part, text in parts.items():
                    out.print(f"  {part}: {escape(text)}")


def _expect_names(plan: Plan, action: str, language: str) -> None:
    names = [one.name for one in plan.actions]
    for noun, name, known in (("action", action, names), ("language", language or plan.languages[0], plan.languages)):
        if name not in known:
            close = get_close_matches(name[:100], known, n=1)
            hint = f"did you mean '{close[0]}'?" if close else f"known: {', '.join(known[:12])}"
            fail(f"unknown {noun} '{name[:100]}'; {hint}")


def _texts(
    plan: Plan, action: str, languages: tuple[str, ...], facts: Facts
) -> dict[str, dict[str, dict[str, dict[str, str]]]]:
    """Give channel → treatment → language → part → text."""
    found: dict[str, dict[str, dict[str, dict[str, str]]]] = {}
    for index, key in enumerate(plan.candidates):
        if key.action == action:
            written = {language: content_of(plan, index, language, facts) for language in languages}
            found.setdefault(key.channel, {})[key.treatment] = written
    return found
