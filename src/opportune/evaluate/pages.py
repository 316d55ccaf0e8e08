"""Reports as one HTML page: no script, nothing loaded, readable aloud, by keyboard and on paper."""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape

from opportune.evaluate.speech import Language, figure

__all__ = ["Cell", "document", "pictured", "table"]

_STYLE = """
body { font: 1rem/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 72rem; padding: 1rem 1.5rem; color: #1a1a1a;
  background: #ffffff; }
h1 { margin-bottom: 0; }
table { border-collapse: collapse; margin: 0.5rem 0 1.5rem; }
caption { text-align: left; font-weight: bold; padding: 0.25rem 0; }
caption.again { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
@media (min-width: 48rem) { caption { white-space: nowrap; } }
@media (max-width: 48rem) { td.text { min-width: 7rem; } }
th, td { padding: 0.25rem 0.75rem; border-bottom: 1px solid #cccccc; text-align: right; }
th:first-child, td:first-child, td.text, th.text { text-align: left; }
th:first-child, td:first-child { min-width: 6rem; }
.scroll { overflow-x: auto; }
.pictures { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(26rem, 100%), 1fr)); gap: 1rem; }
figure { margin: 0; max-width: 48rem; border: 1px solid #cccccc; }
svg { display: block; width: 100%; height: auto; }
.look, .well { margin: 1rem 0; }
.look { border-left: 0.4rem solid #b3440a; padding: 0.1rem 1rem; background: #fdf3ec; }
.well { border-left: 0.4rem solid #3a7d2c; padding: 0.1rem 1rem; background: #f0f7ee; }
summary { cursor: pointer; padding: 0.25rem 0; }
"""

Cell = str | float | int | None


def document(language: str, title: str, subject: str, made: str, sections: Sequence[str]) -> str:
    """Write a page.

    Args:
        title: of its kind; `subject` what it is about; `made` from what, in a sentence.
        sections: as HTML, in order.
    """
    return "\n".join(
        [
            "<!doctype html>",
            f'<html lang="{language}">',
            '<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{escape(title)}: {escape(subject)}</title><style>{_STYLE}</style></head>",
            f"<body><header><h1>{escape(title)}</h1><p>{escape(made)}</p></header><main>",
            _once("\n".join(sections)),
            "</main></body></html>\n",
        ]
    )


def _once(html: str) -> str:
    """Keep a caption that only repeats its heading for those who hear the page."""
    heading = ""

    def seen(found: re.Match[str]) -> str:
        nonlocal heading
        if found[1] is not None:
            heading = found[1]
        elif found[2] == heading:
            return f'<caption class="again">{heading}</caption>'
        return found[0]

    return re.sub("<h[23][^>]*>([^<]*)</h[23]>|<caption>([^<]*)</caption>", seen, html)


def pictured(pictures: Sequence[str]) -> str:
    """Put pictures beside one another, as many as there is room for."""
    return f'<div class="pictures">{"".join(f"<figure>{picture}</figure>" for picture in pictures)}</div>'


def table(
    caption: str, names: Sequence[str], rows: Sequence[Sequence[Cell]], text: int, language: Language = "en"
) -> str:
    """Write a table whose first `text` columns are words; a wide one scrolls, also by keyboard.

    Args:
        language: that numbers are written in.
    """
    head = "".join(
        f'<th scope="col"{_text_class(place < text)}>{escape(name)}</th>' for place, name in enumerate(names)
    )
    body = "".join(
        "<tr>"
        + "".join(
            f'<th scope="row">{escape(_cell(cell, language))}</th>'
            if place == 0
            else f"<td{_text_class(place < text)}>{escape(_cell(cell, language))}</td>"
            for place, cell in enumerate(row)
        )
        + "</tr>"
        for row in rows
    )
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{escape(caption)}"><table>'
        f"<caption>{escape(caption)}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _text_class(is_text: bool) -> str:
    return ' class="text"' if is_text else ""


def _cell(value: Cell, language: Language) -> str:
    if value is None:
        return "–"
    if isinstance(value, float):
        # What is nothing after rounding has no sign.
        return figure(round(value, 4) + 0.0, ".4f", language)
    return figure(value, ",", language) if isinstance(value, int) else value
