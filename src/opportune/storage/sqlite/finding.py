"""Look up what a batch of writes depends on."""

from __future__ import annotations

import apsw

from opportune.storage.changes import DecisionReference, Found, KeyFound, ProfileFound, ReportFound, Wanted
from opportune.storage.digests import GENESIS
from opportune.storage.statements import IDENTIFIED, TODAY

__all__ = ["find"]


def find(connection: apsw.Connection, wanted: Wanted) -> Found:
    """Look up what a batch needs; apsw runs a statement once per set of values."""
    many, one = connection.executemany, connection.execute
    tail = one("select sequence, digest from journal order by sequence desc limit 1").fetchone()
    found = Found(*(tail or (0, GENESIS)))
    if wanted.keys:
        for kind, id_, sequence, request_digest, salt in many(
            "select k.kind, k.id, k.sequence, coalesce(k.request_digest, j.request_digest),"
            " iif(k.request_digest is null and j.payload_digest is not null, p.salt, x'')"
            # A second id may be of a revision whose entry went.
            " from keys k left join journal j on j.sequence = k.sequence"
            " left join payloads p on p.sequence = k.sequence"
            " where k.kind = ? and k.id = ?",
            wanted.keys,
        ):
            found.keys[kind, id_] = KeyFound(sequence, request_digest, salt)
    for decision, *reference in many(
        "select d.id, d.sequence, coalesce(m.kept, j.person), j.session, j.zone, j.revision"
        " from decisions d join journal j on j.sequence = d.sequence left join merges m on m.absorbed = j.person"
        " where d.id = ?",
        [(decision,) for decision in wanted.decisions],
    ):
        found.decisions[decision] = DecisionReference(*reference)
    for decision, *report in many(
        "select o.decision, j.sequence, j.id, j.schema, j.occurred_at, j.recorded_at, j.body"
        " from outcomes o join journal j on j.sequence = o.sequence where o.decision = ? order by o.sequence",
        [(decision,) for decision in dict.fromkeys(wanted.reports)],
    ):
        found.reports.setdefault(decision, []).append(ReportFound(*report))
    for decision, action, treatment, outcome, due_at in many(
        "select decision, action, treatment, outcome, due_at from windows where decision = ?",
        [(decision,) for decision in wanted.windows],
    ):
        found.windows.setdefault(decision, {})[action, treatment] = outcome, due_at
    for kind, value, person, version, attributes in many(
        f"select i.kind, i.value, {TODAY}, p.version, p.attributes {IDENTIFIED}"
        f" left join profiles p on p.person = {TODAY} where i.kind = ? and i.value = ?",
        wanted.identifiers,
    ):
        found.persons[kind, value] = person
        if version is not None:
            found.profiles[person] = ProfileFound(version, attributes)
    for kept, absorbed in many(
        f"select k.kept, k.absorbed {IDENTIFIED} join merges k on k.kept = {TODAY} where i.kind = ? and i.value = ?",
        list(dict.fromkeys(wanted.merging)),
    ):
        others = found.absorbed.setdefault(kept, [])
        if absorbed not in others:
            others.append(absorbed)
    if wanted.revision:
        found.revision = (
            one("select number, hash, sequence from revisions order by number desc limit 1").fetchone()
            or found.revision
        )
    for (hash_,) in many("select hash from bundles where hash = ?", [(hash_,) for hash_ in wanted.bundles]):
        found.bundles.add(hash_)
    for (sequence,) in many(
        "select sequence from payloads where sequence = ?", [(sequence,) for sequence in wanted.payloads]
    ):
        found.payloads.add(sequence)
    return found
