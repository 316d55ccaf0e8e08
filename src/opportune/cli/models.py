"""`opportune models`: champion and challengers, and kept versions of what they learned."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Annotated
from uuid import uuid4

import msgspec
import typer

from opportune.cli.author import named
from opportune.cli.model_report import report
from opportune.cli.models_tables import (
    is_shared,
    print_another_champion,
    print_changed,
    print_comparison,
    print_models,
    print_versions,
)
from opportune.cli.output import JsonOption, bar, fail, failures, print_json
from opportune.cli.releases import AuthorOption, ReasonOption, StoreOption, UrlOption, expect_one, opened, service
from opportune.errors import InputError, ServiceError
from opportune.service.contests import Changed, Comparison, Version, comparison, promotion, restoration, versions
from opportune.service.course import Course
from opportune.service.overdue import overdue
from opportune.service.publishing import current
from opportune.service.rebuild_job import work_of
from opportune.service.rebuilder import Rebuild
from opportune.service.training import trained
from opportune.storage import ChangeModels, Storage

__all__ = ["models"]

POLL_SECONDS = 0.5
"""Between two questions how far a rebuild is."""

models = typer.Typer(
    help="Compare, promote and restore what learns.", no_args_is_help=True, rich_markup_mode=None, add_completion=False
)


@models.command("list")
def list_models(store: StoreOption = "", url: UrlOption = "", as_json: JsonOption = False) -> None:
    """List the models of the strategy in use, with what they have learned.

    A star stands before the champion, which decides. With --store it works beside a running service.
    """
    with failures(as_json):
        found = _compared(store, url)
    if as_json:
        print_json(found.models)
    else:
        print_models(found)


@models.command("compare")
def compare(
    store: StoreOption = "",
    url: UrlOption = "",
    actions: Annotated[bool, typer.Option("--actions", help="Show every action too.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Compare how well the models foresaw the answers that they learned afterwards.

    The difference from the champion has an interval of 95 %; below 0 is better. With --store it works beside a running
    service.
    """
    with failures(as_json):
        found = _compared(store, url)
    if as_json:
        print_json(found)
    else:
        print_comparison(found, actions)


models.command("report")(report)


@models.command("promote")
def promote(
    name: Annotated[str, typer.Argument(help="Name of the model that is to decide.")],
    store: StoreOption = "",
    url: UrlOption = "",
    author: AuthorOption = "",
    reason: ReasonOption = "",
    as_json: JsonOption = False,
) -> None:
    """Let a model decide from now on.

    Running processes decide with it within a second; nothing that any model learned is lost.
    """
    with failures(as_json):
        if _is_served(store, url):
            with service(url) as client:
                done = msgspec.convert(client.promote_model(name, author=named(author), reason=reason), Changed)
        else:
            with opened(store) as storage:
                course = Course(storage)
                step = current(course)
                if step is None:
                    fail("the store has no revision that can be used; publish one first")
                plan = course.strategies.of(step.hash).plan
                done = _ordered(storage, promotion(plan, name, uuid4().hex, named(author), reason))
    if as_json:
        print_json(done)
    else:
        print_changed(done, name, is_shared=is_shared(store))


@models.command("versions")
def list_versions(store: StoreOption = "", url: UrlOption = "", as_json: JsonOption = False) -> None:
    """List the kept versions of what all models learned, the newest first.

    With --store it works beside a running service.
    """
    with failures(as_json):
        if _is_served(store, url):
            with service(url) as client:
                found = msgspec.convert(client.model_versions(), list[Version])
        else:
            with opened(store, read_only=True) as storage:
                found = versions(storage)
    if as_json:
        print_json(found)
    else:
        print_versions(found)


@models.command("restore")
def restore(
    version: Annotated[int, typer.Argument(help="Number of the version.", min=1)],
    store: StoreOption = "",
    url: UrlOption = "",
    author: AuthorOption = "",
    reason: ReasonOption = "",
    as_json: JsonOption = False,
) -> None:
    """Go back to a kept version of what all models learned.

    What was learned since is gone from the models and stays in the journal. The model that decided then decides again.
    """
    with failures(as_json):
        before = "" if as_json else _compared(store, url).champion
        if _is_served(store, url):
            with service(url) as client:
                former = _champion_of(version, msgspec.convert(client.model_versions(), list[Version]))
                done = msgspec.convert(client.restore_version(version, author=named(author), reason=reason), Changed)
        else:
            with opened(store) as storage:
                former = _champion_of(version, versions(storage))
                done = _ordered(storage, restoration(storage, version, uuid4().hex, named(author), reason))
    if as_json:
        print_json(done)
    else:
        print_changed(done, before=f"Version {version} is back: ", is_shared=is_shared(store))
        if former and former != before:
            print_another_champion(before, former)


@models.command("rebuild")
def rebuild(
    store: StoreOption = "",
    url: UrlOption = "",
    author: AuthorOption = "",
    reason: ReasonOption = "",
    as_json: JsonOption = False,
) -> None:
    """Learn the final truth of all decisions anew, in the order of the decisions, and go on from that.

    Corrections and late answers then have the place of the answer that they correct. With --url, and with a store on
    PostgreSQL, decisions go on meanwhile, and what is learned meanwhile is learned on top.
    """
    with failures(as_json):
        if _is_served(store, url):
            with bar("Rebuilding", as_json) as progress:
                done = _rebuilt_by(url, named(author), reason, progress)
        else:
            with opened(store) as storage, bar("Rebuilding", as_json) as progress:
                work = work_of(storage, "auto", progress)
                done = Rebuild.of(work, _ordered(storage, work.order(uuid4().hex, named(author), reason)))
    if as_json:
        print_json(done)
    else:
        typer.echo(f"{done.decisions} answered decisions were learned anew; the models go on from that.")


def _rebuilt_by(url: str, author: str, reason: str, progress: Callable[[int, int], None]) -> Rebuild:
    """Have a running service rebuild its models, and tell how far it is meanwhile."""
    with ThreadPoolExecutor(1) as thread, service(url) as waiting, service(url) as asking:
        answer = thread.submit(waiting.rebuild_models, author=author, reason=reason)
        while not wait([answer], POLL_SECONDS).done:
            try:
                told = asking.rebuild_progress()
            except ServiceError:
                # Only the rebuild itself is to be waited for.
                continue
            if told["running"] and told["total"]:
                progress(told["done"], told["total"])
        return msgspec.convert(answer.result(), Rebuild)


def _champion_of(version: int, kept: Sequence[Version]) -> str:
    """Name the model that decided when a version was kept; "" where there is no such version."""
    return next((one.champion for one in kept if one.number == version), "")


def _is_served(store: str, url: str) -> bool:
    expect_one(store, url)
    return bool(url)


def _compared(store: str, url: str) -> Comparison:
    if _is_served(store, url):
        with service(url) as client:
            return msgspec.convert(client.compare_models(), Comparison)
    with opened(store, read_only=True) as storage:
        learner = trained(storage, Course(storage), "auto")
        if learner is None:
            fail("the store has no revision that can be used; publish one first")
        found = comparison(learner.model, learner.position, learner.plan)
        return msgspec.structs.replace(found, advice=overdue(storage))


def _ordered(storage: Storage, write: ChangeModels) -> Changed:
    (receipt,) = storage.write([write])
    if isinstance(receipt, InputError):
        raise receipt
    return Changed(entry=receipt.sequence)
