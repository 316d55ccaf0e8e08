"""The tables of a store and their columns: the same in every backend, but for what a backend keeps for itself."""

from __future__ import annotations

__all__ = ["TABLES"]

_ENTRY = (
    "sequence int8, kind text, schema int8, id text, occurred_at int8, recorded_at int8, zone text, person text,"
    " session text, decision text, revision text, origin text, body bytea, body_digest bytea, payload_digest bytea,"
    " request_digest bytea, digest bytea"
)


def _columns(text: str) -> dict[str, str]:
    pairs = (column.split() for column in text.split(","))
    return {column: kind for column, kind in pairs}  # noqa: C416  A dict of pairs would not say what they are.


TABLES: dict[str, dict[str, str]] = {
    "journal": _columns(_ENTRY),
    "payloads": _columns("sequence int8, salt bytea, body bytea"),
    "erasures": _columns("sequence int8, erased_by int8"),
    "keys": _columns("kind text, id text, sequence int8, request_digest bytea"),
    "decisions": _columns("id text, sequence int8"),
    "outcomes": _columns(
        "decision text, action text, treatment text, outcome text, sequence int8, decision_sequence int8"
    ),
    "windows": _columns("decision text, action text, treatment text, outcome text, due_at int8"),
    "identifiers": _columns("kind text, value text, person text, sequence int8, salt bytea"),
    "merges": _columns("absorbed text, kept text"),
    "links": _columns("sequence int8, one text, other text, undone int8"),
    "profiles": _columns("person text, version int8, sequence int8, attributes bytea, digest bytea, marks bytea"),
    "units": _columns("person text, level text, unit text, sequence int8"),
    "consents": _columns(
        "person text, channel text, purpose text, given int8, at int8, sequence int8, source text, text_version text,"
        " digest bytea"
    ),
    "tombstones": _columns("mark bytea, at int8, sequence int8"),
    "bundles": _columns("hash text, body bytea, digest bytea"),
    "revisions": _columns("number int8, hash text, sequence int8"),
    "revision_entries": _columns(f"{_ENTRY}, previous bytea"),
    "models": _columns("sequence int8, name text, position int8, hash text, state bytea, digest bytea"),
    "change_states": _columns("sequence int8, state bytea, digest bytea"),
    "stocks": _columns("stock text, period text, sequence int8, taken int8, confirmed int8, unmet int8"),
    "reservations": _columns(
        "decision text, action text, treatment text, stock text, period text, units int8, lease_until int8,"
        " terms bytea, state text, sequence int8"
    ),
    "switches": _columns("target text, is_off int8, author text, reason text, at int8, sequence int8, digest bytea"),
    "secrets": _columns("name text, value bytea"),
    "counters": _columns("name text, value int8"),
    "anchor": _columns(
        "id int8, sequence int8, digest bytea, recorded_at int8, learnable_from int8, summary bytea, seal bytea"
    ),
}
"""Table → column → int8, text or bytea."""
