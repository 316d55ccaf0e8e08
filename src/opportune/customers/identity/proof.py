"""Proof that identifiers are one person's: a JSON Web Token that the customer's own server signs, by HMAC-SHA256.

token = base64url( header ) . base64url( claims ) . base64url( HMAC-SHA256( key, what stands before the last point ) )

The header is {"alg": "HS256"}, "typ" may be JWT. The claims are "identifiers" (kind → identifier, two at least) and
"exp" (seconds since 1970 at which the proof ends, within a day); "iat" and others may stand there and say nothing here.
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Mapping
from datetime import datetime
from hashlib import blake2b, sha256

import msgspec

from opportune.errors import InputError

__all__ = ["LIFE_MAX", "PROOF_CHARACTERS_MAX", "claimed_in", "key_text", "proof_id", "signed"]

LIFE_MAX = 86_400
"""Seconds that a proof may have left: one that leaks is soon worth nothing."""
PROOF_CHARACTERS_MAX = 8_000


class _Header(msgspec.Struct, frozen=True):
    alg: str
    typ: str = "JWT"
    crit: object = None
    """What a reader must understand to believe the token; nothing of that kind is understood here."""


class _Claims(msgspec.Struct, frozen=True):
    identifiers: dict[str, str]
    exp: int | float


def key_text(key: bytes) -> str:
    """Write the key as the customer's server is given it: these characters themselves are what it signs by."""
    return _text(key)


def signed(key: bytes, identifiers: Mapping[str, str], until: datetime) -> str:
    """Make a proof, as the customer's server would.

    Args:
        key: as the store keeps it.
        until: when it ends.
    """
    header = msgspec.json.encode({"alg": "HS256", "typ": "JWT"})
    claims = msgspec.json.encode({"identifiers": dict(identifiers), "exp": int(until.timestamp())})
    said = f"{_text(header)}.{_text(claims)}"
    return f"{said}.{_text(_seal(key, said))}"


def claimed_in(key: bytes, proof: str, now: datetime) -> dict[str, str]:
    """Give the identifiers that a proof speaks of, as they were written.

    Raises:
        InputError: it was not signed with the key, is no such token, or has ended.
    """
    if len(proof) > PROOF_CHARACTERS_MAX or not proof.isascii():
        raise _wrong()
    said, _, seal = proof.rpartition(".")
    # The seal comes first: nothing is read of what a stranger wrote.
    if not hmac.compare_digest(_text(_seal(key, said)).encode(), seal.encode()):
        raise _wrong()
    header_text, _, claims_text = said.partition(".")
    try:
        header = msgspec.json.decode(_bytes(header_text), type=_Header)
        claims = msgspec.json.decode(_bytes(claims_text), type=_Claims)
    except (msgspec.MsgspecError, ValueError):
        raise _unfit() from None
    if header.alg != "HS256" or header.typ.upper() != "JWT" or header.crit is not None or len(claims.identifiers) < 2:
        raise _unfit()
    left = claims.exp - now.timestamp()
    if left <= 0:
        raise InputError.of("proof", "it has ended", "have the server sign a new one", "expired-proof")
    # Written so that what is no number is refused too.
    if not left <= LIFE_MAX:
        remedy = "set 'exp' to a few minutes from now"
        raise InputError.of("proof", f"it would be good for more than {LIFE_MAX} seconds", remedy, "invalid-proof")
    return claims.identifiers


def proof_id(proof: str) -> str:
    """Name what a proof leads to: used twice, it has one effect."""
    return "proof-" + blake2b(proof.encode("ascii", "replace"), digest_size=16).hexdigest()


def _wrong() -> InputError:
    message = "expected a token that was signed with this store's key, found another text"
    remedy = "sign it with the key that 'opportune secret identity' prints; see the guide on identity"
    return InputError.of("proof", message, remedy, "invalid-proof")


def _unfit() -> InputError:
    message = "it is signed with this store's key, and does not say what a proof says"
    remedy = "write 'alg' HS256 in its header, and two 'identifiers' at least and 'exp' in seconds in its claims"
    return InputError.of("proof", message, remedy, "invalid-proof")


def _seal(key: bytes, said: str) -> bytes:
    return hmac.new(key_text(key).encode(), said.encode("ascii", "replace"), sha256).digest()


def _text(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
