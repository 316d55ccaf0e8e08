"""Names in the bubble chart: where they stand, as a reader sees them."""

from __future__ import annotations

import re
from itertools import combinations

from opportune.evaluate.pictures import HEIGHT, WIDTH, Bubble, bubbles

LETTER, LINE = 6.5, 12.0
"""What a letter covers at least, so that names that touch each other are found."""


def names_of(picture: str) -> dict[str, tuple[float, float]]:
    """Name → left and base of each name beside a bubble."""
    found = re.findall(r'<text x="([\d.]+)" y="([\d.]+)" fill="#1a1a1a">([^<]+)</text>', picture)
    return {name: (float(x), float(y)) for x, y, name in found}


def covering(names: dict[str, tuple[float, float]]) -> list[tuple[str, str]]:
    return [
        (one, other)
        for (one, (x, y)), (other, (u, v)) in combinations(names.items(), 2)
        if abs(y - v) < LINE and x < u + LETTER * len(other) and u < x + LETTER * len(one)
    ]


def test_names_of_bubbles_that_stand_together_do_not_cover_each_other() -> None:
    crowd = [Bubble(f"action-{n} (1,200)", 0.7 + n % 3 / 1000, 0.2 + n / 2000, 1_000 + n) for n in range(10)]
    apart = [Bubble("far (10)", 0.5, 0.9, 10)]

    names = names_of(bubbles("t", "d", "x", "y", [*crowd, *apart]))

    assert covering(names) == []
    assert len(names) >= 3
    assert "far (10)" in names


def test_the_reader_of_this_test_sees_names_that_cover_each_other() -> None:
    assert covering({"one": (100.0, 50.0), "two": (110.0, 55.0)}) == [("one", "two")]


def test_every_name_stands_on_the_paper_and_a_lonely_bubble_is_named_at_every_edge() -> None:
    corners = [Bubble(f"corner {x} {y}", x, y, 5) for x in (0, 1) for y in (0, 1)]

    names = names_of(bubbles("t", "d", "x", "y", corners))

    assert len(names) == 4
    for name, (x, y) in names.items():
        assert 0 <= x <= WIDTH - LETTER * len(name)
        assert 0 <= y <= HEIGHT


def test_a_bubble_without_room_for_its_name_says_it_when_pointed_at() -> None:
    crowd = [Bubble(f"a rather long name of an action {n}", 0.5, 0.5, 9) for n in range(9)]

    picture = bubbles("t", "d", "x", "y", crowd)

    assert len(names_of(picture)) < 9
    assert all(f"<title>a rather long name of an action {n}</title>" in picture for n in range(9))
