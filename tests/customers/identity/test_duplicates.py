"""The search finds made duplicates, weighs as its formula says, and never compares everybody with everybody."""

from __future__ import annotations

import csv
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from opportune.customers.identity.duplicates import (
    Compared,
    Found,
    Person,
    Proposal,
    read_accepted,
    search,
    write_proposals,
)
from opportune.customers.identity.duplicates.blocks import BLOCK_MAX, pairs_in
from opportune.customers.identity.duplicates.fold import are_close_dates, are_close_names, date_of, folded, name_key
from opportune.customers.identity.duplicates.people import Values
from opportune.errors import InputError
from tests.customers.identity.made_people import COMPARED, Made


def _quality(made: Made, found: Found, at_least: float) -> tuple[float, float]:
    proposed = [one for one in found.proposals if one.likely >= at_least]
    right = sum(one.one.rpartition(".")[0] == one.other.rpartition(".")[0] for one in proposed)
    return right / len(proposed), right / made.truth


def test_most_made_duplicates_are_found_and_nearly_no_others() -> None:
    made = Made(4_000)
    found = search(COMPARED, made.people(), 0.5)
    precision, recall = _quality(made, found, 0.5)
    assert precision > 0.98
    assert recall > 0.88
    assert found.people == 4_000
    assert found.pairs < 40_000
    assert list(found.proposals) == sorted(found.proposals, key=lambda one: -one.likely)


def test_nobody_has_duplicates_where_there_are_none() -> None:
    assert len(search(COMPARED, Made(3_000, share=0.0).people(), 0.7).proposals) < 6


@pytest.mark.full
def test_a_hundred_thousand_persons_take_less_than_a_minute() -> None:
    made = Made(100_000)
    people = list(made.people())
    begin = time.process_time()
    found = search(COMPARED, iter(people), 0.5)
    seconds = time.process_time() - begin
    for at_least, least in ((0.5, (0.985, 0.90)), (0.7, (0.997, 0.86)), (0.9, (0.999, 0.80))):
        precision, recall = _quality(made, found, at_least)
        print(f"at least {at_least}: precision {precision:.4f}, recall {recall:.4f}")
        assert (precision, recall) >= least
        assert recall >= least[1]
    print(f"{seconds:.1f} s of one core, {found.pairs} pairs")
    assert seconds < 60


def test_the_likelihood_is_that_of_the_formula() -> None:
    people = [
        Person("a", {"first": "Anna", "born": "1990-05-04", "mail": "a@b.pl"}),
        Person("b", {"first": "ANNA", "born": "1990-05-05", "mail": "A@B.pl"}),
        *(Person(f"n{number}", {"first": f"Name{number}x"}) for number in range(8)),
    ]
    compared = [Compared("first", "name"), Compared("born", "date"), Compared("mail", "email")]
    (proposal,) = search(compared, people, 1e-9).proposals
    close = _closeness(people)
    same = 0.05 / 10 * 0.87 * 0.05 * 0.60
    related = 1.0 / 10 * 0.02 * 0.04 * 0.05
    strange = (2 / 10) * close * (2 / 10)
    assert proposal.likely == pytest.approx(same / (same + related + strange), abs=1e-4)
    assert proposal.reasons == ("first: the same", "born: nearly the same", "email: the same")


def _closeness(people: list[Person]) -> float:
    """Draw the same strangers as the search: how often their dates are close."""
    close = known = 0
    for one, other in np.random.default_rng(1).integers(0, len(people), (len(people) ** 2, 2)).tolist():
        both = {one, other} == {0, 1}
        known += both
        close += both
    return (close + 1) / (known + 2)


def test_a_crowd_that_shares_something_is_passed_over() -> None:
    crowd = [Person(f"c{number}", {"mail": "office@example.com"}) for number in range(BLOCK_MAX + 1)]
    found = search([Compared("mail", "email")], crowd, 1e-9)
    assert (found.pairs, found.blocks_passed_over, found.proposals) == (0, 1, [])


def test_identifiers_are_compared_with_attributes() -> None:
    people = [
        Person("4711", {"mail": " Anna@Example.com"}),
        Person("email:anna@example.com", {}, (("email", "anna@example.com"),)),
        *(Person(f"n{number}", {}) for number in range(500)),
    ]
    (found,) = search([Compared("mail", "email")], people, 0.01).proposals
    assert (found.one, found.other, found.reasons) == ("4711", "email:anna@example.com", ("email: the same",))


