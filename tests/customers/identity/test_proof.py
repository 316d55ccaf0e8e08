"""A proof holds for the key, the identifiers and the time that it was made for, and for nothing else."""

from __future__ import annotations

import base64
import hmac
import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opportune.customers.identity.proof import LIFE_MAX, claimed_in, key_text, proof_id, signed
from opportune.errors import InputError

KEY = bytes(range(32))
NOW = datetime(2026, 12, 1, 12, tzinfo=UTC)
SOON = NOW + timedelta(minutes=5)
NAMES = {"customer": "4711", "cookie": "c-1"}


def _foreign(header: object, claims: object, key: bytes = KEY) -> str:
    """Make a token as any library would: the key is the printed text."""
    parts = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in (header, claims)]
    said = ".".join(parts)
    seal = hmac.new(key_text(key).encode(), said.encode(), "sha256").digest()
    return f"{said}.{base64.urlsafe_b64encode(seal).rstrip(b'=').decode()}"


def test_a_proof_gives_its_identifiers() -> None:
    assert claimed_in(KEY, signed(KEY, NAMES, SOON), NOW) == NAMES


def test_a_token_of_another_library_is_taken() -> None:
    claims = {"identifiers": NAMES, "exp": int(SOON.timestamp()), "iat": 1, "sub": "x"}
    assert claimed_in(KEY, _foreign({"typ": "JWT", "alg": "HS256"}, claims), NOW) == NAMES


@pytest.mark.parametrize(
    "header",
    [
        {"alg": "none"},
        {"alg": "HS512"},
        {"typ": "JWT"},
        {"alg": "HS256", "typ": "at+jwt"},
        {"alg": "HS256", "crit": ["b64"], "b64": False},
        [],
        "HS256",
    ],
)
def test_other_headers_are_refused(header: object) -> None:
    with pytest.raises(InputError) as refusal:
        claimed_in(KEY, _foreign(header, {"identifiers": NAMES, "exp": int(SOON.timestamp())}), NOW)
    assert refusal.value.code == "invalid-proof"
    assert "it is signed with this store's key" in str(refusal.value)


@pytest.mark.parametrize(
    "claims",
    [
        {"identifiers": NAMES},
        {"exp": int(SOON.timestamp())},
        {"identifiers": {"customer": "4711"}, "exp": int(SOON.timestamp())},
        {"identifiers": ["4711"], "exp": int(SOON.timestamp())},
        {"identifiers": NAMES, "exp": "soon"},
        {"identifiers": NAMES, "exp": int((NOW + timedelta(days=2)).timestamp())},
        {"identifiers": NAMES, "exp": 1e300},
    ],
)
def test_claims_that_say_too_little_or_for_too_long_are_refused(claims: object) -> None:
    with pytest.raises(InputError) as refusal:
        claimed_in(KEY, _foreign({"alg": "HS256"}, claims), NOW)
    assert refusal.value.code == "invalid-proof"
    assert "that was signed with this store's key, found another" not in str(refusal.value)


def test_a_proof_ends() -> None:
    proof = signed(KEY, NAMES, SOON)
    with pytest.raises(InputError) as refusal:
        claimed_in(KEY, proof, SOON)
    assert refusal.value.code == "expired-proof"
    assert claimed_in(KEY, proof, SOON - timedelta(seconds=1)) == NAMES
    assert claimed_in(KEY, signed(KEY, NAMES, NOW + timedelta(seconds=LIFE_MAX)), NOW) == NAMES


def test_the_key_of_another_store_is_refused() -> None:
    with pytest.raises(InputError):
        claimed_in(KEY, signed(KEY[::-1], NAMES, SOON), NOW)


@given(st.data())
def test_no_other_text_is_a_proof(data: st.DataObject) -> None:
    proof = signed(KEY, NAMES, SOON)
    place = data.draw(st.integers(0, len(proof) - 1))
    letter = data.draw(st.sampled_from("ABab01-_.=é\0"))
    changed = proof[:place] + letter + proof[place + 1 :]
    if changed != proof:
        with pytest.raises(InputError):
            claimed_in(KEY, changed, NOW)


@given(st.text())
def test_no_text_of_a_stranger_is_a_proof(text: str) -> None:
    with pytest.raises(InputError):
        claimed_in(KEY, text, NOW)


def test_a_proof_has_one_name() -> None:
    one, other = signed(KEY, NAMES, SOON), signed(KEY, NAMES, SOON + timedelta(seconds=1))
    assert proof_id(one) == proof_id(one) != proof_id(other)
