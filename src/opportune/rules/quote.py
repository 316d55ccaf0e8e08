"""Write values as CEL literals."""

from __future__ import annotations

import math
from datetime import UTC, datetime

from opportune.records import Value

__all__ = ["quote"]

_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def quote(value: Value) -> str:
    """Give the CEL literal of a value.

    Example:
        >>> quote("it's")
        '"it\\'s"'
        >>> quote(18.0), quote(True), quote(["a", "b"])
        ('18.0', 'true', '["a", "b"]')
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return _number(value)
    if isinstance(value, str):
        return f'"{"".join(_ESCAPES.get(letter, _plain(letter)) for letter in value)}"'
    if isinstance(value, datetime):
        moment = value.astimezone(UTC).replace(tzinfo=None)
        return f'timestamp("{moment.isoformat()}Z")'
    return f"[{', '.join(quote(item) for item in value)}]"


def _plain(letter: str) -> str:
    return letter if letter.isprintable() else f"\\U{ord(letter):08x}"


def _number(value: float) -> str:
    if math.isfinite(value):
        return repr(value)
    return f'double("{value}")'
