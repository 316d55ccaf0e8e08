"""May the address of an HTTP source be asked: whole, over TLS, and with no more of a person than is said?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from urllib.parse import urlsplit

from opportune.customers.context import Address, address_of
from opportune.customers.context.pointers import is_pointer
from opportune.customers.context.remote import host_of
from opportune.records import ValueType
from opportune.strategy.checks.notes import Notes, Path
from opportune.strategy.compile_sources import is_personal
from opportune.strategy.sections.context import ContextSource

__all__ = ["check_address"]

FILE = "sources.yaml"
WRITABLE = (ValueType.BOOLEAN, ValueType.INTEGER, ValueType.NUMBER, ValueType.TEXT)
LOOPBACK = ("127.0.0.1", "localhost", "::1")
Expect = Callable[[str, Sequence[ValueType], Path], bool]


def check_address(notes: Notes, name: str, section: ContextSource, expect: Expect) -> None:
    """Check a source of kind http."""
    for value, pointer in (section.values or {}).items():
        if not is_pointer(pointer):
            message = f"expected a JSON pointer, found '{pointer[:60]}'"
            notes.report(FILE, [name, "values", value], message, "begin it with /, as /current/rain", "wrong-pointer")
    url = section.url or ""
    try:
        address = address_of(url, section.decimals)
    except ValueError:
        message = "a brace of the address has no other"
        notes.report(FILE, [name, "url"], message, "write attributes as {context.city}", "wrong-url")
        return
    _check_host(notes, name, address)
    known = [key for key in address.keys if expect(key, WRITABLE, ["url"])]
    _check_disclosed(notes, name, section, known, address)


def _check_host(notes: Notes, name: str, address: Address) -> None:
    """Check that the part before the path is whole, fixed and safe."""
    begin = address.texts[0]
    _, marked, rest = begin.partition("://")
    is_fixed = not address.keys or any(sign in rest for sign in "/?")
    try:
        parsed = urlsplit(begin)
        host = parsed.hostname if parsed.port != 0 and begin.isprintable() else None
    except ValueError:
        parsed, host = urlsplit(""), None
    if not marked or not is_fixed or not host or host_of(begin) == "" or parsed.scheme not in ("http", "https"):
        message = "expected an address that begins with https:// and a host without braces"
        notes.report(FILE, [name, "url"], message, "write it as https://host/path", "wrong-url")
    elif parsed.scheme == "http" and host not in LOOPBACK:
        message = "an address without encryption"
        notes.report(FILE, [name, "url"], message, "write https://", "wrong-url")


def _check_disclosed(notes: Notes, name: str, section: ContextSource, known: Sequence[str], address: Address) -> None:
    for key in dict.fromkeys(known):
        if is_personal(notes.project, key) and key not in section.discloses:
            message = f"'{key}' says something about the person, and the address would tell it to others"
            remedy = f"leave it out, or write 'discloses: [{key}]'"
            notes.report(FILE, [name, "url"], message, remedy, "personal-attribute")
    for index, key in enumerate(section.discloses):
        if key not in address.keys:
            message = f"'{key[:100]}' is not in the address"
            notes.report(FILE, [name, "discloses", index], message, "remove it", "unused-attribute")
