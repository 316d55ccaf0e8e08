"""What PostgreSQL refuses, in our words."""

from __future__ import annotations

from opportune.errors import DamageError, StoreAwayError, StoreBusyError, StoreError
from opportune.storage.postgres.link import LinkError

__all__ = ["store_error"]

_DAMAGED = ("XX001", "XX002")
_BUSY = {
    "40001": "another transaction was in the way",
    "40P01": "another transaction was in the way",
    "53300": "the server has no connection left; raise its max_connections or start fewer processes",
    "55P03": "another writer held the store for too long",
    "57014": "a statement took too long",
    "57P01": "the server shuts down",
    "57P02": "the server recovers from a crash",
    "57P03": "the server is starting",
    "25P03": "the transaction stood still for too long",
}
_REMEDIES = {
    "53100": "no space left on the server's device; free some, no restart is needed",
    "53200": "the server is out of memory",
    "25006": "the server takes no writes; connect to the primary one",
    "42501": "the role may not do this; let it own the schema of the store and its tables, or create a schema",
}


def store_error(place: str, error: LinkError) -> StoreError:
    """The error that callers handle; raise it from `error`."""
    if error.code in _DAMAGED:
        return DamageError(f"{place}: damaged ({error.message}); run 'opportune verify', then restore a backup")
    if error.code in _BUSY:
        return StoreBusyError(f"{place}: {_BUSY[error.code]}; try again")
    if error.code in _REMEDIES:
        return StoreError(f"{place}: {_REMEDIES[error.code]}")
    if error.hung:
        return StoreBusyError(f"{place}: {error.message}; see whether the server hangs, then try again")
    if not error.code:
        return StoreAwayError(
            f"{place}: expected a connection, found: {error.message}; start PostgreSQL, or correct the URL or the"
            " network"
        )
    return StoreError(f"{place}: {error.message} (SQLSTATE {error.code})")
