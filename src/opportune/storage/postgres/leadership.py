"""A role as an advisory lock of a session: it ends with the session, however that ends."""

from __future__ import annotations

import threading

from opportune.storage.cluster import Leadership
from opportune.storage.postgres.address import Address
from opportune.storage.postgres.link import Link, LinkError, Statement
from opportune.storage.postgres.schema import lock_key

__all__ = ["PostgresLeadership"]

BEAT_SECONDS = 1.0
SILENCE_SECONDS = 4
"""A leader that stands still for so long is none: the server ends its session, and another may take the role."""

_ANSWER_SECONDS = 1.0
_SESSION = {
    "idle_session_timeout": f"{SILENCE_SECONDS}s",
    # A host that vanished answers no probe.
    "tcp_keepalives_idle": "2",
    "tcp_keepalives_interval": "1",
    "tcp_keepalives_count": "2",
    "tcp_user_timeout": f"{SILENCE_SECONDS}s",
}
_TAKE = Statement("select pg_try_advisory_lock($1)", ("int8",))
_BEAT = Statement("select 1")


class PostgresLeadership(Leadership):
    """Holds a lock through a connection of its own, and lets the server hear of it every second."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._guard = threading.Lock()
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="opportune-lead", daemon=True)
        self._thread.start()

    @classmethod
    def take(cls, address: Address, role: str) -> PostgresLeadership | None:
        """Take a role, or None where another session has it.

        Raises:
            LinkError: the server cannot be reached.
        """
        link = Link(address.session(**_SESSION), _ANSWER_SECONDS)
        try:
            ((taken,),) = link.one(_TAKE, lock_key(address.schema, f"role {role}"))
        except BaseException:
            link.close()
            raise
        if not taken:
            link.close()
            return None
        return cls(link)

    def held(self) -> bool:
        with self._guard:
            if self._link.lost:
                return False
            try:
                self._link.one(_BEAT)
            except LinkError:
                # Whoever cannot ask cannot claim it; closing lets the server give it to another one.
                self._link.close()
                return False
            return True

    def release(self) -> None:
        self._ending.set()
        with self._guard:
            self._link.close()
        self._thread.join()

    def _beat(self) -> None:
        while not self._ending.wait(BEAT_SECONDS) and self.held():
            pass
