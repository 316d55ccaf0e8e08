"""`opportune replay`: fold the journal anew and judge the model by every answer before it learns it."""

from __future__ import annotations

from collections.abc import Iterator
from math import isnan
from typing import Annotated, Any

import msgspec
import typer

from opportune.cli.output import FOUND, JsonOption, bar, count, fail, failures, out, print_json
from opportune.evaluate import progress as fold_and_judge
from opportune.evaluate import report as judged
from opportune.outcomes import Lesson, lessons, new_model
from opportune.service.revisions import strategy_from_bundle
from opportune.service.training import trained
from opportune.storage import Kind, Revision, Storage, open_storage

__all__ = ["replay"]


def replay(
    store: Annotated[str, typer.Option(help="File of the store, or its URL.")] = "opportune.db",
    kernel: Annotated[str, typer.Option(help="auto, numpy or numba; that of the service for equal digests.")] = "auto",
    as_json: JsonOption = False,
) -> None:
    """Learn the journal again, and judge every prediction.

    The current revision learns every answer, each after it was foretold. Where no other revision taught (persona tests
    aside, which teach nothing), the result must equal the served model bit by bit; exit code 1 if it does not. Works
    beside a running service.
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
    revision = storage.current_revision()
    if revision is None:
        fail("the store has no strategy yet; serve one first")
    plan = strategy_from_bundle(revision.bundle).plan
    until = storage.last_sequence()
    teaching = _Teaching(storage)
    model = new_model(plan, kernel)
    total = storage.counts().outcomes
    with bar("Learning again", quiet) as progress:
        trail = fold_and_judge(
            plan,
            model,
            teaching.lessons(storage, until),
            lambda done: progress(done, total),
        )
    served = trained(storage, plan, kernel).model.digest()
    taught = teaching.others(revision)
    is_still = storage.last_sequence() == until
    return {
        "outcomes": total,
        "revisions": teaching.count,
        "others_taught": taught,
        "digest": model.digest(),
        "served": served,
        "equal": (model.digest() == served) if is_still and not taught else None,
        "report": judged(trail) if len(trail.happened) else None,
    }


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
    if found["equal"] is not None:
        return "equal to the served model" if found["equal"] else "DIFFERENT from the served model"
    if not found["others_taught"]:
        return "not compared, since answers came in meanwhile; run it again"
    others = ", ".join(name[:12] for name in found["others_taught"])
    return f"not compared with the served model, which other revisions taught too: {others}"


class _Teaching:
    """Which revisions were in use when answers came in."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._starts: list[tuple[int, str]] = []
        self._taught: dict[str, None] = {}
        after = 0
        while page := storage.journal(after, kinds=(Kind.REVISION,)):
            self._starts += [(entry.sequence, entry.revision or "") for entry in page]
            after = page[-1].sequence
        self.count = len(self._starts)

    def lessons(self, storage: Storage, until: int) -> Iterator[Lesson]:
        """Give every lesson of the journal, and note under which revision it was learned."""
        starts = iter([*self._starts[1:], (until + 1, "")])
        next_start, upcoming = next(starts)
        current = self._starts[0][1] if self._starts else ""
        for entry, lesson in lessons(storage, until=until):
            while entry.sequence > next_start:
                current, (next_start, upcoming) = upcoming, next(starts)
            if lesson is not None:
                self._taught[current] = None
                yield lesson

    def others(self, current: Revision) -> list[str]:
        """List the hashes of revisions that taught and whose plan is not made of what the current one is made of."""
        wanted = _essence(current.bundle)
        kept = {name: self._storage.revision(name) for name in self._taught}
        return [name for name, revision in kept.items() if revision is None or _essence(revision.bundle) != wanted]


def _essence(bundle: bytes) -> dict[str, str]:
    """Give the files that a plan is made of: all but the persona tests."""
    files = msgspec.json.decode(bundle, type=dict[str, str])
    return {path: text for path, text in files.items() if not path.startswith("tests/")}
