"""`opportune replay`: fold the journal anew and judge the model by every answer before it learns it."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from opportune.cli.output import FOUND, JsonOption, bar, fail, failures, out, print_json
from opportune.evaluate import progress as fold_and_judge
from opportune.evaluate import report as judged
from opportune.outcomes import lessons, new_model
from opportune.service.revisions import strategy_from_bundle
from opportune.service.training import trained
from opportune.storage import Kind, Storage, open_storage

__all__ = ["replay"]


def replay(
    store: Annotated[str, typer.Option(help="File of the store, or its URL.")] = "opportune.db",
    kernel: Annotated[str, typer.Option(help="auto, numpy or numba; that of the service for equal digests.")] = "auto",
    as_json: JsonOption = False,
) -> None:
    """Learn the whole journal again with the current revision, and print how well each answer was foretold.

    Where only one revision ever taught, the outcome must equal the served model bit by bit; exit 1 if it does not.
    Works beside a running service.
    """
    if kernel not in ("auto", "numpy", "numba"):
        fail("--kernel: expected auto, numpy or numba")
    with failures(as_json), open_storage(store, read_only=True) as storage:
        found = _replayed(storage, kernel, as_json)
    if as_json:
        print_json(found)
    else:
        _print(found)
    if found["equal"] is False:
        raise typer.Exit(FOUND)


def _replayed(storage: Storage, kernel: str, quiet: bool) -> dict[str, Any]:
    revision = storage.current_revision()
    if revision is None:
        fail("the store has no strategy yet; serve one first")
    plan = strategy_from_bundle(revision.bundle).plan
    until = storage.last_sequence()
    model = new_model(plan, kernel)
    total = storage.counts().outcomes
    with bar("Learning again", quiet) as progress:
        trail = fold_and_judge(
            plan,
            model,
            (lesson for _, lesson in lessons(storage, until=until) if lesson is not None),
            lambda done: progress(done, total),
        )
    revisions = len(storage.journal(kinds=(Kind.REVISION,)))
    served = trained(storage, plan, kernel).model.digest()
    one_taught = revisions == 1 and storage.last_sequence() == until
    return {
        "outcomes": total,
        "revisions": revisions,
        "digest": model.digest(),
        "served": served,
        "equal": (model.digest() == served) if one_taught else None,
        "report": judged(trail) if len(trail.happened) else None,
    }


def _print(found: dict[str, Any]) -> None:
    out.print(f"{found['outcomes']} outcomes, {found['revisions']} revisions")
    report = found["report"]
    if report is None:
        out.print("no answers of the first scored outcome yet")
    else:
        out.print(f"answers {report.answers}, rate {report.rate:.4f}")
        out.print(f"AUC within actions {report.auc_within:.4f}, over all {report.auc_pooled:.4f}")
        out.print(
            f"log loss {report.log_loss:.4f}; base rate {report.log_loss_base_rate:.4f},"
            f" a constant per action {report.log_loss_per_action:.4f}"
        )
        out.print(f"calibration error {report.calibration_error:.4f}")
    verdict = {True: "equal to the served model", False: "DIFFERENT from the served model"}
    out.print(f"digest {found['digest'][:16]}: {verdict.get(found['equal'], 'several revisions taught: not compared')}")
