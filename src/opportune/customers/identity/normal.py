"""Identifiers as they are compared: one person's e-mail or phone is one text, however it was typed.

E-mail: spaces around it go, the text is put in Unicode normal form C, and the domain is written in small letters, an
international one in its ASCII form and without a dot at its end. The part before the @ stays as it is unless the kind
says otherwise: whether its capitals matter is for its provider to say. Nothing else of it is interpreted: neither dots
nor what follows a plus.

Phone: international form E.164, such as +48221234567. A number that cannot be dialled for its length, a short code and
one with an extension are refused.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Any

from opportune.errors import suggest

__all__ = ["email", "phone", "region_fault"]

CHARACTERS_MAX = 254
"""Of an e-mail address; what longer ones are cannot be sent to."""
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")


def email(text: str, lower_case: bool = False) -> str:
    """Write an e-mail address as it is compared.

    Raises:
        ValueError: it is none; the message does not repeat it.
    """
    name, sign, domain = unicodedata.normalize("NFC", text.strip()).rpartition("@")
    if not sign or not name or any(letter.isspace() or not letter.isprintable() for letter in name):
        raise ValueError("expected an e-mail address, such as name@example.com")
    try:
        ascii_domain = domain.removesuffix(".").encode("idna").decode().lower()
    except UnicodeError:
        ascii_domain = ""
    labels = ascii_domain.split(".")
    if len(labels) < 2 or not all(_LABEL.fullmatch(label) for label in labels):
        raise ValueError("expected an e-mail address, found a domain that cannot be")
    # Once more: small letters may compose where their capitals do not.
    name = unicodedata.normalize("NFC", name.lower()) if lower_case else name
    address = f"{name}@{ascii_domain}"
    if len(address) > CHARACTERS_MAX:
        raise ValueError(f"expected an e-mail address of at most {CHARACTERS_MAX} characters")
    return address


def phone(text: str, region: str | None = None) -> str:
    """Write a phone number in international form.

    Args:
        region: country of numbers without a country code; None refuses these.

    Raises:
        ValueError: it is none; the message does not repeat it.
    """
    phonenumbers = _library()
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException as fault:
        if fault.error_type == phonenumbers.NumberParseException.INVALID_COUNTRY_CODE:
            raise ValueError("expected a phone number with its country code, such as +48 22 123 45 67") from None
        raise ValueError("expected a phone number") from None
    if number.extension:
        raise ValueError("expected a phone number without an extension")
    if not phonenumbers.is_possible_number(number):
        raise ValueError("expected a phone number, found too few or too many digits")
    written: str = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    return written


def region_fault(region: str) -> tuple[str, str] | None:
    """Say what is wrong with a region of phone numbers and what to do; None where nothing is."""
    known = _library().SUPPORTED_REGIONS
    if region in known:
        return None
    remedy = suggest(region, sorted(known), "use two letters of ISO 3166, such as PL")
    return f"no phone numbers are known of region '{region}'", remedy


def _library() -> Any:
    """Load what knows the phone numbers of the world, which takes a while: many projects have none."""
    import phonenumbers

    return phonenumbers
