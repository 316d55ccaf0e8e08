"""What a commit tells the other processes, in at most as many bytes as PostgreSQL passes on."""

from __future__ import annotations

import msgspec

from opportune.storage.changes import Changes
from opportune.storage.cluster import Notice, identifier_mark
from opportune.storage.kinds import Kind
from opportune.storage.postgres.link import Statement, Step

__all__ = ["channel_of", "decode", "tell", "told"]

_BYTES_MAX = 7_999
_NOTIFY = Statement("select pg_notify($1, $2)", ("text", "text"))
_decoder = msgspec.json.Decoder(Notice)


def channel_of(schema: str) -> str:
    """Name under which the processes of a store tell one another; other stores of the database have theirs."""
    return f"opportune_{schema}"


def told(changes: Changes, last: int) -> Notice | None:
    """What others must know of a commit; None where they need not know it."""
    outcomes = any(entry.kind == Kind.OUTCOME for entry in changes.entries)
    models = any(entry.kind == Kind.CHANGE for entry in changes.entries)
    persons = {*changes.profiles, *changes.touched, *(row[2] for row in changes.identifiers)}
    if not (outcomes or models or persons or changes.revisions or changes.switches):
        return None
    named = [*changes.identifiers, *changes.forgotten.get("identifiers", ())]
    return Notice(
        last=last,
        outcomes=outcomes,
        changes=models,
        switches=bool(changes.switches),
        revision=changes.revisions[-1][0] if changes.revisions else None,
        persons=tuple(sorted(persons)),
        identifiers=tuple(identifier_mark(kind, value) for kind, value, *_ in named),
    )


def tell(channel: str, notice: Notice) -> Step:
    """Send a notice with the commit of its transaction; of too many persons it says only that there are."""
    text = msgspec.json.encode(notice)
    if len(text) > _BYTES_MAX:
        text = msgspec.json.encode(msgspec.structs.replace(notice, persons=(), identifiers=(), missed=True))
    return _NOTIFY, (channel, text.decode())


def decode(text: str) -> Notice:
    """Read a notice; what is no notice of ours may be one of a newer version, so everything is to be read anew."""
    try:
        return _decoder.decode(text)
    except msgspec.MsgspecError:
        return Notice(missed=True)
