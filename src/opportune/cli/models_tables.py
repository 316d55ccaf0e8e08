"""How champion and challengers look in a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.markup import escape
from rich.table import Table

from opportune.cli.output import out, print_table
from opportune.evaluate.model_report.words import WORDS, bound_said
from opportune.learning.scoreboard_figures import Difference, Figures
from opportune.service.contests import Changed, Comparison, Version

__all__ = [
    "is_shared",
    "print_another_champion",
    "print_changed",
    "print_comparison",
    "print_models",
    "print_versions",
]


def print_models(found: Comparison) -> None:
    """List models; a star stands before the champion."""
    table = _table("", "model", "kind", "answers", "sees", "")
    for one in found.models:
        words = [f"set aside: {one.failure}"] if one.failure else []
        words += [one.note] if one.note else []
        words += ["the project names it"] if one.named and not one.champion else []
        table.add_row(
            "*" if one.champion else "",
            escape(one.name),
            one.kind,
            f"{one.answers:,}",
            f"{len(one.predictors)} attributes",
            escape("; ".join(words)),
        )
    print_table(table)
    _print_notes(found)


def print_comparison(found: Comparison, with_actions: bool) -> None:
    """Show figures and differences."""
    chosen = [one for one in found.figures if with_actions or not one.action]
    if not chosen:
        out.print("No answer was foreseen yet.")
        return
    table = _table(
        "outcome",
        *(["action"] if with_actions else []),
        *("model", "answers", "log loss", "of the rate", "AUC", "cal. error", "by chance"),
    )
    table.add_column("difference from the champion", justify="right")
    table.add_column("")
    for one in chosen:
        cells = [escape(one.outcome or "all")]
        cells += [escape(one.action or "all")] if with_actions else []
        cells += [escape(one.model), f"{one.answers:,}", f"{one.log_loss:.4f}", f"{one.log_loss_constant:.4f}"]
        cells += ["-" if one.auc is None else f"{one.auc:.3f}"]
        cells += [f"{one.calibration_error:.3f}", f"{one.calibration_chance:.3f}"]
        table.add_row(*cells, _difference(one.difference), _verdict(one, found.champion))
    print_table(table)
    _print_notes(found)
    for model in found.models:
        if model.failure:
            out.print(escape(f"{model.name} was set aside until the next revision: {model.failure}"))


def print_versions(found: Sequence[Version]) -> None:
    """List versions."""
    if not found:
        out.print("No version was kept yet.")
        return
    table = _table("version", "kept at", "learned to entry", "champion", "digest", "size")
    for one in found:
        when = "unknown" if one.at is None else f"{one.at:%Y-%m-%d %H:%M:%S}Z"
        table.add_row(
            str(one.number), when, str(one.position), escape(one.champion), one.hash[:12], f"{one.bytes / 1e6:.2f} MB"
        )
    print_table(table)


def is_shared(store: str) -> bool:
    """Say whether others may serve a store while this process writes to it."""
    return store.startswith(("postgresql:", "postgres:"))


def print_changed(done: Changed, wanted: str = "", before: str = "", *, is_shared: bool = False) -> None:
    """Say what became of an order.

    Args:
        wanted: name of the model that was to decide.
        before: what to say first of an order that was followed.
        is_shared: whether others may serve the store that the order was written to.
    """
    if done.champion is None:
        follows = "processes that serve the store follow within a second"
        begins = "nobody serves the store now, and who serves it next begins with that"
        out.print(f"Entry {done.entry} of the journal orders it; {follows if is_shared else begins}.")
    elif wanted and done.champion != wanted:
        out.print(escape(f"{done.champion} goes on to decide: {wanted} cannot; see 'opportune models list'."))
    else:
        out.print(escape(f"{before}{done.champion} decides, {done.live_ms or 0.0:.0f} ms after entry {done.entry}."))


def print_another_champion(before: str, now: str) -> None:
    """Say that a restore let another model decide."""
    out.print(
        escape(
            f"Note: {before} decided before; in that version {now} did, and does again. "
            f"'opportune models promote {before}' lets {before} decide, with what it knew then."
        )
    )


def _print_notes(found: Comparison) -> None:
    """Say why fewer answers are learned than were given, where one person teaches only so much, and what is due."""
    if found.person_answers and any(one.answers for one in found.models):
        out.print(bound_said(found.person_answers, found.person_days, WORDS["en"]))
    for sentence in found.advice:
        out.print(escape(f"Note: {sentence}."))


def _difference(found: Difference | None) -> str:
    if found is None:
        return ""
    if found.low is None or found.high is None:
        return f"{found.mean:+.4f} (too few answers for an interval)"
    return f"{found.mean:+.4f} ({found.low:+.4f} to {found.high:+.4f})"


def _verdict(one: Figures, champion: str) -> str:
    if one.model == champion:
        return "champion"
    found = one.difference
    if found is None or found.low is None or found.high is None:
        return ""
    return "better" if found.high < 0.0 else "worse" if found.low > 0.0 else "not told apart"


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for number, name in enumerate(columns):
        table.add_column(name, justify="left" if number < 2 else "right")
    return table
