"""JSON pointers: where in a JSON text a value stands.

Source: RFC 6901.
"""

from __future__ import annotations

from typing import Any

__all__ = ["at", "is_pointer"]


def is_pointer(text: str) -> bool:
    """Say whether a text is a pointer: "" for the whole, else names after slashes."""
    steps = text.split("~")
    return (text == "" or text.startswith("/")) and all(step[:1] in ("0", "1") for step in steps[1:])


def at(document: Any, pointer: str) -> Any:
    """Give what stands at a pointer; None where nothing does."""
    for step in pointer.split("/")[1:]:
        name = step.replace("~1", "/").replace("~0", "~")
        if isinstance(document, dict):
            document = document.get(name)
        elif isinstance(document, list) and name.isascii() and name.isdigit() and int(name[:9]) < len(document):
            document = document[int(name[:9])]
        else:
            return None
    return document
