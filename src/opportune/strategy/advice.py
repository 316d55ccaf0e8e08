"""What is no fault of a strategy and worth knowing all the same: of itself, and of a change to it."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from datetime import datetime, timedelta

from opportune.customers.context.remote import host_of
from opportune.learning.tree_training import has_lightgbm
from opportune.strategy.compile_sources import zone_of
from opportune.strategy.event_recurrence import LAST_YEAR
from opportune.strategy.project import Project
from opportune.strategy.source_events import goes_on_unknown, is_event_file
from opportune.strategy.templates import attribute_of

__all__ = ["of_change", "of_hosts", "of_project", "of_time"]

YEARS_AHEAD = 1
"""How many years before the last one that is reckoned with somebody is told."""

WINDOW_MOST = timedelta(hours=1)
"""The longest response window of which nobody is told: behind longer ones, decisions go by those who answered alone."""

_SINGLE_BRACES = re.compile(r"(?<!\{)\{\s*(\w+\.\w+)[^{}]*\}")
"""What a text shows as it stands, where a value was probably meant."""


def of_project(project: Project, now: datetime) -> tuple[str, ...]:
    """Say what a strategy cannot do on this machine, and what is hardly meant, one sentence each."""
    return (
        *_untrained(project),
        *_in_one_language(project),
        *_in_single_braces(project),
        *_heard_late(project),
        *of_time(project, now),
    )


def of_time(project: Project, now: datetime) -> tuple[str, ...]:
    """Say what of a sound strategy comes to an end that its files do not name, one sentence each."""
    return tuple(_running_out(project)) if now.year >= LAST_YEAR - YEARS_AHEAD else ()


def _running_out(project: Project) -> Iterator[str]:
    """Name calendars whose events recur longer than is reckoned with."""
    for name, section in project.sources.items():
        file = section.file or ""
        if is_event_file(file) and goes_on_unknown(project.files[file], zone_of(project, section)):
            yield (
                f"source '{name}': events of '{file}' recur after {LAST_YEAR}, and this release of Opportune knows"
                " them up to the end of that year; install a newer one before, and publish the strategy with it"
            )


def _untrained(project: Project) -> Iterator[str]:
    trees = [name for name, model in project.models.items() if model.kind == "trees"]
    if not trees or has_lightgbm():
        return
    for name in trees:
        yield (
            f"model '{name}' predicts by the rates of the actions until trees were trained for it; LightGBM is not"
            " installed here: install opportune[trees] where learning happens"
        )


def _in_one_language(project: Project) -> Iterator[str]:
    """Name words for a missing value that stand in texts of all languages."""
    languages = project.settings.languages
    declared = {
        **{f"customer.{name}": one.if_missing for name, one in project.attributes.items()},
        **{f"context.{name}": one.if_missing for name, one in project.context.items()},
        **{f"feature.{name}": one.if_missing for name, one in project.features.items()},
        **{key: one.if_missing for key, one in project.unit_attributes.items()},
    }
    for key, missing in declared.items():
        if len(languages) > 1 and isinstance(missing, str) and any(map(str.isalpha, missing)):
            yield (
                f"'if_missing' of '{key}' says the same words in texts of all languages ({', '.join(languages)});"
                " write a map from language to text where that is not meant"
            )


def _in_single_braces(project: Project) -> Iterator[str]:
    """Name attributes that texts show by their names in place of their values."""
    for name, action in project.actions.items():
        treatments = [one for channel in action.treatments.values() for one in channel.values()]
        texts = [text for one in treatments for parts in one.content.values() for text in parts.values()]
        found = {match[1]: match[0] for text in texts for match in _SINGLE_BRACES.finditer(text)}
        for key, written in found.items():
            if attribute_of(project, key) is not None:
                yield (
                    f"a text of action '{name}' shows '{written[:100]}' as it is written; write {{{{ {key} }}}} where"
                    " the value is meant"
                )


def _heard_late(project: Project) -> Iterator[str]:
    """Name channels, and actions in them, whose silence is learned long after their answers."""
    windows = {f"channel '{name}'": one.response_window for name, one in project.channels.items()}
    for name, action in project.actions.items():
        windows |= {f"action '{name}' in channel '{channel}'": one for channel, one in action.response_windows.items()}
    for where, window in windows.items():
        if window is not None and window.length > WINDOW_MOST:
            yield (
                f"{where}: the response window is longer than an hour; answers teach at once and silence only when"
                " the window ends, so that propensities of what is shown more than before are far too high until then;"
                " a shorter one loses nothing, since a later answer takes the place of the silence"
            )


def of_hosts(project: Project, hosts: Collection[str]) -> tuple[str, ...]:
    """Say which sources of a sound strategy nobody will ask, one sentence each.

    Args:
        hosts: that the operator of the service lets be asked.
    """
    allowed = {host.lower() for host in hosts}
    asked = {name: host_of(section.url) for name, section in project.sources.items() if section.url is not None}
    return tuple(
        f"source '{name}' is never asked, and what it fills is always late: its host {host} is not among those of the"
        " variable OPPORTUNE_SOURCE_HOSTS with which the service was started"
        for name, host in asked.items()
        if host not in allowed
    )


def of_change(before: Project, after: Project) -> tuple[str, ...]:
    """Say what is to be done once a strategy has taken the place of another one, one sentence each."""
    return tuple(_chains(before, after))


def _chains(before: Project, after: Project) -> Iterator[str]:
    """Name outcomes that were learned already, of which something else is learned from now on."""
    for name, outcome in after.outcomes.items():
        former = before.outcomes.get(name)
        if former is None or former.after == outcome.after:
            continue
        now = f"now comes after '{outcome.after}'" if outcome.after else f"no longer comes after '{former.after}'"
        yield (
            f"outcome '{name}' {now}: what models learned of it before answers another question;"
            " run 'opportune models rebuild'"
        )
