"""Points of the Earth by cells of the H3 grid: the nearest, and all within a distance, exactly.

Notation: q where somebody is, c the centre of the cell that holds q, p a point, d great-circle distance in km.
d(q, p) >= d(c, p) - d(q, c), so points in the order of d(c, p) need not be looked at once that bound is above the best
found. Nothing is assumed of the shape of cells; poles, the antimeridian and pentagons are no special cases.
What one cell may need is kept, for the cells asked last.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from opportune.rules.domain import EARTH_RADIUS_KM, great_circle_km

__all__ = ["CellIndex", "cell_of"]

RESOLUTION = 7
"""Cells of about 5 km2."""
CELLS_MAX = 10_000
"""Cells of one index that are kept."""
SLACK_KM = 0.001
"""More than what both computations of one distance differ by; near the antipode they differ most."""

_Order = tuple[tuple[float, int], ...]
"""Distance from the centre and number of points, the nearest first."""


class CellIndex:
    """Points that are searched; may be used from any thread.

    Args:
        latitudes, longitudes: degrees, -90..90 and -180..180; at least one point.
    """

    def __init__(self, latitudes: Sequence[float], longitudes: Sequence[float]) -> None:
        self._points = list(zip(latitudes, longitudes, strict=True))
        self._vectors = _vectors(np.array(self._points, dtype=np.float64))
        self._kept: OrderedDict[int, tuple[float, float, float, _Order]] = OrderedDict()
        self._guard = threading.Lock()

    def nearest(self, latitude: float, longitude: float) -> tuple[int, float]:
        """Give the number of the nearest point and its distance in km; of points equally near the first."""
        lat, lon, reach, order = self._of_cell(latitude, longitude)
        off = great_circle_km(latitude, longitude, lat, lon) + SLACK_KM
        if off > reach:
            order = self._order(lat, lon)
        best, found = np.inf, 0
        for bound, number in order:
            if bound - off > best:
                break
            km = great_circle_km(latitude, longitude, *self._points[number])
            if km < best or (km == best and number < found):
                best, found = km, number
        return found, best

    def distance(self, number: int, latitude: float, longitude: float) -> float:
        """Give the distance of one point in km."""
        return great_circle_km(latitude, longitude, *self._points[number])

    def around(self, cell: int, km: float) -> tuple[int, ...]:
        """Give the numbers, in order, of all points that may lie within some km of a place in a cell."""
        lat, lon, reach = _centre(cell)
        return tuple(np.flatnonzero(self._km(lat, lon) <= km + 2 * reach).tolist())

    def _of_cell(self, latitude: float, longitude: float) -> tuple[float, float, float, _Order]:
        """Give centre and reach of a place's cell, and the points that are nearest to some place within that reach."""
        cell = cell_of(latitude, longitude)
        with self._guard:
            kept = self._kept.get(cell)
            if kept is not None:
                self._kept.move_to_end(cell)
                return kept
        lat, lon, reach = _centre(cell)
        made = lat, lon, reach, self._order(lat, lon, 2 * reach)
        with self._guard:
            self._kept[cell] = made
            if len(self._kept) > CELLS_MAX:
                self._kept.popitem(last=False)
        return made

    def _order(self, latitude: float, longitude: float, beyond_km: float = np.inf) -> _Order:
        """Order the points by distance, those left out that lie further beyond the nearest."""
        km = self._km(latitude, longitude)
        near = np.flatnonzero(km <= km.min() + beyond_km)
        ordered = near[np.argsort(km[near], kind="stable")]
        return tuple(zip(km[ordered].tolist(), ordered.tolist(), strict=True))

    def _km(self, latitude: float, longitude: float) -> npt.NDArray[np.float64]:
        """Give the distances of all points, float64 [n]."""
        off = self._vectors - _vectors(np.array([(latitude, longitude)]))
        chords = np.sqrt(np.einsum("nk,nk->n", off, off))
        km: npt.NDArray[np.float64] = 2 * EARTH_RADIUS_KM * np.arcsin(np.minimum(1.0, chords / 2))
        return km


def cell_of(latitude: float, longitude: float) -> int:
    """Name the cell of a place."""
    cell: int = _library().latlng_to_cell(latitude, longitude, RESOLUTION)
    return cell


def _centre(cell: int) -> tuple[float, float, float]:
    """Give latitude and longitude of the centre of a cell, and a little more than how far its corners are."""
    h3 = _library()
    lat, lon = h3.cell_to_latlng(cell)
    return lat, lon, max(great_circle_km(lat, lon, *corner) for corner in h3.cell_to_boundary(cell)) + 2 * SLACK_KM


def _vectors(degrees: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Give unit vectors [n, 3] of latitudes and longitudes [n, 2]."""
    lat, lon = np.radians(degrees).T
    return np.stack((np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)), axis=1)


def _library() -> Any:
    """Load what knows cells, where a project has places."""
    import h3.api.basic_int

    return h3.api.basic_int
