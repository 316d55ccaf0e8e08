"""Signed tokens of answers: whoever holds one may report outcomes of what that answer showed, and of nothing else.

token = base64url( content ) + "." + base64url( HMAC-SHA256( key, content ) )
"""

from __future__ import annotations

import base64
import hmac
from datetime import UTC, datetime
from hashlib import sha256

import msgspec

from opportune.errors import InputError
from opportune.records import Decision, Origin
from opportune.service.recent import Remembered, ShownPlace

__all__ = ["TOKEN_CHARACTERS_MAX", "Tokens"]

VERSION = 1
TOKEN_CHARACTERS_MAX = 20_000
"""Longest token: one of an answer with a hundred long names fits."""


class _Content(msgspec.Struct, frozen=True, array_like=True):
    """What a token says; `until` in whole seconds since 1970 UTC."""

    version: int
    decision: str
    channel: str
    origin: Origin
    until: int
    shown: tuple[tuple[str, str, str], ...]


class Tokens:
    """Makes and reads tokens.

    Args:
        key: known to the processes of one installation alone.
    """

    def __init__(self, key: bytes) -> None:
        self._key = key

    def of(self, decision: Decision, until: datetime) -> str:
        """Make the token of an answer, good until a moment."""
        known = Remembered.of(decision)
        shown = tuple((one.action, one.treatment, one.placement) for one in known.shown)
        content = _Content(VERSION, decision.id, known.channel, known.origin, int(until.timestamp()), shown)
        body = msgspec.msgpack.encode(content)
        return f"{_text(body)}.{_text(self._seal(body))}"

    def read(self, token: str, now: datetime) -> tuple[str, Remembered]:
        """Give the id of the decision, and what is known of it.

        Raises:
            InputError: it was not made here, was changed, or is too old.
        """
        body = self._opened(token)
        if body is None:
            remedy = "send the token as the answer carried it, to the service that gave it"
            raise InputError.of(
                "token", "expected a token of this service, found another text", remedy, "invalid-token"
            )
        content = msgspec.msgpack.decode(body, type=_Content)
        if now.timestamp() >= content.until:
            until = datetime.fromtimestamp(content.until, UTC).isoformat()
            message = f"it was good until {until}"
            raise InputError.of("token", message, "report by the decision's id, from a server", "expired-token")
        shown = tuple(ShownPlace(*one) for one in content.shown)
        return content.decision, Remembered(content.channel, shown, content.origin)

    def _opened(self, token: str) -> bytes | None:
        """Give the content of a token that is ours."""
        if len(token) > TOKEN_CHARACTERS_MAX or not token.isascii():
            return None
        said, _, sealed = token.partition(".")
        try:
            body, seal = _bytes(said), _bytes(sealed)
        except ValueError:
            return None
        # One text per token: what decodes to the same bytes but is written otherwise is none of ours.
        is_ours = hmac.compare_digest(seal, self._seal(body)) and token == f"{_text(body)}.{_text(seal)}"
        return body if is_ours else None

    def _seal(self, body: bytes) -> bytes:
        return hmac.new(self._key, body, sha256).digest()


def _text(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
