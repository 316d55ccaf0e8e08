"""`opportune replay`: fold the journal anew and judge the model by every answer before it learns it."""

from __future__ import annotations

from collections.abc import Iterator
from math import isnan
from typing import Annotated, Any

import typer

from opportune.cli.output import FOUND, JsonOption, bar, count, fail, failures, out, print_json
from opportune.evaluate import progress as fold_and_judge
from opportune.evaluate import report as judged
from opportune.outcomes import Learner, Lesson, LessonBook, new_model
from opportune.service.course import Course
from opportune.service.training import steps_after, trained, turn
from opportune.storage import Kind, Storage, open_storage

__all__ = ["replay"]


def replay(
    store: Annotated[str, typer.Option(help="File of the store, or its URL.")] = "opportune.db",
    kernel: Annotated[str, typer.Option(help="auto, numpy or numba; that of the service for equal digests.")] = "auto",
    as_json: JsonOption = False,
) -> None:
    """Learn the journal again, and judge every prediction.

    Each answer is learned after it was foretold, under the revision that was in use. The result must equal the served
    model bit by bit; exit code 1 if it does not. Works beside a running service.
    """
    with failures(as_json), open_storage(store, read_only=True) as storage:
        if kernel not in ("auto", "numpy", "numba"):
            fail("--kernel: expected auto, numpy or numba")
        found = _replayed(storage, kernel, as_json)
    if as_json:
        print_json(found)
    else:
        _print(found)
    if found["equal"] is False:
        raise typer.Exit(FOUND)


def _replayed(storage: Storage, kernel: str, quiet: bool) -> dict[str, Any]:
    course = Course(storage)
    anchor = storage.anchor()
    beginning = 0 if anchor is None else anchor.sequence
    plan = course.plan_at(beginning)
    if plan is None:
        fail("the store has no strategy yet; publish or serve one first")
    until = storage.last_sequence()
    learner = Learner(plan, new_model(plan, kernel))
    total = storage.counts().outcomes
    with bar("Learning again", quiet) as progress:
        lessons = _lessons(storage, course, learner, until)
        trail = fold_and_judge(learner, lessons, lambda done: progress(done, total))
    served = trained(storage, course, kernel)
    assert served is not None
    is_still = storage.last_sequence() == until
    is_whole = anchor is None and storage.learnable(0, until)
    digest = learner.model.digest()
    return {
        "outcomes": total,
        "kernel": learner.model.kernel,
        "revisions": len(course.steps),
        "digest": digest,
        "served": served.model.digest(),
        "whole": is_whole,
        "erased": anchor is None and not is_whole,
        "equal": digest == served.model.digest() if is_still and is_whole else None,
        "report": judged(trail) if len(trail.happened) else None,
    }


def _lessons(storage: Storage, course: Course, learner: Learner, until: int) -> Iterator[Lesson]:
    """Give every lesson; between two of them, lead the learner on over revisions and changes of models."""
    book = LessonBook(storage)
    for entry in steps_after(storage, 0, until):
        if entry.kind is not Kind.OUTCOME:
            turn(learner, course, entry)
            continue
        lesson = book.read(entry)
        if lesson is not None:
            yield lesson


def _print(found: dict[str, Any]) -> None:
    out.print(f"{count(found['outcomes'], 'outcome')}, {count(found['revisions'], 'revision')}")
    report = found["report"]
    if report is None:
        out.print("no answers of the first scored outcome yet")
    else:
        out.print(f"answers {report.answers:,}, rate {report.rate:.4f}")
        out.print(f"AUC within actions {_figure(report.auc_within)}, over all {_figure(report.auc_pooled)}")
        out.print(
            f"log loss {report.log_loss:.4f}; base rate {report.log_loss_base_rate:.4f},"
            f" a constant per action {report.log_loss_per_action:.4f}"
        )
        out.print(f"calibration error {report.calibration_error:.4f}")
    out.print(f"digest {found['digest'][:16]}: {_verdict(found)}")


def _figure(value: float) -> str:
    return "of too few answers" if isnan(value) else f"{value:.4f}"


def _verdict(found: dict[str, Any]) -> str:
    if found["erased"]:
        return "not compared, since decisions that it learned from were erased"
    if not found["whole"]:
        return "not compared, since the beginning of the journal is no longer kept"
    if found["equal"] is None:
        return "not compared, since answers came in meanwhile; run it again"
    if found["equal"]:
        return "equal to the served model"
    return (
        f"DIFFERENT from the served model; learned again with the kernel {found['kernel']}, and digests agree only with"
        " the kernel of the service, which --kernel names"
    )
