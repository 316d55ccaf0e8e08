"""Files of models: equal after a round, and refused where anything is wrong with them."""

from __future__ import annotations

import hashlib
import zlib
from typing import Any

import msgspec
import numpy as np
import pytest

from opportune.customers.texts import from_bytes, to_bytes
from opportune.customers.texts.file import BYTES_MAX, MAGIC
from tests.customers.texts.parts import topics


@pytest.fixture(scope="module")
def data() -> bytes:
    return to_bytes(topics().model)


def forged(data: bytes, **changes: Any) -> bytes:
    """Give a file with other content and a digest that fits."""
    content = msgspec.msgpack.decode(data[len(MAGIC) + 32 :])
    about = content["about"]
    for name, value in changes.items():
        (content if name in content else about)[name] = value
    body = msgspec.msgpack.encode(content)
    return MAGIC + hashlib.blake2b(body, digest_size=32).digest() + body


def test_a_model_is_the_same_after_a_round(data: bytes) -> None:
    model, again = topics().model, from_bytes(data)

    assert to_bytes(again) == data
    assert again.about == model.about
    assert again.read("I lost my card").chances == model.read("I lost my card").chances
    assert again.digest == hashlib.blake2b(data[len(MAGIC) + 32 :], digest_size=32).hexdigest()


def test_the_file_says_where_it_comes_from_and_holds_no_text(data: bytes) -> None:
    about = from_bytes(data).about

    assert (about.language, about.data, about.licence) == ("en", "a part of BANKING77", "CC BY 4.0")
    assert about.quality["accuracy"] > about.quality["majority_accuracy"]
    assert b"withdraw" not in data.replace(b"cash_withdrawal_charge", b"")


@pytest.mark.parametrize("place", [0.01, 0.3, 0.6, 0.9, 0.999])
def test_any_changed_byte_is_noticed(data: bytes, place: float) -> None:
    index = max(len(MAGIC), int(place * len(data)))
    damaged = data[:index] + bytes([data[index] ^ 1]) + data[index + 1 :]

    with pytest.raises(ValueError, match="damaged or cut off"):
        from_bytes(damaged)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda data: b"", "no model of texts"),
        (lambda data: b"PK\x03\x04" + data, "no model of texts"),
        (lambda data: data[:-1], "damaged or cut off"),
        (lambda data: data + b"\x00" * BYTES_MAX, "larger than"),
        (lambda data: forged(data, labels=["one"] * 2), "describes itself wrongly"),
        (lambda data: forged(data, labels=[]), "describes itself wrongly"),
        (lambda data: forged(data, at_least=0.0), "describes itself wrongly"),
        (lambda data: forged(data, none=None), "describes itself wrongly"),
        (lambda data: forged(data, none=float("nan")), "describes itself wrongly"),
        (lambda data: forged(data, layout={"word_bits": 60, "letter_bits": 14}), "describes itself wrongly"),
        (lambda data: forged(data, layout={"word_bits": 20, "letter_bits": 20}), "another size"),
        (lambda data: forged(data, rows="many"), "description cannot be read"),
        (lambda data: forged(data, weights=b"no zlib"), "cannot be unpacked"),
        (lambda data: forged(data, weights=zlib.compress(b"\x00" * 100_000_000)), "another size"),
        (lambda data: forged(data, bias=zlib.compress(np.full(10, np.nan).tobytes())), "no number"),
    ],
)
def test_what_is_no_model_is_refused(data: bytes, make: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        from_bytes(make(data))


def test_a_forged_file_without_any_change_is_read(data: bytes) -> None:
    assert from_bytes(forged(data)).about == topics().model.about
