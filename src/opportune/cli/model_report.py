"""`opportune models report`: how good the models are, in the terminal, as a page or as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec
from rich.markup import escape

from opportune.cli.output import JsonOption, bar, count, fail, failures, out, print_figures, print_json
from opportune.cli.pages import HtmlOption, LanguageOption, language_of, write_page
from opportune.cli.releases import StoreOption, UrlOption, expect_one, opened, service
from opportune.evaluate.model_report import ModelReport, page_of
from opportune.evaluate.model_report.parts import ModelHealth
from opportune.evaluate.model_report.words import WORDS, bound_said, by_model, pairs_said, said
from opportune.service.course import Course
from opportune.service.judging import judged
from opportune.service.training import trained

__all__ = ["report"]

ROWS = 15
"""Predictors, pairs and inputs that the terminal shows; the page and --json have all."""


def report(
    store: StoreOption = "",
    url: UrlOption = "",
    html: HtmlOption = None,
    language: LanguageOption = "en",
    as_json: JsonOption = False,
) -> None:
    """Judge the models: quality, calibration, predictors, inputs, and what to look at.

    With --store it works beside a running service.
    """
    with failures(as_json):
        spoken = language_of(language)
        expect_one(store, url)
        found = _of_service(url) if url else _of_store(store, as_json)
        if html is not None:
            write_page(html, page_of(found, spoken))
    if as_json:
        print_json(found)
        return
    _print(found)
    if html is not None:
        out.print(escape(f"The page is {html}."))


def _of_service(url: str) -> ModelReport:
    with service(url) as client:
        return msgspec.convert(client.model_report(), ModelReport)


def _of_store(store: str, quiet: bool) -> ModelReport:
    with opened(store, read_only=True) as current, current.snapshot() as storage:
        course = Course(storage)
        with bar("Learning from the journal", quiet) as progress:
            learner = trained(storage, course, "auto", progress)
        if learner is None:
            fail("the store has no revision that can be used; publish one first")
        model, position = learner.model, learner.position
        return judged(storage, course, model.snapshot(), position, model.kernel, datetime.now(UTC))


def _print(found: ModelReport) -> None:
    for title, findings in by_model(found.findings, "en"):
        out.print(escape(f"{WORDS['en']['look']} ({title}):"))
        for finding in findings:
            out.print(escape(f"  {said(finding, 'en')}"))
    if not found.findings:
        out.print(WORDS["en"]["well"])
    if not found.models:
        out.print("Nobody has answered yet, so there is nothing to judge.")
    if found.models and found.person_answers:
        out.print(bound_said(found.person_answers, found.person_days, WORDS["en"]))
    for model in found.models:
        _print_model(model)
    told = f"Inputs of {found.decisions_now:,} decisions now against {found.decisions_before:,} before"
    print_figures(
        told,
        ("predictor", "type", "missing before", "missing now", "never seen", "drift"),
        [
            (
                one.predictor,
                one.type,
                f"{one.missing_before:.1%}",
                f"{one.missing_now:.1%}",
                f"{one.never_seen:.1%}",
                _number(one.drift),
            )
            for one in found.inputs[:ROWS]
        ],
    )
    _print_rest(found.inputs, "predictor")


def _print_model(model: ModelHealth) -> None:
    role = "champion" if model.is_champion else "challenger"
    out.print(
        escape(
            f"\n{model.model} ({model.kind}, {role}): {model.outcome}, {model.answers:,} answers, rate {model.rate:.3f}"
        )
    )
    out.print(
        f"AUC within actions {_number(model.auc_within)}, pooled {_number(model.auc_pooled)}; log loss"
        f" {model.log_loss:.4f} against {model.log_loss_constant:.4f} of the rate alone; calibration error"
        f" {model.calibration_error:.3f} ({model.calibration_chance:.3f} by chance); the tenth with the highest"
        f" propensity holds {_number(model.lift)} times the yeses of a random one"
    )
    print_figures(
        "Actions",
        ("action", "maturity", "answers", "rate", "AUC", "log loss", "of the rate", "cal. error"),
        [
            (
                one.action,
                one.maturity,
                f"{one.answers:,}",
                f"{one.rate:.3f}",
                _number(one.auc),
                f"{one.log_loss:.4f}",
                f"{one.log_loss_constant:.4f}",
                f"{one.calibration_error:.3f}",
            )
            for one in model.actions
        ],
    )
    _print_predictors(model)


def _print_predictors(model: ModelHealth) -> None:
    words = WORDS["en"]
    known = [one for one in model.predictors if one.selection in ("used", "says-little")]
    print_figures(
        words["predictors"],
        ("predictor", words["share"], words["gain"], words["information"], words["auc alone"]),
        [
            (
                one.predictor,
                "-" if one.share is None else f"{one.share:.1%}",
                "-" if one.gain is None else f"{round(one.gain, 4) + 0.0:.4f}",
                _number(one.information),
                _number(one.auc),
            )
            for one in known[:ROWS]
        ],
    )
    _print_rest(known, "predictor")
    for one in model.predictors:
        if one.selection != "used":
            out.print(escape(f"  {one.predictor}: {words[one.selection]}"))
        elif one.like:
            out.print(escape(f"  {one.predictor}: {words['like']} {one.like}"))
    out.print(escape(pairs_said(model, words)))
    for pair in model.interactions[:ROWS]:
        weights = words["for each action" if pair.per_action else "for all actions"]
        out.print(escape(f"  {pair.first} with {pair.second}: {weights}, {words['score']} {pair.score:.1f}"))
    _print_rest(model.interactions, "pair")


def _print_rest(all_: Sequence[object], noun: str) -> None:
    if len(all_) > ROWS:
        out.print(f"  ... and {count(len(all_) - ROWS, noun)} more; --html and --json have all.")


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
