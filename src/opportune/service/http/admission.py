"""Who may wait for the event loop, and for how long: what would be answered too late is refused at once.

Requests wait in lanes and are begun in short turns, between which the loop reads its sockets. So a refusal is never
behind more than one turn, and the time that a turn takes says what a request costs, all that belongs to it included.
The formulas stand in docs/concepts/overload.md.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterator
from time import perf_counter

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

__all__ = ["PATIENT_SECONDS", "Admission", "Lane"]

PATIENT_SECONDS = 0.5
"""How long outcomes, events, profiles and questions may wait: half of the time that the Python client gives a try."""
DEADLINE_SHARE = 1 / 3
"""Share of its deadline that a decision may wait for its turn; the rest is for the store, and in reserve."""
TURN_SECONDS = 0.005
"""Length of a turn of decisions; it bounds how late a refusal is."""
OTHERS_TURN_SECONDS = 0.0025
"""Length of a turn of the other requests, when decisions wait too."""
MEMORY = 256
"""Requests that the measured cost of one looks back on."""
FIRST_SECONDS = 0.001
"""Cost of a request before any was measured."""

Start = Callable[[], None]


class Lane:
    """Requests that wait for their turn, first come, first served.

    Args:
        turn_seconds: length of one of its turns.

    Attributes:
        wait_max: longest wait in seconds that is still taken.
        seconds_each: measured time of the loop per request.
    """

    def __init__(self, name: str, turn_seconds: float, wait_max: float) -> None:
        self.name = name
        self.turn_seconds = turn_seconds
        self.wait_max = wait_max
        self.waiting: deque[Start] = deque()
        self.admitted = 0
        self.refused = 0
        self.seconds_each = FIRST_SECONDS
        self._seconds = FIRST_SECONDS
        self._count = 1.0

    @property
    def backlog(self) -> float:
        """Seconds of work that waits."""
        return len(self.waiting) * self.seconds_each

    def begin(self) -> int:
        """Begin what fits into one turn; give how many those were."""
        count = min(len(self.waiting), max(1, int(self.turn_seconds / self.seconds_each)))
        for _ in range(count):
            self.waiting.popleft()()
        return count

    def took(self, seconds: float, count: int) -> None:
        """Learn what a turn of so many requests took."""
        kept = (1.0 - 1.0 / MEMORY) ** count
        self._seconds = self._seconds * kept + seconds
        self._count = self._count * kept + count
        self.seconds_each = self._seconds / self._count


class Admission:
    """Keeps the lanes; lives in the event loop's thread.

    Args:
        deadline: gives the time for a decision in seconds; asked once per turn.
        soon: has a callback called in the loop's next turn; None takes the running loop's.
        clock: seconds from any beginning.
    """

    def __init__(
        self,
        deadline: Callable[[], float],
        soon: Callable[[Callable[[], None]], object] | None = None,
        clock: Callable[[], float] = perf_counter,
    ) -> None:
        self._deadline = deadline
        self._soon = soon or _call_soon
        self.clock = clock
        self.decisions = Lane("decision", TURN_SECONDS, DEADLINE_SHARE * deadline())
        self.others = Lane("other", OTHERS_TURN_SECONDS, PATIENT_SECONDS)
        self.is_busy = False
        self._lag = 0.0
        self._began = 0.0
        self._count = 0
        self._served: Lane = self.others

    def wait(self, lane: Lane) -> float:
        """Estimate the seconds from the arrival of a request that is read now until its work is done."""
        other = self.others if lane is self.decisions else self.decisions
        own = lane.backlog + lane.seconds_each
        return self._lag + own + min(other.backlog, own * other.turn_seconds / lane.turn_seconds)

    def is_full(self, lane: Lane) -> bool:
        """Say whether a request that is read now would be late; an idle loop is never full."""
        return self.is_busy and self.wait(lane) > lane.wait_max

    def enter(self, lane: Lane, start: Start) -> None:
        """Let a request wait for its turn."""
        lane.admitted += 1
        lane.waiting.append(start)
        if not self.is_busy:
            self.is_busy = True
            self._began = self.clock()
            self._soon(self._turn)

    def arrival(self) -> float:
        """Give the moment, by `clock`, at which a request that is read now may have come at the earliest."""
        return self.clock() - self._lag

    def collect(self) -> Iterator[Metric]:
        """Give what Prometheus is told."""
        admitted = CounterMetricFamily("opportune_admitted", "Requests let in, by kind.", labels=["kind"])
        refused = CounterMetricFamily("opportune_overload_refusals", "Requests refused as late.", labels=["kind"])
        wait = GaugeMetricFamily("opportune_wait_seconds", "Estimated wait of a request.", labels=["kind"])
        cost = GaugeMetricFamily("opportune_cost_seconds", "Measured time per request.", labels=["kind"])
        for lane in (self.decisions, self.others):
            admitted.add_metric([lane.name], lane.admitted)
            refused.add_metric([lane.name], lane.refused)
            wait.add_metric([lane.name], self.wait(lane) if self.is_busy else 0.0)
            cost.add_metric([lane.name], lane.seconds_each)
        yield from (admitted, refused, wait, cost)

    def _turn(self) -> None:
        """End one turn and begin the next; the loop never sleeps between two."""
        now = self.clock()
        seconds = now - self._began
        if self._count:
            self._served.took(seconds, self._count)
        lane = self._next()
        if lane is None:
            self.is_busy = False
            self._lag = 0.0
            self._count = 0
            return
        self.decisions.wait_max = DEADLINE_SHARE * self._deadline()
        self._lag, self._began, self._served = seconds, now, lane
        self._count = lane.begin()
        # After what was begun, so that the next turn finds it done; decisions stop once on their way, for one another.
        self._soon(self._let_go_on)

    def _let_go_on(self) -> None:
        self._soon(self._turn)

    def _next(self) -> Lane | None:
        """Give the lane whose turn it is; where both wait they take turns."""
        first, second = (self.decisions, self.others) if self._served is self.others else (self.others, self.decisions)
        if first.waiting:
            return first
        return second if second.waiting else None


def _call_soon(callback: Callable[[], None]) -> object:
    return asyncio.get_running_loop().call_soon(callback)
