"""Lengths of time, and where a window of such a length begins and ends.

Minutes and hours are elapsed time. Days and weeks are calendar time of a zone: the same wall time so many days before,
whatever the clocks did in between. A wall time that the clocks passed over is read by the offset before the change; one
that came twice stands for the first time (fold = 0, as `zoneinfo` has it).

Moments are microseconds since 1970, UTC.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

__all__ = ["DAY", "MICRO", "STEP", "Length", "instant", "micros"]

MICRO = 1_000_000
DAY = 86_400
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_UNIT = timedelta(microseconds=1)
_FIRST, _LAST = ((datetime(year, 1, 3, tzinfo=UTC) - _EPOCH) // _UNIT for year in (1, 9_999))
"""What the calendar can tell: windows that would begin or end outside of it do so at its ends."""
STEP = 900 * MICRO
"""Offsets from UTC change by whole quarters of an hour, today and in all rules that are foreseen."""
_STEPS = 120
"""Steps by which the end of a window may lie beside its wall time: more than a day, as where the date line moved."""
_SLACK = 26 * 3_600
"""By how much calendar days may be longer than their hours: clocks change, and a zone may change its side of the date
line."""


def micros(moment: datetime) -> int:
    """Give an aware moment in microseconds."""
    return (moment - _EPOCH) // _UNIT


def instant(moment: int) -> datetime:
    """Give a moment in microseconds as aware UTC time."""
    return _EPOCH + timedelta(microseconds=min(max(moment, _FIRST), _LAST))


@dataclass(frozen=True, slots=True)
class Length:
    """So many calendar days, and so many seconds beside them."""

    days: int
    seconds: int = 0

    def before(self, now: datetime, zone: str) -> int:
        """Give the moment that lies this long before; a window counts what comes after it."""
        return self._from(now, zone, -1)

    def after(self, moment: int, zone: str, now: int = _FIRST) -> int:
        """Give the first moment after `now` whose window leaves `moment` out; by quarters where clocks change.

        Args:
            now: where the clocks went back, a window may begin earlier again, and take in what it had left out.
        """
        end = self.on(moment, zone)
        if not self.days:
            return end
        for _ in range(_STEPS):
            if end <= now or self.before(instant(end), zone) < moment:
                end += STEP
            elif end - STEP > now and self.before(instant(end - STEP), zone) >= moment:
                end -= STEP
            else:
                break
        return end

    def on(self, moment: int, zone: str) -> int:
        """Give the moment that lies this long after."""
        return self._from(instant(moment), zone, 1) if self.days else moment + self.seconds * MICRO

    @property
    def seconds_most(self) -> int:
        """How many seconds it may be, at most."""
        return self.seconds + (self.days * DAY + _SLACK if self.days else 0)

    def _from(self, moment: datetime, zone: str, sign: int) -> int:
        if self.days:
            # Arithmetic with aware local times moves the wall clock and sets fold = 0.
            try:
                moment = moment.astimezone(ZoneInfo(zone)) + timedelta(days=sign * self.days)
            except OverflowError:
                return _FIRST if sign < 0 else _LAST
        return micros(moment) + sign * self.seconds * MICRO
