"""The model report as one HTML page: no script, nothing loaded, readable aloud and on paper."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from opportune.evaluate.model_report.parts import InputHealth, ModelHealth, ModelReport
from opportune.evaluate.model_report.words import WORDS, bound_said, by_model, pairs_said, said
from opportune.evaluate.pages import Cell, document, pictured, table
from opportune.evaluate.pictures import Bubble, Line, bubbles, chart
from opportune.evaluate.speech import Language, Words
from opportune.evaluate.told import group_said, reason_said, type_said

__all__ = ["page_of"]


def page_of(report: ModelReport, language: Language = "en") -> str:
    """Write the report for people who would rather look than read."""
    words = WORDS[language]
    made = words.say(
        "made",
        project=report.project,
        revision=report.revision[:12],
        position=report.position,
        at=report.at.strftime("%Y-%m-%d %H:%M UTC"),
    )
    sections = [_findings(report, language), _models(report, words)]
    for number, model in enumerate(report.models):
        sections.append(_model(model, words, f"-{number}"))
    sections.append(_inputs(report, words))
    return document(language, words["title"], report.project, made, sections)


def _findings(report: ModelReport, language: Language) -> str:
    words = WORDS[language]
    if not report.findings:
        return f'<section class="well"><p>{escape(words["well"])}</p></section>'
    parts = []
    for title, found in by_model(report.findings, language):
        items = "".join(f"<li>{escape(said(finding, language))}</li>" for finding in found)
        parts.append(f"<h3>{escape(title)}</h3><ul>{items}</ul>")
    return f'<section class="look"><h2>{escape(words["look"])}</h2>{"".join(parts)}</section>'


def _models(report: ModelReport, words: Words) -> str:
    if not report.models:
        return f"<section><h2>{escape(words['models'])}</h2><p>{escape(words['nothing'])}</p></section>"
    names = ["model", "outcome", "kind", "role", "answers", "rate", "auc within", "auc pooled", "log loss", "constant"]
    rows: list[list[Cell]] = [
        [
            one.model,
            one.outcome,
            one.kind,
            words["champion" if one.is_champion else "challenger"],
            one.answers,
            one.rate,
            one.auc_within,
            one.auc_pooled,
            one.log_loss,
            one.log_loss_constant,
            one.calibration_error,
            one.calibration_chance,
            one.lift,
        ]
        for one in report.models
    ]
    failed = "".join(
        f"<p>{escape(name)}: {escape(words.say('set aside', why=reason_said(why, words.language)))}</p>"
        for name, why in report.failed.items()
    )
    figures = table(
        words["models"],
        [words[name] for name in [*names, "calibration", "by chance", "lift"]],
        rows,
        text=4,
        language=words.language,
    )
    bound = bound_said(report.person_answers, report.person_days, words) if report.person_answers else ""
    told = f"<p>{escape(bound)}</p>" if bound else ""
    return f"<section><h2>{escape(words['models'])}</h2>{figures}{told}{failed}</section>"


def _model(model: ModelHealth, words: Words, mark: str) -> str:
    title = f"{model.model}: {model.outcome}"
    pictures = pictured(list(_pictures(model, words, mark)))
    rows: list[list[Cell]] = [
        [
            one.action,
            words[one.maturity],
            one.answers,
            one.rate,
            one.auc,
            one.log_loss,
            one.log_loss_constant,
            one.calibration_error,
            one.calibration_chance,
        ]
        for one in model.actions
    ]
    names = ["action", "maturity", "answers", "rate", "auc", "log loss", "constant", "calibration", "by chance"]
    figures = table(
        f"{words['actions']} ({title})", [words[name] for name in names], rows, text=2, language=words.language
    )
    return (
        f"<section><h2>{escape(title)}</h2>{pictures}{figures}"
        f"{_predictors(model, words)}{_interactions(model, words)}</section>"
    )


def _pictures(model: ModelHealth, words: Words, mark: str) -> Iterable[str]:
    known = [one for one in model.actions if one.auc is not None]
    if known:
        yield bubbles(
            words["bubble title"],
            words["bubble text"],
            words["auc"],
            words["rate"],
            [
                Bubble(f"{one.action} ({words.figure(one.answers)})", one.auc or 0.0, one.rate, one.answers)
                for one in known
            ],
            f"-bubbles{mark}",
            words.language,
        )
    ends = [(0.0, 0.0), (1.0, 1.0)]
    top = max((max(one.propensity, one.rate) for one in model.reliability), default=1.0)
    yield chart(
        words["reliability title"],
        words["reliability text"],
        words["propensity"],
        words["happened"],
        [
            Line(model.model, [(one.propensity, one.rate) for one in model.reliability], dots=True),
            Line(words["perfect"], [(0.0, 0.0), (top, top)], dashed=True),
        ],
        f"-reliability{mark}",
        words.language,
    )
    if model.gains:
        yield chart(
            words["gains title"],
            words["gains text"],
            words["share answers"],
            words["share yes"],
            [Line(model.model, model.gains, dots=True), Line(words["at random"], ends, dashed=True)],
            f"-gains{mark}",
            words.language,
        )
        yield chart(
            words["lift title"],
            words["lift text"],
            words["share answers"],
            words["lift axis"],
            [
                Line(model.model, [(share, won / share) for share, won in model.gains[1:]], dots=True),
                Line(words["at random"], [(0.0, 1.0), (1.0, 1.0)], dashed=True),
            ],
            f"-lift{mark}",
            words.language,
        )
    span = (model.trend[0][0], model.trend[-1][0])
    yield chart(
        words["trend title"],
        words["trend text"],
        words["so far"],
        words["log loss"],
        [
            Line(model.model, model.trend, dots=True),
            Line(words["constant"], [(x, model.log_loss_constant) for x in span], dashed=True),
        ],
        f"-trend{mark}",
        words.language,
    )


def _predictors(model: ModelHealth, words: Words) -> str:
    if not model.predictors:
        return ""
    rows: list[list[Cell]] = [
        [
            one.predictor,
            words[one.selection],
            one.like or None,
            one.share,
            one.movement,
            one.gain,
            one.information,
            one.auc,
            one.trust,
            one.seen,
            one.missing,
            one.groups,
        ]
        for one in model.predictors
    ]
    names = ["predictor", "selection", "like", "share", "movement", "gain", "information", "auc alone", "trust"]
    names += ["seen", "missing", "groups"]
    caption = f"{words['predictors']} ({model.model}: {model.outcome})"
    figures = table(caption, [words[name] for name in names], rows, text=3, language=words.language)
    return f"<p>{escape(words['predictors text'])}</p>{figures}"


def _interactions(model: ModelHealth, words: Words) -> str:
    told = escape(pairs_said(model, words))
    if not model.interactions:
        return f"<p>{told}</p>"
    rows: list[list[Cell]] = [
        [one.first, one.second, words["for each action" if one.per_action else "for all actions"], one.score]
        for one in model.interactions
    ]
    names = [words[name] for name in ("predictor", "with", "weights", "score")]
    caption = f"{words['interactions']} ({model.model}: {model.outcome})"
    return f"<p>{told}</p>{table(caption, names, rows, text=3, language=words.language)}"


def _inputs(report: ModelReport, words: Words) -> str:
    told = words.say("inputs text", now=report.decisions_now, before=report.decisions_before)
    rows: list[list[Cell]] = [
        [
            one.predictor,
            type_said(one.type, words.language),
            one.missing_before,
            one.missing_now,
            one.never_seen,
            one.drift,
        ]
        for one in report.inputs
    ]
    names = [words["predictor"], words["kind"]]
    names += [words[name] for name in ("missing before", "missing now", "never seen", "drift")]
    details = "".join(_distribution(one, words) for one in report.inputs if one.groups)
    figures = table(words["inputs"], names, rows, text=2, language=words.language)
    return f"<section><h2>{escape(words['inputs'])}</h2><p>{escape(told)}</p>{figures}{details}</section>"


def _distribution(one: InputHealth, words: Words) -> str:
    rows: list[list[Cell]] = [
        [group_said(label, one.type, words.language), before, now] for label, before, now in one.groups
    ]
    title = words.say("show", predictor=one.predictor)
    figures = table(title, [words["group"], words["before"], words["now"]], rows, text=1, language=words.language)
    return f"<details><summary>{escape(title)}</summary>{figures}</details>"
