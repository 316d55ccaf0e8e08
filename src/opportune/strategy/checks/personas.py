"""Do persona tests name what exists, with values of the right types?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from opportune.customers.attributes import Registry
from opportune.errors import InputError
from opportune.records import Value
from opportune.strategy.checks.notes import Notes, Path
from opportune.strategy.checks.persona_limits import check_persona_limits
from opportune.strategy.registries import registry
from opportune.strategy.sections import Persona
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
        _check_slot(notes, persona, file, index)
        _check_actions(notes, persona, file, index)
        check_persona_limits(notes, persona, file, index)
        customer = _read(notes, persona.customer, customers, "attributes.yaml", file, [index, "customer"])
        context = _read(notes, persona.context, contexts, "context.yaml", file, [index, "context"])
        checked.append(persona.model_copy(update={"customer": customer, "context": context}))
    return tuple(checked)


def _check_slot(notes: Notes, persona: Persona, file: str, index: int) -> None:
    channels = notes.project.channels
    if not notes.expect_name(persona.channel, channels, "channels.yaml", "channel", file, [index, "channel"]):
        return
    placements = channels[persona.channel].placements
    if persona.placement not in placements:
        message = f"unknown placement '{persona.placement}' of channel '{persona.channel}'"
        remedy = suggest(persona.placement, placements, "known placements")
        notes.report(file, [index, "placement"], message, remedy, "unknown-placement")
        return
    size = persona.size or placements[persona.placement].size
    if len(persona.expect.ranking) > size:
        message = f"{len(persona.expect.ranking)} actions expected in a placement of size {size}"
        notes.report(file, [index, "expect", "ranking"], message, "shorten the list or set 'size:'", "ranking-size")


def _check_actions(notes: Notes, persona: Persona, file: str, index: int) -> None:
    expect = persona.expect
    if not (expect.ranking or expect.present or expect.absent):
        remedy = "add ranking, present or absent"
        notes.report(
            file, [index, "expect"], "the test expects nothing", remedy, "empty-test", key=True, where=["expect"]
        )
    actions = notes.project.actions
    for name in persona.propensities:
        notes.expect_name(name, actions, "actions", "action", file, [index, "propensities", name], key=True)
    for key, names in (("ranking", expect.ranking), ("present", expect.present)):
        for position, name in enumerate(names):
            path: list[str | int] = [index, "expect", key, position]
            notes.expect_name(name, actions, "actions", "action", file, path)
            if name in names[:position]:
                notes.report(file, path, f"action '{name}' is listed twice", "remove one of both", "duplicate")
    for position, name in enumerate(expect.absent):
        path = [index, "expect", "absent", name, position]
        notes.expect_name(name, actions, "actions", "action", file, path)
        if name in expect.ranking or name in expect.present:
            message = f"action '{name}' is expected both in the answer and absent"
            notes.report(file, path, message, "decide for one", "contradiction", where=["expect", "absent"])


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
        try:
            read, _ = known.read({name: value}, missing_allowed=False)
        except InputError as error:
            problem = error.problems[0]
            notes.report(file, here, problem.message, problem.remedy or "change the value", problem.code)
            continue
        facts[name] = read[known.prefix + name]
    return facts
