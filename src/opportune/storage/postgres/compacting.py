"""Leave no bytes behind of what was erased: in tables by rewriting them, in the server's log as far as it lets us."""

from __future__ import annotations

from opportune.storage.postgres.link import Link, LinkError, Statement

__all__ = ["compact"]

_PERSONAL = ("payloads", "identifiers", "profiles", "units", "consents", "links", "merges")
"""Tables that lose rows when a person is forgotten."""
_SETTINGS = Statement("select current_setting('wal_recycle'), current_setting('archive_mode')")
_LOG = (Statement("checkpoint"), Statement("select pg_switch_wal()::text"), Statement("checkpoint"))
"""So that the server needs no file of its log any more that holds old pages."""
_DENIED = "42501"


def compact(link: Link) -> tuple[str, ...]:
    """Rewrite the tables and let the server leave its log; say what is left for an administrator to do."""
    # One by one: each of them is locked for as long as it is rewritten.
    for table in _PERSONAL:
        link.script(f"vacuum full {table}")
    remarks = []
    try:
        for statement in _LOG:
            link.one(statement)
    except LinkError as error:
        if error.code != _DENIED:
            raise
        remarks.append(
            "the server's log of writes holds old pages, and the role may not clear it: have an administrator run"
            " 'checkpoint', 'select pg_switch_wal()' and 'checkpoint' once more"
        )
    ((recycles, archives),) = link.one(_SETTINGS)
    if recycles == "on":
        remarks.append(
            "files of the server's log of writes are used again with old bytes in them: have an administrator set"
            " wal_recycle = off, or wait until they are overwritten"
        )
    if archives != "off":
        remarks.append(
            "archived files of the server's log of writes hold what was erased, as do base backups: delete those from"
            " before, or erase again whenever one is restored"
        )
    return tuple(remarks)
