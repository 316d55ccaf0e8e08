"""When quiet hours begin and end: to the minute, over midnight, on some days, and where the clocks change."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pytest

from opportune.decide.limits.limits import Quiet, Scope
from opportune.decide.limits.quiet import quiet_until
from opportune.decide.limits.windows import instant

WARSAW, HAVANA, CAIRO = "Europe/Warsaw", "America/Havana", "Africa/Cairo"
CHATHAM, LORD_HOWE = "Pacific/Chatham", "Australia/Lord_Howe"
EVERY_DAY = "0123456"
SCOPE = Scope(np.ones(1, dtype=bool), frozenset({"a"}), {}, None, True)


def minutes(clock: str) -> int:
    return 60 * int(clock[:2]) + int(clock[3:])


@pytest.mark.parametrize(
    ("hours", "days", "zone", "now", "until"),
    [
        ("09:00 17:30", EVERY_DAY, WARSAW, "2026-05-04T08:59:59+02:00", None),
        ("09:00 17:30", EVERY_DAY, WARSAW, "2026-05-04T09:00:00+02:00", "2026-05-04T17:30+02:00"),
        ("09:00 17:30", EVERY_DAY, WARSAW, "2026-05-04T17:29:59.999999+02:00", "2026-05-04T17:30+02:00"),
        ("09:00 17:30", EVERY_DAY, WARSAW, "2026-05-04T17:30:00+02:00", None),
        ("09:00 17:30", "1", WARSAW, "2026-05-04T12:00:00+02:00", None),
        ("21:00 08:00", EVERY_DAY, WARSAW, "2026-05-04T20:59:59+02:00", None),
        ("21:00 08:00", EVERY_DAY, WARSAW, "2026-05-04T21:00:00+02:00", "2026-05-05T08:00+02:00"),
        ("21:00 08:00", EVERY_DAY, WARSAW, "2026-05-05T07:59:59+02:00", "2026-05-05T08:00+02:00"),
        ("21:00 08:00", EVERY_DAY, WARSAW, "2026-05-05T08:00:00+02:00", None),
        ("21:00 08:00", "6", WARSAW, "2026-05-04T07:00:00+02:00", "2026-05-04T08:00+02:00"),
        ("21:00 08:00", "6", WARSAW, "2026-05-04T22:00:00+02:00", None),
        ("21:00 00:00", EVERY_DAY, WARSAW, "2026-05-04T22:00:00+02:00", "2026-05-05T00:00+02:00"),
        # A whole day, one after the other, and from noon to noon.
        ("00:00 00:00", "6", WARSAW, "2026-05-02T23:59:59+02:00", None),
        ("00:00 00:00", "6", WARSAW, "2026-05-03T00:00:00+02:00", "2026-05-04T00:00+02:00"),
        ("00:00 00:00", "6", WARSAW, "2026-05-04T00:00:00+02:00", None),
        ("00:00 00:00", "56", WARSAW, "2026-05-02T10:00:00+02:00", "2026-05-04T00:00+02:00"),
        ("00:00 00:00", "056", WARSAW, "2026-03-28T10:00:00+01:00", "2026-03-31T00:00+02:00"),
        ("12:00 12:00", "6", WARSAW, "2026-05-03T11:59:59+02:00", None),
        ("12:00 12:00", "6", WARSAW, "2026-05-03T12:00:00+02:00", "2026-05-04T12:00+02:00"),
        ("12:00 12:00", "6", WARSAW, "2026-05-04T11:59:59+02:00", "2026-05-04T12:00+02:00"),
        ("12:00 12:00", "6", WARSAW, "2026-05-04T12:00:00+02:00", None),
        # The end is passed over, or comes twice: the hours end with the first moment that they do not hold.
        ("21:00 02:30", EVERY_DAY, WARSAW, "2026-03-29T01:59:00+01:00", "2026-03-29T03:00+02:00"),
        ("21:00 02:30", EVERY_DAY, WARSAW, "2026-10-25T02:10:00+02:00", "2026-10-25T02:30+02:00"),
        ("21:00 02:30", EVERY_DAY, WARSAW, "2026-10-25T02:10:00+01:00", "2026-10-25T02:30+01:00"),
        ("02:15 02:45", EVERY_DAY, WARSAW, "2026-10-25T02:20:00+01:00", "2026-10-25T02:45+01:00"),
        ("02:30 07:00", EVERY_DAY, WARSAW, "2026-10-25T02:40:00+02:00", "2026-10-25T03:00+02:00"),
        ("23:00 00:30", EVERY_DAY, HAVANA, "2026-03-07T23:10:00-05:00", "2026-03-08T01:00-04:00"),
        ("23:00 00:30", EVERY_DAY, HAVANA, "2026-11-01T00:10:00-05:00", "2026-11-01T00:30-05:00"),
        ("06:21 02:21", EVERY_DAY, LORD_HOWE, "2026-10-04T01:45:00+10:30", "2026-10-04T02:30+11:00"),
        ("00:15 00:14", EVERY_DAY, CAIRO, "2026-04-23T12:00:00+02:00", "2026-04-25T00:14+03:00"),
        ("03:00 03:30", EVERY_DAY, CHATHAM, "2026-09-27T02:44:00+12:45", None),
    ],
)
def test_quiet_hours_hold_from_their_begin_up_to_their_end(
    hours: str, days: str, zone: str, now: str, until: str | None
) -> None:
    begin, end = map(minutes, hours.split())
    policy = Quiet("nights", SCOPE, begin, end, frozenset(map(int, days)))

    found = quiet_until(policy, datetime.fromisoformat(now), zone)

    assert (None if found is None else instant(found)) == (None if until is None else datetime.fromisoformat(until))
