"""Is nothing asked to be kept, or looked at, longer than it is there?"""

from __future__ import annotations

from opportune.strategy.checks.notes import Notes

__all__ = ["check_keeping"]

FILE = "events.yaml"


def check_keeping(notes: Notes) -> None:
    """Report event types that are to be kept longer than anything is."""
    kept = notes.project.settings.retention_days
    if kept is None or notes.gaps.may_hold("project.yaml", "retention_days"):
        return
    for name, event in notes.project.events.items():
        if event.keep_days is not None and event.keep_days > kept:
            message = f"it is kept {event.keep_days} days, and what is older than {kept} days is dropped"
            notes.report(FILE, [name, "keep_days"], message, "shorten it, or raise retention_days", "retention")
