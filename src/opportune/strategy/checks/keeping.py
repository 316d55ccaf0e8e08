"""Is nothing asked to be kept, or looked at, longer than it is there?"""

from __future__ import annotations

from opportune.strategy.checks.notes import Notes
from opportune.strategy.sections.features import Feature

__all__ = ["check_keeping", "events_of"]

FILE = "events.yaml"
DAY = 86_400


def check_keeping(notes: Notes) -> None:
    """Report event types that are to be kept longer than anything is, and features that look at them for longer."""
    _check_features(notes)
    kept = notes.project.settings.retention_days
    if kept is None or notes.gaps.may_hold("project.yaml", "retention_days"):
        return
    for name, event in notes.project.events.items():
        if event.keep_days is not None and event.keep_days > kept:
            message = f"it is kept {event.keep_days} days, and what is older than {kept} days is dropped"
            notes.report(FILE, [name, "keep_days"], message, "shorten it, or raise retention_days", "retention")


def _check_features(notes: Notes) -> None:
    for name, feature in notes.project.features.items():
        kept = [notes.project.events[one].keep_days for one in events_of(feature) if one in notes.project.events]
        days = min((one for one in kept if one is not None), default=None)
        if days is None:
            continue
        # A rate reads the window before its own too.
        windows = 2 if feature.kind == "rate" else 1
        within = None if feature.within is None else -(-windows * feature.within.seconds // DAY)
        if within is None or within > days:
            back = "back without an end" if within is None else f"{within} days back"
            message = f"it looks {back}, and such events are kept {days} days"
            most = "half as many days" if windows == 2 else "so many days"
            remedy = f"set 'within:' to {most} at most, or raise keep_days in events.yaml"
            notes.report("features.yaml", [name], message, remedy, "retention", key=True, where=[name])


def events_of(feature: Feature) -> tuple[str, ...]:
    """Name the event types that a feature looks at; none where it looks at contacts, or is not sound."""
    if feature.over != "events" or len(feature.kinds) != 1:
        return ()
    if feature.sequence is None:
        return (feature.counted[0],)
    steps = (feature.sequence.first, feature.sequence.then, feature.sequence.without)
    return tuple(step.event for step in steps if step is not None)
