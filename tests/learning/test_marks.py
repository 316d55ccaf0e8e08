"""Marks in place of texts: no state holds what somebody wrote, and states of before are read."""

from __future__ import annotations

import numpy as np

from opportune.learning.base import Predictor, Snapshot
from opportune.learning.encoding import LEVELS_MAX, Encoder
from opportune.learning.marks import as_mark, mark_of
from opportune.learning.tree_frame import frame_from, frame_of
from opportune.records import ValueType

CITY = Predictor("customer.city", ValueType.TEXT)
PRODUCTS = Predictor("customer.products", ValueType.TEXTS)


def known(encoder: Encoder, levels: object) -> Encoder:
    empty = {name: np.zeros(0) for name in ("seen", "mean", "variance")}
    return encoder.restored(Snapshot(empty, {"levels": levels}))


def rows(encoder: Encoder, **facts: object) -> list[int]:
    return encoder.encode({f"customer.{name}": value for name, value in facts.items()}).rows.tolist()


def test_a_mark_is_the_same_wherever_it_is_made() -> None:
    assert mark_of("Kraków") == "#9bbcac268f67b868"
    assert as_mark(mark_of("Kraków")) == mark_of("Kraków") == as_mark("Kraków")
    assert len({mark_of(f"city {number}") for number in range(10_000)}) == 10_000


def test_a_restored_encoder_knows_texts_by_their_marks() -> None:
    encoder = Encoder((CITY, PRODUCTS), "numpy")
    for city, products in (("a", ["x", "y"]), ("b", ["z"]), ("c", [])):
        encoder.observe({"customer.city": city, "customer.products": products})

    other = known(encoder, [list(one) for one in encoder.levels])

    for facts in ({"city": "b", "products": ["x", "z"]}, {"city": "d", "products": ["q"]}, {"city": "a"}):
        assert rows(other, **facts) == rows(encoder, **facts)
    other.observe({"customer.city": "c"})
    assert other.levels == encoder.levels


def test_texts_of_earlier_states_are_read_as_their_marks() -> None:
    encoder = Encoder((CITY,), "numpy")

    other = known(encoder, [[0, "a"], [0, "b"]])

    assert other.levels == [(0, mark_of("a")), (0, mark_of("b"))]
    assert rows(other, city="b") != rows(other, city="c")


def test_no_more_levels_are_taken_than_before() -> None:
    encoder = Encoder((CITY,), "numpy")

    for number in range(2 * LEVELS_MAX):
        encoder.observe({"customer.city": f"city {number}"})

    assert len(encoder.levels) == LEVELS_MAX


def test_a_frame_of_trees_holds_marks_and_reads_texts_of_earlier_ones() -> None:
    facts = [{"customer.city": "a", "customer.products": ["x"]}, {"customer.city": "b", "customer.products": ["y"]}]
    types = {one.name: one.type for one in (CITY, PRODUCTS)}
    frame = frame_of((CITY, PRODUCTS), facts, ())
    earlier = {"columns": [[CITY.name, "text", ["a", "b"]], *[[PRODUCTS.name, "texts", [one]] for one in "xy"]]}

    again = frame_from({**earlier, "codes": []})

    assert again == frame
    assert frame.row({"customer.city": "b", "customer.products": ["y", "z"]}, types).tolist() == [2.0, 0.0, 1.0]
