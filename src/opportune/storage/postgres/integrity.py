"""Checks of what no journal entry proves: the end of the journal, and the bounds of its partitions."""

from __future__ import annotations

from opportune.storage.postgres.link import Link, Statement

__all__ = ["faults_of"]

_HEAD = Statement("select room from head")
_LAST = Statement("select sequence, digest from ends order by sequence desc limit 1")
_END = Statement("select sequence, digest from journal order by sequence desc limit 1")
_ANCHOR = Statement("select sequence, digest from anchor")
_ROOM = Statement("select coalesce(max(after_last), 1) from partitions")
_ORPHANS = Statement(
    "select count(*) from payloads p where not exists (select from journal j where j.sequence = p.sequence)"
)


def faults_of(link: Link) -> list[str]:
    """Say what contradicts itself."""
    faults = []
    heads, ends, end, anchor, ((room,),), ((orphans,),) = link.run(
        [(_HEAD, ()), (_LAST, ()), (_END, ()), (_ANCHOR, ()), (_ROOM, ()), (_ORPHANS, ())]
    )
    if not heads or not ends:
        return ["the row of the journal's end is missing"]
    ((head_room,),), ((sequence, digest),) = heads, ends
    last = (end or anchor or [(0, bytes(len(digest)))])[0]
    if (sequence, digest) != last:
        faults.append(f"the journal ends with entry {last[0]}, its head says {sequence} or has another digest")
    if room != head_room:
        faults.append(f"the partitions end before entry {room}, the journal's head says {head_room}")
    if orphans:
        faults.append(f"{orphans} payloads belong to no entry")
    return faults
