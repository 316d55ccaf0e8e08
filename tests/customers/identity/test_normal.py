"""One address and one number are one text, however they are typed; what is none is refused without being repeated."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opportune.customers.identity import CUSTOMER, Identifier, Identifiers, Kind, Trust
from opportune.customers.identity.normal import email, phone
from opportune.errors import InputError

KINDS = Identifiers(
    [
        Kind("cookie", Trust.ANONYMOUS),
        Kind("email", Trust.CLAIMED, "email"),
        Kind("phone", Trust.CLAIMED, "phone", "PL"),
        Kind("card", Trust.PROVEN),
    ],
    ["household"],
)


@pytest.mark.parametrize(
    ("typed", "written"),
    [
        ("  Anna@Example.COM ", "Anna@example.com"),
        ("anna@example.com.", "anna@example.com"),
        ("ola@żółw.pl", "ola@xn--w-uga1v8h.pl"),
        ("ola@XN--W-UGA1V8H.pl", "ola@xn--w-uga1v8h.pl"),
        ("e\u0301va@example.com", "éva@example.com"),
        ("a.b+c@example.com", "a.b+c@example.com"),
    ],
)
def test_email(typed: str, written: str) -> None:
    assert email(typed) == written
    assert email(written) == written


@pytest.mark.parametrize(
    ("typed", "written"),
    [
        ("Anna.Maria@Example.COM", "anna.maria@example.com"),
        ("\u03aa\u0301ris@example.com", "\u0390ris@example.com"),
    ],
)
def test_email_in_small_letters(typed: str, written: str) -> None:
    assert email(typed, lower_case=True) == written
    assert email(written, lower_case=True) == written


@pytest.mark.parametrize(
    "typed",
    [
        *("", "@", "anna", "anna@", "@example.pl", "anna@example", "an na@example.com", "a@b..pl", "a@-b.pl"),
        *("a@b.pl/x", "a\n@b.pl", "x" * 250 + "@b.pl", "a@" + "b" * 70 + ".pl", "anna@@.pl"),
    ],
)
def test_no_email(typed: str) -> None:
    with pytest.raises(ValueError, match="expected an e-mail address") as refusal:
        email(typed)
    assert len(typed) < 3 or typed not in str(refusal.value)


@pytest.mark.parametrize(
    ("typed", "region", "written"),
    [
        ("22 123 45 67", "PL", "+48221234567"),
        ("+48 (22) 123-45-67", None, "+48221234567"),
        ("0048 22 123 45 67", "PL", "+48221234567"),
        ("+48221234567", "DE", "+48221234567"),
        ("030 1234567", "DE", "+49301234567"),
        ("tel:+48-22-123-45-67", None, "+48221234567"),
    ],
)
def test_phone(typed: str, region: str | None, written: str) -> None:
    assert phone(typed, region) == written
    assert phone(written) == written


@pytest.mark.parametrize(
    "typed", ["", "abc", "12", "+48 22 123", "22 123 45 67 ext. 5", "+999 123456789", "+4822123456789012"]
)
def test_no_phone(typed: str) -> None:
    with pytest.raises(ValueError, match="expected a phone number"):
        phone(typed, "PL")


def test_a_number_without_its_country_needs_a_region() -> None:
    with pytest.raises(ValueError, match="country code"):
        phone("22 123 45 67")


@given(st.text(max_size=40))
def test_what_is_written_is_written_so_for_ever(text: str) -> None:
    for write in (email, lambda typed: email(typed, lower_case=True), lambda typed: phone(typed, "PL")):
        try:
            written = write(text)
        except ValueError:
            continue
        assert write(written) == written


def test_the_most_trusted_comes_first() -> None:
    read = KINDS.read("4711", {"cookie": "c", "phone": "22 123 45 67", "email": "A@B.PL", "card": "1"})
    assert [one.kind for one in read] == ["customer", "card", "email", "phone", "cookie"]
    assert read[2].value == "A@b.pl"
    assert KINDS.ranked("4711", dict(read)) == read


def test_all_problems_come_at_once() -> None:
    with pytest.raises(InputError) as refusal:
        KINDS.read("4711", {"customer": "4712", "phone": "secret", "emial": "secret", "email": "secret"})
    problems = [str(problem) for problem in refusal.value.problems]
    assert len(problems) == 4
    assert "secret" not in "".join(problems)
    assert "did you mean 'email'?" in "".join(problems)


@pytest.mark.parametrize(
    ("path", "identifier"),
    [
        ("4711", (CUSTOMER, "4711")),
        ("email:A@B.PL", ("email", "A@b.pl")),
        ("customer:email:x", (CUSTOMER, "email:x")),
        ("urn:4711", (CUSTOMER, "urn:4711")),
    ],
)
def test_identifiers_in_paths(path: str, identifier: tuple[str, str]) -> None:
    read = KINDS.in_path(path)
    assert read == identifier
    assert KINDS.in_path(str(read)) == read


def test_a_unit_is_no_person() -> None:
    with pytest.raises(InputError, match="a unit of the level 'household'"):
        KINDS.in_path("household:h-1")


def test_a_kind_that_is_gone_is_taken_for_proven() -> None:
    assert KINDS.trust("passport") is Trust.PROVEN
    assert str(Identifier("email", "a@b.pl")) == "email:a@b.pl"
