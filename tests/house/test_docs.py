"""The documentation holds together: links lead somewhere, headings nest, and every line is one sentence."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    path
    for path in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "examples").rglob("*.md")]
    if path.is_file()
)

FENCE = re.compile(r"^ *(```|~~~)")
HEADING = re.compile(r"^(#{1,6}) +(.+?) *$")
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)(?: \"[^\"]*\")?\)")
INLINE_CODE = re.compile(r"`[^`]*`")
LIST_MARKER = re.compile(r"^ *\d+\. ")
SENTENCE_END = re.compile(r"[a-z0-9)\]`][.!?][\")]? +[A-Z]")
OUTSIDE = re.compile(r"^[a-z]+:")


def prose(page: Path) -> list[tuple[int, str]]:
    """Numbered lines outside of fenced code."""
    lines, fenced = [], False
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), 1):
        if FENCE.match(line):
            fenced = not fenced
        elif not fenced:
            lines.append((number, line))
    return lines


def anchors(page: Path) -> set[str]:
    """Anchors of a page's headings, made as code hosts make them."""
    titles = [match[2] for _, line in prose(page) if (match := HEADING.match(line))]
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_lead_to_a_file_and_a_heading_that_exist(page: Path) -> None:
    broken = []
    for number, line in prose(page):
        for target in LINK.findall(INLINE_CODE.sub("", line)):
            if OUTSIDE.match(target):
                continue
            file, _, anchor = target.partition("#")
            other = (page.parent / file).resolve() if file else page
            if not other.exists() or (anchor and anchor not in anchors(other)):
                broken.append(f"{name(page)}:{number}: {target}")

    assert broken == []


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_a_page_opens_with_its_one_title_and_skips_no_level(page: Path) -> None:
    levels = [len(match[1]) for _, line in prose(page) if (match := HEADING.match(line))]

    assert levels[:1] == [1]
    assert levels.count(1) == 1
    assert all(later <= earlier + 1 for earlier, later in itertools.pairwise(levels))


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_line_is_one_sentence(page: Path) -> None:
    crowded = [
        f"{name(page)}:{number}"
        for number, line in prose(page)
        if not line.lstrip().startswith(("|", "#"))
        and SENTENCE_END.search(LIST_MARKER.sub("", INLINE_CODE.sub("`", line)))
    ]

    assert crowded == []


def test_the_index_names_every_page() -> None:
    docs = ROOT / "docs"
    listed = {(docs / target).resolve() for target in LINK.findall((docs / "index.md").read_text(encoding="utf-8"))}
    pages = {page.resolve() for page in docs.rglob("*.md")} - {docs / "index.md"}

    assert sorted(str(page.relative_to(docs)) for page in pages - listed) == []
