"""Whatever stands in a file, a project is either read or refused with problems at places that exist."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from opportune.errors import Problem, ProjectError
from opportune.strategy import check_files, load
from opportune.strategy.source import find, parse, place_in_text
from opportune.strategy.starter import STARTER

FILES = dict(load(STARTER).files)
PIECES = [
    "{",
    "}",
    "[",
    "]",
    ":",
    "- ",
    "\n",
    "  ",
    "'",
    '"',
    "|",
    ">",
    "&a ",
    "*a",
    "!!int ",
    "#",
    "~",
    "\t",
    "---",
    "?",
]
PIECES += [
    "true",
    "1e999",
    ".nan",
    "-1",
    "customer.age",
    "segment.at_risk",
    "\u2028",
    "\x85",
    "\\ud800",
    "é",
    "\0",
    "%",
]
fragments = st.one_of(st.sampled_from(PIECES), st.text(max_size=6))


def problems_of(files: dict[str, str]) -> list[Problem] | None:
    """Give what is wrong, or None."""
    try:
        check_files(files)
    except ProjectError as error:
        return error.problems
    return None


@given(path=st.sampled_from(sorted(FILES)), data=st.data())
def test_an_edited_project_is_read_or_refused(path: str, data: st.DataObject) -> None:
    text = FILES[path]
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(len(text), start + 40)))
    edited = text[:start] + "".join(data.draw(st.lists(fragments, max_size=4))) + text[end:]

    problems = problems_of({**FILES, path: edited})

    for problem in problems or ():
        lines = edited.split("\n") if problem.file == path else FILES.get(problem.file, "").split("\n")
        assert problem.line <= len(lines) + 1
        assert problem.message


@given(path=st.sampled_from([*sorted(FILES), "events.yaml"]), text=st.text())
def test_any_text_in_any_file_is_read_or_refused(path: str, text: str) -> None:
    problems = problems_of({**FILES, path: text})

    assert problems is None or problems


WORDS = st.lists(st.sampled_from(["a", "bc", "&&", "(d", "e)", "'f'", "it's", "1.5", "\\\\"]), min_size=1, max_size=8)


@given(words=WORDS, data=st.data())
def test_the_place_of_a_word_in_a_rule_is_its_place_in_the_file(words: list[str], data: st.DataObject) -> None:
    style = data.draw(st.sampled_from(["literal", "folded", "single", "double"]))
    breaks = data.draw(st.lists(st.booleans(), min_size=len(words), max_size=len(words)))
    marked = [*words, "HERE"]
    body = "".join(word + ("\n    " if broken else " ") for word, broken in zip(words, breaks, strict=True)) + "HERE"
    text = {
        "literal": "r:\n  - |\n    " + body + "\n",
        "folded": "r:\n  - >-\n    " + body + "\n",
        "single": "r:\n  - '" + body.replace("'", "''") + "'\n",
        "double": 'r:\n  - "' + body.replace("\\", "\\\\") + '"\n',
    }[style]
    node, _ = find(parse(text), ["r", 0])
    before = str(node.value)[: str(node.value).index("HERE")]

    line, column = place_in_text(text, node, before.count("\n") + 1, len(before) - before.rfind("\n"))

    assert len(marked) == len(words) + 1
    assert text.split("\n")[line - 1][column - 1 :].startswith("HERE")