def test_empty_searches() -> None:
    assert search(COMPARED, [], 0.5).proposals == []
    assert search(COMPARED, [Person("a", {})], 0.5).proposals == []


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 5)), max_size=60))
def test_pairs_are_those_that_share_a_value(rows: list[tuple[int, int]]) -> None:
    rows = list(dict.fromkeys(rows))
    values = Values(*(np.array([row[part] for row in rows], dtype=np.int64) for part in (0, 1)))
    pairs, passed_over = pairs_in(values, 10)
    wanted = {(a, b) for a, v in rows for b, w in rows if v == w and a < b}
    assert {divmod(int(pair), 10) for pair in pairs} == wanted
    assert passed_over == 0


@pytest.mark.parametrize(
    ("text", "plain"), [("Łódź-Widzew ", "lodz widzew"), ("O'Neil", "o neil"), ("ŻÓŁĆ", "zolc"), ("  ", "")]
)
def test_folding(text: str, plain: str) -> None:
    assert folded(text) == plain
    assert folded(plain) == plain


def test_closeness() -> None:
    assert are_close_names("kowalski", "kowalsky")
    assert are_close_names("kowalski", "kowlaski")
    assert are_close_names("kowalski", "kowaski")
    assert not are_close_names("kowalski", "kowals")
    assert not are_close_names("jo", "jan")
    assert are_close_dates("19900504", "19900405")
    assert are_close_dates("19900504", "19910504")
    assert not are_close_dates("19900504", "19910505")
    assert date_of("1990-05-04T00:00:00Z") == "19900504"
    assert date_of("4 May") is None
    assert name_key("kowalska") == "kwls"


@given(st.text("abc", min_size=3, max_size=6), st.data())
def test_one_slip_is_close_both_ways(word: str, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(word) - 1))
    for other in (word[:place] + "x" + word[place:], word[:place] + "x" + word[place + 1 :]):
        assert are_close_names(word, other)
        assert are_close_names(other, word)
    swapped = word[: place - 1] + word[place - 1 : place + 1][::-1] + word[place + 1 :] if place else word
    assert are_close_names(word, swapped)


@pytest.mark.parametrize("name", ["found.csv", "found.jsonl"])
def test_what_a_person_marked_is_read_back(tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    proposals = [
        Proposal(one="0012", other="=cmd()", likely=0.9, reasons=("born: the same", "email: different")),
        Proposal(one="phone:+48221234567", other="4711", likely=0.8, reasons=()),
    ]
    write_proposals(file, proposals)
    assert read_accepted(file) == []
    mark = {"found.csv": (",\n", ",yes\n"), "found.jsonl": ('"accept":false', '"accept":true')}[name]
    file.write_text(file.read_text().replace(*mark), newline="")
    assert [(one.one, one.other) for one in read_accepted(file)] == [("0012", "=cmd()"), ("phone:+48221234567", "4711")]
    if name == "found.csv":
        assert "'=cmd()" in file.read_text()
        file.write_text(file.read_text().replace(",", ";"))
        assert len(read_accepted(file)) == 2


@pytest.mark.parametrize(
    ("name", "content", "where"),
    [
        ("found.csv", "one,other,accept\nżółw,b,yes\n".encode("cp1250"), "found.csv"),
        ("found.csv", "one,other,accept\na,b,yes\n".encode("utf-16"), "found.csv"),
        ("found.csv", b'one,other,accept\n"' + b"a" * 200_000 + b'",b,yes\n', "found.csv"),
        ("found.jsonl", b'{"one": ' + b"[" * 100_000 + b"\n", "line 1"),
    ],
)
def test_what_another_program_made_of_the_file_is_told(tmp_path: Path, name: str, content: bytes, where: str) -> None:
    (tmp_path / name).write_bytes(content)
    # Python's own; reading a file of customers raises it for the whole process.
    limit = csv.field_size_limit(131_072)
    try:
        with pytest.raises(InputError) as refusal:
            read_accepted(tmp_path / name)
    finally:
        csv.field_size_limit(limit)
    assert [problem.where for problem in refusal.value.problems] == [where]


def test_a_mark_that_is_neither_yes_nor_no_is_told(tmp_path: Path) -> None:
    file = tmp_path / "found.csv"
    file.write_text("one,other,accept\na,b,yes\nc,d,tak\ne,f,No\ng,h,\n")
    with pytest.raises(InputError) as refusal:
        read_accepted(file)
    assert [problem.where for problem in refusal.value.problems] == ["line 3"]


def test_lines_that_no_search_wrote_are_told_at_once(tmp_path: Path) -> None:
    file = tmp_path / "found.jsonl"
    file.write_text('{"one": "a"}\nnot json\n{"one": "a", "other": "b", "accept": "x"}\n')
    with pytest.raises(InputError) as refusal:
        read_accepted(file)
    assert [problem.where for problem in refusal.value.problems] == ["line 1", "line 2"]
