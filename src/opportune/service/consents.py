"""What customers allow: recorded as they say it, and told as it stands."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

import msgspec

from opportune.decide.limits.consents import EVERYWHERE, said_of
from opportune.errors import InputError, Problem, UnknownError, suggest
from opportune.records import Consent
from opportune.storage import RecordConsent
from opportune.strategy.compile_consents import purpose_channels
from opportune.strategy.project import Project

__all__ = ["ConsentLine", "Said", "lines_of", "write_of"]

SOURCE_MAX = 200
"""Characters of what says how something was said."""


class Said(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a customer said of a purpose.

    Args:
        purpose: of the strategy.
        given: agreed to it; false refuses it, withdraws what was given, or objects.
        channel: where that holds; "*" is everywhere.
        source: how it was said, such as "web form"; for the proof.
        text_version: of the text that the customer was shown; for the proof.
        occurred_at: when it was said; None takes the moment of arrival. What was said last holds.
    """

    purpose: str
    given: bool
    channel: str = EVERYWHERE
    source: str = ""
    text_version: str = ""
    occurred_at: datetime | None = None


class ConsentLine(msgspec.Struct, frozen=True, kw_only=True):
    """How one purpose stands in one channel.

    Args:
        basis: "consent", where nothing said is no, or "objection", where it is yes.
        allowed: what decisions obey.
        given: what was said last; None where nothing was, and then the rest is empty.
        everywhere: it was said of all channels.
    """

    purpose: str
    channel: str
    basis: str
    allowed: bool
    given: bool | None = None
    at: datetime | None = None
    source: str = ""
    text_version: str = ""
    everywhere: bool = False


def write_of(project: Project, said: Said, write_id: str, identifier: str, kind: str = "customer") -> RecordConsent:
    """Make the write that keeps what was said.

    Raises:
        InputError: the strategy has no such purpose, channel or text, or something is too long.
    """
    problems = list(_problems(project, said))
    if problems:
        code = next((one.code for one in problems if one.code.startswith("unknown-")), "")
        raise UnknownError(problems, code) if code else InputError(problems)
    return RecordConsent(
        id=write_id,
        identifier=identifier,
        identifier_kind=kind,
        channel=said.channel,
        purpose=said.purpose,
        given=said.given,
        source=said.source,
        text_version=said.text_version,
        occurred_at=said.occurred_at,
    )


def _problems(project: Project, said: Said) -> Iterator[Problem]:
    section = project.purposes.get(said.purpose)
    if section is None:
        yield _unknown("purpose", "the strategy asks about no such purpose", said.purpose, project.purposes)
        return
    channels = (EVERYWHERE, *purpose_channels(project, section))
    if said.channel not in channels:
        yield _unknown("channel", "the purpose is asked about in no such channel", said.channel, channels)
    if section.texts and said.text_version and said.text_version not in section.texts:
        yield _unknown("text_version", "the purpose has no such text", said.text_version, section.texts)
    for where, text in (("source", said.source), ("text_version", said.text_version)):
        if len(text) > SOURCE_MAX or "\0" in text:
            message = f"expected at most {SOURCE_MAX} characters without NUL, found others"
            yield Problem("", 0, 0, where, message, "shorten it", "invalid-request")
    if said.occurred_at is not None and said.occurred_at.tzinfo is None:
        message = "expected a time with its offset"
        yield Problem("", 0, 0, "occurred_at", message, "write it as ...Z or ...+02:00", "invalid-request")


def _unknown(where: str, message: str, name: str, known: Iterable[str]) -> Problem:
    names = sorted(known)
    remedy = suggest(name, names, f"known: {', '.join(names[:20]) or 'none'}")
    return Problem("", 0, 0, where, message, remedy, f"unknown-{where.partition('_')[0]}")


def lines_of(project: Project, consents: Sequence[Consent]) -> tuple[ConsentLine, ...]:
    """Tell how all purposes stand in all their channels, in the order of the project."""
    return tuple(
        _line(purpose, channel, section.basis, said_of(consents, purpose, channel))
        for purpose, section in project.purposes.items()
        for channel in purpose_channels(project, section)
    )


def _line(purpose: str, channel: str, basis: str, said: Consent | None) -> ConsentLine:
    if said is None:
        return ConsentLine(purpose=purpose, channel=channel, basis=basis, allowed=basis == "objection")
    return ConsentLine(
        purpose=purpose,
        channel=channel,
        basis=basis,
        allowed=said.given,
        given=said.given,
        at=said.at,
        source=said.source,
        text_version=said.text_version,
        everywhere=said.channel == EVERYWHERE,
    )
