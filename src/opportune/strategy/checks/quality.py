"""Do the rules of data quality name what may be wrong, and inputs that there are?"""

from __future__ import annotations

from opportune.customers.quality import KINDS
from opportune.strategy.checks.contact_policies import check_length
from opportune.strategy.checks.notes import Notes
from opportune.strategy.named import files
from opportune.strategy.quality import closed_inputs, quality_inputs
from opportune.strategy.wording import suggest

__all__ = ["check_quality"]

FILE = "quality.yaml"


def check_quality(notes: Notes) -> None:
    """Check quality.yaml, and how long attributes stay fresh."""
    project = notes.project
    for name, attribute in project.attributes.items():
        if attribute.fresh_for is not None:
            check_length(notes, "attributes.yaml", [name, "fresh_for"], attribute.fresh_for)
    for kind, rule in project.quality.items():
        if kind not in KINDS:
            remedy = suggest(kind, KINDS, "known kinds")
            notes.report(FILE, [kind], f"nothing is counted as '{kind}'", remedy, "unknown-kind", key=True, where=[])
            continue
        if rule.warn_above is None and not rule.inputs:
            message, remedy = "the rule says nothing", "set warn_above or inputs"
            notes.report(FILE, [kind], message, remedy, "empty-rule", key=True, where=[kind])
        if kind != "drift" and rule.warn_above is not None and rule.warn_above > 1:
            _report_share(notes, [kind, "warn_above"], rule.warn_above)
        for name, threshold in (rule.inputs or {}).items():
            _check_input(notes, kind, name, threshold)


def _check_input(notes: Notes, kind: str, name: str, threshold: float) -> None:
    project, path = notes.project, [kind, "inputs", name]
    known = [one.name for one in quality_inputs(project)]
    prefix, _, own = name.partition(".")
    if name not in known:
        source = files(project).get(prefix)
        if source is None or not notes.gaps.may_hold(source, own):
            message, remedy = f"unknown input '{name}'", suggest(name, known, "known inputs")
            notes.report(FILE, path, message, remedy, "unknown-input", key=True)
        return
    if kind != "drift" and threshold > 1:
        _report_share(notes, path, threshold)
    idle = _idle(notes, kind, name)
    if idle is not None:
        notes.report(FILE, path, *idle, f"never-{kind}", key=True)


def _idle(notes: Notes, kind: str, name: str) -> tuple[str, str] | None:
    """Say why a threshold of an input never warns, and what to do; None where it may."""
    project, (scope, _, own) = notes.project, name.partition(".")
    if kind == "stale" and (scope != "customer" or project.attributes[own].fresh_for is None):
        return f"'{name}' never gets stale", "give the attribute 'fresh_for:', or remove the threshold"
    if kind == "late" and not (scope == "context" and _is_filled(notes, own)):
        return f"nothing fills '{name}', so it never comes late", "remove the threshold"
    if kind == "unseen" and name in closed_inputs(project):
        return f"the values of '{name}' are listed, so none is new", "watch its drift, or remove the threshold"
    return None


def _is_filled(notes: Notes, name: str) -> bool:
    """Say whether a source or a text fills an attribute of the context."""
    texts = notes.project.texts
    return notes.project.context[name].source is not None or name in texts or notes.gaps.may_hold("texts.yaml", name)


def _report_share(notes: Notes, path: list[str], threshold: float) -> None:
    message = f"expected a share of decisions, 0 to 1, found {threshold:g}"
    notes.report(FILE, path, message, f"write {threshold / 100:g} for {threshold:g} per cent", "share")
