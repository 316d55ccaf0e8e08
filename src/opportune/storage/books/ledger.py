"""What the plan of a batch adds to the journal and answers."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import msgspec

from opportune.errors import ConflictError
from opportune.storage.changes import Changes, Found, KeyFound
from opportune.storage.digests import chain_digest, digest_of, encode, payload_digest
from opportune.storage.entries import Entry, EntryRow, to_microseconds
from opportune.storage.kinds import SCHEMAS, Body, Payload
from opportune.storage.requests import UNSTORABLE, Noted, Request, request_digest, unstorable
from opportune.storage.writes import Receipt

__all__ = ["Ledger"]


class Ledger:
    """What the plan of a batch has come to so far.

    Args:
        found: the state of the store, kept up to what the plan has done.
        now: time of recording, aware.
        new_id: makes internal ids of persons.
        new_salt: makes `SALT_BYTES` random bytes.
        mark: keyed digest of an identifier, given its kind and itself.
    """

    def __init__(
        self,
        found: Found,
        now: datetime,
        new_id: Callable[[], str],
        new_salt: Callable[[], bytes],
        mark: Callable[[str, str], bytes],
    ) -> None:
        self.found = found
        self.mark = mark
        self.new_id = new_id
        self.new_salt = new_salt
        self.changes = Changes()
        self.entries: list[Entry] = []
        """What the batch adds to the journal, as readers will see it."""
        self._now = now.astimezone(UTC)
        self._recorded_at = to_microseconds(now)
        self._receipts: dict[int, Receipt] = {}

    def repeated(self, item: Request) -> Receipt | int | None:
        """The first receipt, or the sequence to build it from, where the id was used before."""
        key = self.found.keys.get(item.key)
        if key is None:
            return None
        # Without its salt a request cannot be compared any more; it has no second effect either way.
        if key.salt is not None and request_digest(key.salt, item.content) != key.request_digest:
            raise ConflictError.of(
                "id",
                f"this {item.kind} id was used before with another body",
                "send a new id, or repeat the first body",
                "id-conflict",
            )
        return self.repeat(key.sequence)

    def repeat(self, sequence: int) -> Receipt | int:
        self.changes.counters["repeats"] += 1
        receipt = self._receipts.get(sequence)
        return sequence if receipt is None else msgspec.structs.replace(receipt, repeated=True)

    def alias(self, item: Request, sequence: int) -> Receipt | int:
        """Keep a second id of the same effect, so that its reuse with another body is refused like any other."""
        sent = request_digest(b"", item.content)
        self.changes.keys.append((item.kind.value, item.id, sequence, sent))
        self.found.keys[item.key] = KeyFound(sequence, sent, b"")
        return self.repeat(sequence)

    def append(
        self,
        item: Request | Noted,
        body: Body,
        payload: Payload | None = None,
        *,
        occurred_at: datetime | None = None,
        zone: str | None = None,
        person: str | None = None,
        session: str | None = None,
        decision: str | None = None,
        revision: str | None = None,
    ) -> int:
        """Add the entry, its payload and its key; return the sequence."""
        found, changes = self.found, self.changes
        sequence = found.last + 1
        happened = self.moment(occurred_at)
        origin = getattr(item.write, "origin", None)
        kind, name = item.key
        schema = SCHEMAS[item.kind]
        header = (
            sequence,
            kind,
            schema,
            name,
            happened,
            self._recorded_at,
            zone,
            person,
            session,
            decision,
            revision,
            None if origin is None else origin.value,
        )
        salt = b"" if payload is None else self.new_salt()
        sealed = None
        # What cannot be encoded must be refused before anything of it is among the changes.
        try:
            body_bytes = encode(body)
            payload_bytes = b"" if payload is None else encode(payload)
            if payload is not None:
                sealed = payload_digest(salt, payload_bytes)
            body_digest, sent = digest_of(body_bytes), request_digest(salt, item.content)
            digest = chain_digest(found.digest, (*header, body_digest, sealed, sent))
        except UNSTORABLE as error:
            raise unstorable(item.kind, error) from None
        if payload is not None:
            changes.payloads.append((sequence, salt, payload_bytes))
        changes.entries.append(EntryRow(*header, body_bytes, body_digest, sealed, sent, digest))
        changes.keys.append((kind, name, sequence, None))
        found.keys[item.key] = KeyFound(sequence, sent, salt)
        found.last, found.digest = sequence, digest
        if found.news and person is not None:
            found.news.setdefault(self.root(person), {})[kind] = sequence
        self.entries.append(
            Entry(
                sequence=sequence,
                kind=item.kind,
                schema=schema,
                id=name,
                occurred_at=self._now if occurred_at is None else occurred_at.astimezone(UTC),
                recorded_at=self._now,
                zone=zone,
                person=person,
                session=session,
                decision=decision,
                revision=revision,
                origin=origin,
                body=body,
                payload=payload,
                erased=False,
                digest=digest,
            )
        )
        return sequence

    def root(self, person: str) -> str:
        """Who stands for a person today; after the merges and splits of this batch too."""
        return self.found.roots.get(person, person)

    def union(self, root: str) -> list[str]:
        """All who are one with who stands for them, itself among them; only of those that were wanted."""
        return self.found.unions.get(root) or [root]

    def buried(self, identifier: tuple[str, str], occurred_at: datetime | None) -> Receipt | None:
        """The receipt of what is said of somebody who was forgotten since it happened; None for all else."""
        tombstone = self.found.buried.get(identifier) if occurred_at is not None else None
        if tombstone is None or self.moment(occurred_at) > tombstone.at:
            return None
        self.changes.counters["late_of_forgotten"] += 1
        return Receipt(sequence=tombstone.sequence, repeated=True)

    def moment(self, occurred_at: datetime | None) -> int:
        """Microseconds since 1970 of when something happened; None is now."""
        return self._recorded_at if occurred_at is None else to_microseconds(occurred_at)

    def receipt(self, receipt: Receipt) -> Receipt:
        self._receipts[receipt.sequence] = receipt
        return receipt
