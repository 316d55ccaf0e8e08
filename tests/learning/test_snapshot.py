"""Learned state as bytes."""

from __future__ import annotations

import numpy as np
import pytest

from opportune.learning import Snapshot, from_bytes, to_bytes

STATE = Snapshot(
    {"b": np.arange(6, dtype=np.float32).reshape(2, 3), "a": np.zeros((0, 4), dtype=np.int64)},
    {"model": "x", "list": [1, "ą", None]},
)


def test_bytes_come_back_as_the_same_state() -> None:
    found = from_bytes(to_bytes(STATE))

    assert found.meta == STATE.meta
    assert sorted(found.arrays) == ["a", "b"]
    assert all(np.array_equal(found.arrays[n], STATE.arrays[n]) for n in "ab")
    assert all(found.arrays[n].dtype == STATE.arrays[n].dtype for n in "ab")


def test_the_order_of_names_and_the_layout_in_memory_do_not_matter() -> None:
    other = Snapshot(
        {"a": STATE.arrays["a"], "b": np.asfortranarray(STATE.arrays["b"])}, dict(reversed(list(STATE.meta.items())))
    )

    assert to_bytes(other) == to_bytes(STATE)


def test_every_flipped_byte_is_noticed() -> None:
    data = to_bytes(STATE)

    for place in range(len(data)):
        with pytest.raises(ValueError, match="snapshot"):
            from_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])


def test_every_cut_is_noticed() -> None:
    data = to_bytes(STATE)

    for end in range(len(data)):
        with pytest.raises(ValueError, match="snapshot"):
            from_bytes(data[:end])


def test_it_refuses_types_that_could_hide_code() -> None:
    with pytest.raises(ValueError, match="array a"):
        to_bytes(Snapshot({"a": np.array([object()])}, {}))


def test_it_refuses_more_bytes_than_arrays() -> None:
    import hashlib

    body = to_bytes(STATE)[:-32] + b"more"

    with pytest.raises(ValueError, match="more bytes"):
        from_bytes(body + hashlib.blake2b(body, digest_size=32).digest())


@pytest.mark.parametrize(
    "header",
    [
        b"[]",
        b'{"meta":{},"arrays":[{"name":"a","dtype":"object","shape":[1]}]}',
        b'{"meta":{},"arrays":[{"name":"a","dtype":"int64","shape":[-1]}]}',
        b'{"meta":{},"arrays":[{"name":"a","dtype":"int64","shape":[99999999999]}]}',
        b"[" * 100_000,
    ],
)
def test_it_refuses_headers_that_lie(header: bytes) -> None:
    import hashlib

    body = b"OPPSTATE1\n" + len(header).to_bytes(8, "little") + header

    with pytest.raises(ValueError, match="snapshot"):
        from_bytes(body + hashlib.blake2b(body, digest_size=32).digest())
