"""Do persona tests name what exists, with values of the right types?"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from opportune.customers.attributes import Registry
from opportune.records import Value
from opportune.strategy.checks.contact_policies import check_length
from opportune.strategy.checks.notes import Notes, Path
from opportune.strategy.checks.persona_consents import check_persona_consents
from opportune.strategy.checks.persona_events import check_persona_events
from opportune.strategy.checks.persona_limits import check_persona_limits, expect_reported
from opportune.strategy.checks.persona_texts import check_persona_texts
from opportune.strategy.checks.persona_units import check_persona_units
from opportune.strategy.registries import registry
from opportune.strategy.sections.personas import Expectation, Persona, Turn
from opportune.strategy.wording import suggest

__all__ = ["check_personas"]


def check_personas(notes: Notes) -> tuple[Persona, ...]:
    """Check all persona tests.

    Returns:
        the tests, with the values of their attributes' types.
    """
    project = notes.project
    customers = registry(project.attributes, "customer.")
    contexts = registry(project.context, "context.")
    checked = []
    for persona in project.personas:
        file, index = project.persona_places[persona.name]
        size = _check_slot(notes, persona, file, index)
        for name in persona.propensities:
            path: list[str | int] = [index, "propensities", name]
            notes.expect_name(name, project.actions, "actions", "action", file, path, key=True)
        check_persona_limits(notes, persona, file, index)
        check_persona_consents(notes, persona, file, index)
        check_persona_texts(notes, persona, file, index)
        check_persona_events(notes, persona, file, index)
        check_persona_units(notes, persona, file, index)
        if (persona.expect is None) is not bool(persona.turns):
            if not notes.gaps.may_hold(file, persona.name):
                _report_shape(notes, persona, file, index)
        elif persona.expect is not None:
            _check_expectation(notes, persona.expect, size, file, [index])
        customer = _read(notes, persona.customer, customers, "attributes.yaml", file, [index, "customer"])
        context = _read(notes, persona.context, contexts, "context.yaml", file, [index, "context"])
        turns = tuple(
            _turn(notes, turn, contexts, persona.channel, size, file, [index, "turns", number])
            for number, turn in enumerate(persona.turns)
        )
        checked.append(persona.model_copy(update={"customer": customer, "context": context, "turns": turns}))
    return tuple(checked)


def _check_slot(notes: Notes, persona: Persona, file: str, index: int) -> int | None:
    """Check where the answer is to stand, and give its size; None where that is not known."""
    channels = notes.project.channels
    if not notes.expect_name(persona.channel, channels, "channels.yaml", "channel", file, [index, "channel"]):
        return None
    placements = channels[persona.channel].placements
    if persona.placement not in placements:
        message = f"unknown placement '{persona.placement}' of channel '{persona.channel}'"
        remedy = suggest(persona.placement, placements, "known placements")
        notes.report(file, [index, "placement"], message, remedy, "unknown-placement")
        return None
    return persona.size or placements[persona.placement].size


def _report_shape(notes: Notes, persona: Persona, file: str, index: int) -> None:
    if persona.turns:
        message, remedy = "found both 'expect' and 'turns'", "move it to the turn that it is about"
        notes.report(file, [index, "expect"], message, remedy, "contradiction", key=True, where=["expect"])
        return
    notes.report(file, [index], "the test expects nothing", "add 'expect:' or 'turns:'", "empty-test", where=[])


def _turn(
    notes: Notes, turn: Turn, contexts: Registry, channel: str, size: int | None, file: str, path: list[str | int]
) -> Turn:
    """Check one turn, and give it with the values of its context's types."""
    project = notes.project
    _check_expectation(notes, turn.expect, size, file, path)
    check_length(notes, file, [*path, "after"], turn.after)
    for action, outcome in turn.outcomes.items():
        here = [*path, "outcomes", action]
        notes.expect_name(action, project.actions, "actions", "action", file, here, key=True)
        notes.expect_name(outcome, project.outcomes, "outcomes.yaml", "outcome", file, here)
        expect_reported(notes, outcome, channel, file, here)
    context = _read(notes, turn.context, contexts, "context.yaml", file, [*path, "context"])
    return turn.model_copy(update={"context": context})


def _check_expectation(notes: Notes, expect: Expectation, size: int | None, file: str, above: list[str | int]) -> None:
    """Check what one answer must hold.

    Args:
        size: of the placement; None where it is not known.
        above: keys that lead to `expect`.
    """
    if size is not None and len(expect.ranking) > size:
        message = f"{len(expect.ranking)} actions expected in a placement of size {size}"
        place = [*above, "expect", "ranking"]
        notes.report(file, place, message, "shorten the list or set 'size:'", "ranking-size")
    if not (expect.ranking or expect.is_nothing or expect.present or expect.absent):
        remedy = "add ranking, present or absent"
        place = [*above, "expect"]
        notes.report(file, place, "the test expects nothing", remedy, "empty-test", key=True, where=place[1:])
    if expect.is_nothing and expect.present:
        message = "an answer without actions and with some is expected"
        notes.report(file, [*above, "expect", "ranking"], message, "decide for one", "contradiction")
    actions = notes.project.actions
    for key, names in (("ranking", expect.ranking), ("present", expect.present)):
        for position, name in enumerate(names):
            path: list[str | int] = [*above, "expect", key, position]
            notes.expect_name(name, actions, "actions", "action", file, path)
    for position, name in enumerate(expect.absent):
        path = [*above, "expect", "absent", name, position]
        notes.expect_name(name, actions, "actions", "action", file, path)
        if name in expect.ranking or name in expect.present:
            message = f"action '{name}' is expected both in the answer and absent"
            notes.report(file, path, message, "decide for one", "contradiction", where=[*above[1:], "expect", "absent"])


def _read(
    notes: Notes, values: Mapping[str, Any], known: Registry, source: str, file: str, path: Path
) -> dict[str, Value]:
    """Give the values of their attributes' types, without those that are wrong."""
    facts: dict[str, Value] = {}
    noun = "context attribute" if source == "context.yaml" else "attribute"
    for name, value in values.items():
        here = [*path, name]
        if not notes.expect_name(name, known.attributes, source, noun, file, here, key=True):
            continue
        if notes.gaps.may_hold(source, name):
            continue
        read = notes.fitting(partial(known.read, {name: value}, missing_allowed=False), file, here)
        if read is not None:
            facts[name] = read[0][known.prefix + name]
    return facts
