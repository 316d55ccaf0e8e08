"""Do persona tests assume a history and stocks that can be?"""

from __future__ import annotations

from decimal import Decimal

from opportune.strategy.checks.contact_policies import check_length
from opportune.strategy.checks.notes import Notes, Path
from opportune.strategy.codes import CURRENCY_DECIMALS
from opportune.strategy.sections.outcomes import SHOWN
from opportune.strategy.sections.personas import Persona
from opportune.strategy.wording import suggest

__all__ = ["check_persona_limits", "expect_reported"]


def check_persona_limits(notes: Notes, persona: Persona, file: str, index: int) -> None:
    """Check what a persona test says of contacts before and of stocks."""
    project = notes.project
    for position, contact in enumerate(persona.history):
        path: list[str | int] = [index, "history", position]
        notes.expect_name(contact.action, project.actions, "actions", "action", file, [*path, "action"])
        known = [SHOWN, *project.outcomes]
        if contact.what not in known and not notes.gaps.may_hold("outcomes.yaml", contact.what):
            message, remedy = f"unknown outcome '{contact.what}'", suggest(contact.what, known, "known outcomes")
            notes.report(file, [*path, "what"], message, remedy, "unknown-outcome")
        expect_reported(notes, contact.what, contact.channel or persona.channel, file, [*path, "what"])
        if contact.channel is not None:
            channels = project.channels
            notes.expect_name(contact.channel, channels, "channels.yaml", "channel", file, [*path, "channel"])
        check_length(notes, file, [*path, "ago"], contact.ago)
    for name, taken in persona.stocks.items():
        path = [index, "stocks", name]
        if not notes.expect_name(name, project.stocks, "stocks.yaml", "stock", file, path, key=True):
            continue
        if notes.gaps.may_hold("stocks.yaml", name):
            continue
        stock = project.stocks[name]
        decimals = CURRENCY_DECIMALS.get(stock.currency or "", 0) if stock.money is not None else 0
        if Decimal(repr(taken)).scaleb(decimals) % 1:
            counted = f"an amount of {stock.currency}" if stock.money is not None else "a whole number"
            notes.report(file, path, f"expected {counted} that is taken, found {taken:g}", "round it", "decimals")


def expect_reported(notes: Notes, outcome: str, channel: str, file: str, path: Path) -> None:
    """Report an outcome that the service would refuse, since its channel does not report it."""
    section = notes.project.channels.get(channel)
    if section is not None and outcome in notes.project.outcomes and outcome not in section.outcomes:
        message = f"channel '{channel}' does not report '{outcome}'"
        notes.report(file, path, message, suggest(outcome, section.outcomes, "its outcomes"), "unreported-outcome")
