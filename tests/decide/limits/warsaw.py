"""Windows in Europe/Warsaw by brute force: whole numbers and the rule of the law, without any time zone of a library.

Summer time lasts from the last Sunday of March, 01:00 UTC, to the last Sunday of October, 01:00 UTC. All in seconds.
"""

from __future__ import annotations

import calendar
from datetime import UTC, datetime

import numpy as np

HOUR, DAY = 3_600, 86_400
YEARS = range(2015, 2035)


def _last_sunday(year: int, month: int) -> int:
    last = calendar.monthrange(year, month)[1]
    day = max(day for day in range(last - 6, last + 1) if calendar.weekday(year, month, day) == calendar.SUNDAY)
    return int(datetime(year, month, day, 1, tzinfo=UTC).timestamp())


CHANGES = np.array([_last_sunday(year, month) for year in YEARS for month in (3, 10)])


def is_summer(moment: np.ndarray) -> np.ndarray:
    return np.searchsorted(CHANGES, moment, side="right") % 2 == 1


def moved(moment: np.ndarray, days: int) -> np.ndarray:
    """Give the same wall time so many days later: the first of two, and by winter time where it is none."""
    wall = moment + np.where(is_summer(moment), 2 * HOUR, HOUR) + days * DAY
    in_summer, in_winter = wall - 2 * HOUR, wall - HOUR
    return np.where(is_summer(in_summer), in_summer, in_winter)


def start(moment: np.ndarray, days: int, seconds: int) -> np.ndarray:
    return (moved(moment, -days) if days else moment) - seconds


def counted(at: np.ndarray, now: np.ndarray, begin: np.ndarray) -> np.ndarray:
    """Tell which contacts lie in the windows, bool [P, M]; `now` and `begin` are [P]."""
    return (at > begin[:, None]) & (at <= now[:, None])


def rests_until(
    at: np.ndarray, heard: np.ndarray, freed: np.ndarray, now: np.ndarray, times: int, within: int, days: int
) -> np.ndarray:
    """Give until when somebody rests, int64 [P], 0 for not at all: every pair of moments is compared.

    Args:
        at: [P, M]; `heard` and `freed` tell which of them are the outcome and which end it, up to now.
        within: days in which it has to come so often.
        days: of the rest.
    """
    before = at <= now[:, None]
    last = np.where(freed & before, at, 0).max(axis=1)
    events = heard & before & (at > last[:, None])
    begin = moved(at, -within)
    together = events[:, None, :] & (at[:, None, :] > begin[:, :, None]) & (at[:, None, :] <= at[:, :, None])
    begins = events & (together.sum(axis=2) >= times)
    return np.where(begins, moved(at, days), 0).max(axis=1)
