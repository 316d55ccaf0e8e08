"""SQL that all backends understand alike."""

from __future__ import annotations

from opportune.storage.contacts import ContactRow
from opportune.storage.entries import EntryRow
from opportune.storage.tables import TABLES

__all__ = [
    "CONTACT",
    "CONTACT_COLUMNS",
    "HAPPENED_COLUMNS",
    "IDENTIFIED",
    "JOURNAL_ROWS",
    "OF_UNION",
    "PROVED",
    "STOCKS",
    "TODAY",
    "TURNS",
]

_ENTRY = ", ".join(f"j.{column}" for column in EntryRow._fields)

# Names of our own columns only.
JOURNAL_ROWS = f"""
    select {_ENTRY},
        coalesce(
            (select digest from journal where sequence = j.sequence - 1),
            (select digest from anchor where sequence = j.sequence - 1)
        ),
        p.salt, p.body, e.sequence is not null
    from journal j
    left join payloads p on p.sequence = j.sequence
    left join erasures e on e.sequence = j.sequence
"""  # noqa: S608
"""Rows of the journal, as `stored_row` reads them."""

TURNS = """
    select sequence
    from (select sequence, kind, body from journal where session = {0} order by sequence desc limit {1}) newest
    where kind = 'decision' or kind = 'event' and {2} > 0
"""
"""Sequences of decisions and of some events of a session: with these places for it, how many of its newest entries are
searched, and where in the body something stands."""

OF_UNION = """
    with own(person) as (select person from identifiers where kind = {0} and value = {1}),
        kept(person) as (select coalesce((select kept from merges where absorbed = own.person), own.person) from own),
        persons(person) as (
            select person from kept union all select absorbed from merges where kept = (select person from kept)
        )
"""
"""All who are one with the person of an identifier: with these places for its kind and value."""

IDENTIFIED = "from identifiers i left join merges m on m.absorbed = i.person"
"""An identifier leads to the person it was given to, and on to the one who absorbed that person."""
TODAY = "coalesce(m.kept, i.person)"
"""That person."""

CONTACT_COLUMNS = ", ".join(f"j.{column}" for column in ContactRow._fields)
"""Of the journal, as `contacts.ContactRow` has them."""
CONTACT = "kind in ('decision', 'outcome', 'merge', 'split', 'forget')"
"""What entries that change the contacts of a person, or who is that person, have in common."""

HAPPENED_COLUMNS = f"{CONTACT_COLUMNS}, j.session, j.payload_digest, y.salt, y.body"
"""Those, and of the journal and of events' payloads what tells of an event."""

STOCKS = """
    select stock, period, sequence, taken, confirmed, unmet from stocks s
    where not exists (
        select 1 from stocks n where n.stock = s.stock and n.period = s.period and n.sequence > s.sequence
    )
"""
"""The last count of every stock and period."""

PROVED = {
    "keys": "select kind, id, k.sequence from keys k where request_digest is null",
    "decisions": "select id, sequence from decisions",
    "outcomes": "select decision, action, treatment, outcome, sequence, decision_sequence from outcomes",
    "windows": "select decision, action, treatment, outcome, due_at from windows",
    "erasures": "select sequence, erased_by from erasures",
    "revisions": "select number, hash, sequence from revisions",
    "revision_entries": f"select {', '.join(TABLES['revision_entries'])} from revision_entries",  # noqa: S608
    "identifiers": "select kind, value, person, sequence, salt from identifiers",
    "merges": "select absorbed, kept from merges",
    "links": "select sequence, one, other, undone from links",
    "profiles": "select person, version, sequence, attributes, digest, marks from profiles",
    "units": "select person, level, unit, sequence from units",
    "consents": f"select {', '.join(TABLES['consents'])} from consents",  # noqa: S608
    "tombstones": "select mark, at, sequence from tombstones",
    "bundles": "select hash, body, digest from bundles",
    "change_states": "select sequence, state, digest from change_states",
    "stocks": STOCKS,
    "reservations": f"select {', '.join(TABLES['reservations'])} from reservations",  # noqa: S608
    "switches": f"select {', '.join(TABLES['switches'])} from switches",  # noqa: S608
    "models": "select name || ' adopted by entry ' || sequence, state, digest from models",
    # Not a table of its own: all identifiers by the person whom each leads to, with its own profile.
    "people": f"select {TODAY}, i.kind, i.value, p.person, p.version, p.sequence, p.attributes, p.digest, p.marks"
    f" {IDENTIFIED} left join profiles p on p.person = i.person order by 1, i.kind, i.value",
}
"""Table → its rows as the journal proves them, see `Hooks._table`."""
