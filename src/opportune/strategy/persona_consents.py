"""What the person of a persona test said of the purposes of a project."""

from __future__ import annotations

from opportune.decide.limits.consents import EVERYWHERE
from opportune.decide.limits.windows import Length, instant
from opportune.records import Consent
from opportune.strategy.sections.personas import Persona

__all__ = ["persona_consents"]


def persona_consents(persona: Persona, zone: str) -> tuple[Consent, ...]:
    """Give what was said before the test's moment.

    Args:
        zone: of the customer, in which days are counted.
    """
    return tuple(
        Consent(
            channel=one.channel or EVERYWHERE,
            purpose=purpose,
            given=one.given,
            at=instant(Length(one.ago.calendar_days, one.ago.elapsed_seconds).before(persona.at, zone)),
            source=one.source,
            text_version=one.text,
        )
        for purpose, said in persona.consents.items()
        for one in said
    )
