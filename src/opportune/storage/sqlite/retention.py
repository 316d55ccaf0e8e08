"""Drop the oldest entries of the journal and what goes with them."""

from __future__ import annotations

import apsw

from opportune.storage.anchor import Anchor

__all__ = ["drop"]

# In this order: the first ones find their rows through the journal. Parameters: anchor, anchor before.
_DROP = """
    delete from keys where (kind, id) in (select kind, id from journal where sequence > :before and sequence <= :upto);
    delete from keys where request_digest is not null and sequence <= :upto;
    delete from decisions where id in
        (select decision from journal where sequence > :before and sequence <= :upto and kind = 'decision');
    delete from outcomes where decision_sequence <= :upto and decision in
        (select decision from journal where sequence > :before and sequence <= :upto and kind = 'decision');
    delete from outcomes where decision_sequence = 0 and sequence <= :upto and decision in
        (select decision from journal where sequence > :before and sequence <= :upto and kind = 'outcome');
    delete from erasures where sequence <= :upto;
    delete from change_states where sequence <= :upto;
    delete from reservations where sequence <= :upto;
    delete from payloads where sequence <= :upto;
    delete from journal where sequence <= :upto;
"""


def drop(connection: apsw.Connection, anchor: Anchor, previous: int, seen: int) -> bool:
    if (connection.execute("select sequence from anchor").get or 0) != previous:
        return False
    answered = connection.execute(
        "select 1 from journal j join outcomes o on o.decision = j.decision"
        " where j.sequence > ? and j.kind = 'outcome' and o.decision_sequence > 0 and o.decision_sequence <= ? limit 1",
        (seen, anchor.sequence),
    ).get
    if answered is not None:
        return False
    connection.execute(_DROP, {"before": previous, "upto": anchor.sequence})
    connection.execute("insert or replace into anchor values (1, ?, ?, ?, ?, ?, ?)", anchor)
    return True
