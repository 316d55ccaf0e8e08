"""Events of an iCalendar file (RFC 5545) as the lines that they are written in; nothing is read of values yet."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from opportune.strategy.source_rows import RowsError

__all__ = ["EventLines", "Line", "event_lines"]

CALENDAR, EVENT = "VCALENDAR", "VEVENT"
_NAME = re.compile(r"([A-Za-z0-9-]+)[ \t]*[:;]")
_EXPORT = "export the calendar anew, as iCalendar"

Line = tuple[int, str]
"""Where it begins, 1-based, and its text, put together again where it was folded."""


@dataclass(slots=True)
class EventLines:
    """One event.

    Args:
        number: among the events of the file, from 1.
        line: where it begins, 1-based.
        lines: name of a property, in capitals -> its lines.
        unreadable: lines that name no property.
    """

    number: int
    line: int
    lines: dict[str, list[Line]] = field(default_factory=dict)
    unreadable: list[int] = field(default_factory=list)


def event_lines(text: str) -> list[EventLines]:
    """Find the events of all calendars in a file; what stands inside of other components does not count.

    Raises:
        RowsError: it is no iCalendar; the message repeats nothing of it.
    """
    found: list[EventLines] = []
    stack: list[tuple[str, int]] = []
    for line, content in _unfolded(text):
        match = _NAME.match(content)
        name = match[1].upper() if match else ""
        if not stack and (name, content[match.end() if match else 0 :].strip().upper()) != ("BEGIN", CALENDAR):
            raise RowsError(line, "expected BEGIN:VCALENDAR, found another line", _EXPORT)
        if match and name == "BEGIN":
            stack.append((content[match.end() :].strip().upper(), line))
            if _are(stack, CALENDAR, EVENT):
                found.append(EventLines(len(found) + 1, line))
        elif match and name == "END":
            _close(stack, content[match.end() :].strip().upper(), line)
        elif _are(stack, CALENDAR, EVENT):
            if match:
                found[-1].lines.setdefault(name, []).append((line, content))
            else:
                found[-1].unreadable.append(line)
    if stack:
        raise RowsError(stack[-1][1], "what begins here has no END", _EXPORT)
    return found


def _are(stack: list[tuple[str, int]], *names: str) -> bool:
    return len(stack) == len(names) and all(one == name for (one, _), name in zip(stack, names, strict=True))


def _close(stack: list[tuple[str, int]], name: str, line: int) -> None:
    opened, begin = stack.pop()
    if opened != name:
        raise RowsError(line, f"the END of something else than begins in line {begin}", _EXPORT)


def _unfolded(text: str) -> Iterator[Line]:
    """Give the lines that are not empty; a line that begins with a space or a tab goes on with the one before."""
    begin, parts = 0, [""]
    for line, part in enumerate(text.split("\n"), start=1):
        if part[:1] in (" ", "\t") and begin:
            parts.append(part[1:])
        elif part.strip():
            if begin:
                yield begin, "".join(parts)
            begin, parts = line, [part]
    if begin:
        yield begin, "".join(parts)
