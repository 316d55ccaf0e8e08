"""What all pages share: captions, and bars beside their names."""

from __future__ import annotations

import re

from opportune.evaluate.bars import Bar, bars
from opportune.evaluate.pages import document, table


def test_a_caption_that_repeats_its_heading_is_for_the_ear_alone() -> None:
    tables = table("Models", ["name"], [["main"]], 1), table("Actions", ["name"], [["tea"]], 1)

    page = document("en", "Report", "shop", "made", ["<h2>Models</h2>", *tables, "<h2>Other</h2>", tables[0]])

    assert re.findall(r"<caption[^>]*>\w+", page) == [
        '<caption class="again">Models', "<caption>Actions", "<caption>Models",
    ]  # fmt: skip


def test_bars_stand_beside_their_names_whichever_series_has_any() -> None:
    drawn = bars(
        "t", "d", ["a", "b", "c"], [Bar("x", (1, 0, 0), "1"), Bar("y", (1, 2, 3), "6"), Bar("z", (0, 0, 4), "4")]
    )

    texts = {name: float(y) for y, name in re.findall(r'y="([\d.]+)" text-anchor="end"[^>]*>(\w)<', drawn)}
    tops = [float(y) for y in re.findall(r'<rect x="230" y="([\d.]+)"', drawn)]

    assert len(tops) == 5
    for name, top in zip("xyz", (tops[0], tops[2], tops[4]), strict=True):
        assert top < texts[name] < top + 10
