"""Requests wait for their turn for so long that they are answered in time; others are refused at once, unread."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from opportune.service.http.admission import DEADLINE_SHARE, MEMORY, PATIENT_SECONDS, Admission
from opportune.service.http.protocol import _body_length

DEADLINE = 0.1


class Loop:
    """A loop whose clock moves only by the work that is done."""

    def __init__(self) -> None:
        self.now = 0.0
        self.soon: list[Callable[[], None]] = []
        self.begun: list[str] = []
        self.admission = Admission(lambda: DEADLINE, self.soon.append, lambda: self.now)

    def work(self, name: str, seconds: float) -> Callable[[], None]:
        """A request: begun, it takes its time in the loop's next turn."""

        def do() -> None:
            self.now += seconds

        def start() -> None:
            self.begun.append(name)
            self.soon.append(do)

        return start

    def offer(self, name: str, seconds: float, patient: bool = False) -> bool:
        """Let a request in or refuse it."""
        lane = self.admission.others if patient else self.admission.decisions
        if self.admission.is_full(lane):
            return False
        self.admission.enter(lane, self.work(name, seconds))
        return True

    def turn(self) -> None:
        """Do what was ready when the turn began."""
        ready, self.soon[:] = list(self.soon), []
        for callback in ready:
            callback()

    def run(self) -> None:
        """Go on until nothing is left."""
        while self.soon:
            self.turn()


@pytest.fixture
def loop() -> Loop:
    return Loop()


def test_an_idle_service_refuses_nothing(loop: Loop) -> None:
    loop.offer("slow", 30.0)
    loop.run()

    assert loop.offer("next", 0.001)


def test_requests_begin_in_the_order_of_their_arrival(loop: Loop) -> None:
    names = [f"r-{number}" for number in range(20)]
    for name in names:
        loop.offer(name, 0.001)
    loop.run()

    assert loop.begun == names


def test_as_many_wait_as_fit_into_their_share_of_the_deadline(loop: Loop) -> None:
    for number in range(2 * MEMORY):
        loop.offer(f"warm-{number}", 0.0005)
        loop.run()

    admitted = sum(loop.offer(f"r-{number}", 0.0005) for number in range(1_000))

    assert admitted == pytest.approx(DEADLINE_SHARE * DEADLINE / 0.0005, rel=0.05)


def test_the_cost_of_a_request_is_measured(loop: Loop) -> None:
    for number in range(4 * MEMORY):
        loop.offer(f"r-{number}", 0.004)
        loop.run()

    assert loop.admission.decisions.seconds_each == pytest.approx(0.004, rel=0.05)


@pytest.mark.parametrize("cost", [0.0002, 0.002, 0.02])
def test_what_is_admitted_in_a_flood_is_done_in_its_share_of_the_deadline(loop: Loop, cost: float) -> None:
    for number in range(4 * MEMORY):
        loop.offer(f"warm-{number}", cost)
        loop.run()
    waits: list[float] = []

    def offer() -> None:
        arrived = loop.now
        lane = loop.admission.decisions
        if not loop.admission.is_full(lane):
            work = loop.work("flood", cost)
            loop.admission.enter(lane, lambda: (work(), loop.soon.append(lambda: waits.append(loop.now - arrived)))[0])

    for _ in range(300):
        for _ in range(20):
            offer()
        loop.turn()
    loop.run()

    assert len(waits) > 20
    assert max(waits) <= DEADLINE_SHARE * DEADLINE + max(2 * cost, 0.005)


def test_a_turn_is_short_so_that_refusals_are_quick(loop: Loop) -> None:
    for number in range(4 * MEMORY):
        loop.offer(f"warm-{number}", 0.001)
        loop.run()
    for number in range(30):
        loop.offer(f"r-{number}", 0.001)

    longest = 0.0
    while loop.soon:
        before = loop.now
        loop.turn()
        longest = max(longest, loop.now - before)

    assert longest <= 0.006


def test_outcomes_may_wait_longer_than_decisions_and_do_not_keep_them_out(loop: Loop) -> None:
    for number in range(4 * MEMORY):
        loop.offer(f"warm-{number}", 0.001)
        loop.offer(f"warm-{number}", 0.001, patient=True)
        loop.run()

    outcomes = sum(loop.offer(f"o-{number}", 0.001, patient=True) for number in range(5_000))
    decisions = sum(loop.offer(f"d-{number}", 0.001) for number in range(5_000))

    assert outcomes == pytest.approx(PATIENT_SECONDS / 0.001, rel=0.1)
    assert decisions == pytest.approx(DEADLINE_SHARE * DEADLINE / 0.0015, rel=0.1)


def test_both_lanes_take_turns(loop: Loop) -> None:
    for number in range(40):
        loop.offer(f"o-{number}", 0.001, patient=True)
    for number in range(40):
        loop.offer(f"d-{number}", 0.001)
    loop.run()

    first = loop.begun[:20]
    assert any(name.startswith("o-") for name in first)
    assert any(name.startswith("d-") for name in first)


@pytest.mark.parametrize(
    ("head", "length"),
    [
        (b"post /v1/decisions http/1.1\r\nhost: x\r\ncontent-length: 12\r\n\r\n", 12),
        (b"post / http/1.1\r\ncontent-length:12\r\nconnection: keep-alive\r\nx: y\r\n\r\n", 12),
        (b"post / http/1.1\r\ncontent-length: 12\r\nconnection: close\r\n\r\n", None),
        (b"post / http/1.1\r\ncontent-length: 12\r\ncontent-length: 13\r\n\r\n", None),
        (b"post / http/1.1\r\ntransfer-encoding: chunked\r\n\r\n", None),
        (b"post / http/1.1\r\ncontent-length: 12\r\nx: a\ntransfer-encoding: chunked\r\n\r\n", None),
        (b"post / http/1.1\r\ncontent-length: 12\r\nexpect: 100-continue\r\n\r\n", None),
        (b"post / http/1.1\r\ncontent-length: -1\r\n\r\n", None),
        (b"post / http/1.1\r\ncontent-length: 12a\r\n\r\n", None),
        (b"post / http/1.1\r\ncontent-length: 99999999\r\n\r\n", None),
        (b"post / http/1.1\r\nx-content-length: 3\r\n\r\n", None),
        (b"post / http/1.1\r\nhost: x\r\n\r\n", None),
    ],
)
def test_only_plain_heads_are_refused_unread(head: bytes, length: int | None) -> None:
    assert _body_length(head) == length
