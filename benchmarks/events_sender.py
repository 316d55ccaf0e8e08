"""Sends batches of events at a rate, beside whoever measures decisions.

python -m benchmarks.events_sender PORT RATE SECONDS
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Self

import msgspec

from benchmarks.load import Load, http_post

__all__ = ["BATCH", "BEGINS", "CUSTOMERS", "Sent", "send"]

BATCH = 100
"""Events of one request."""
CUSTOMERS = 20_000
CONNECTIONS = 8
HOST = "127.0.0.1"
BEGINS = b"begins\n"
"""What is printed when the first request is about to leave."""
NICE = 10
"""How far behind others the sender stands on its core."""
CATEGORIES = ("fresh", "dry", "drinks", "other")


class Sent(msgspec.Struct, frozen=True):
    """What became of the events; times in milliseconds.

    Args:
        rate: acknowledged events per second.
        failed: batches that were refused in part or not answered.
        late: of the generator, 99th percentile.
    """

    rate: float
    taken: int
    failed: int
    p50: float
    p99: float
    late: float

    @classmethod
    def read(cls, text: bytes) -> Self:
        """Read what the sender printed."""
        return msgspec.json.decode(text, type=cls)


class _Send:
    """Makes requests."""

    def batch(self, run: str, first: int, size: int, customers: int = CUSTOMERS) -> bytes:
        """Give the body of a batch; its ids are the run's, from `first` on."""
        return b"[%s]" % b",".join(self._event(run, number, customers) for number in range(first, first + size))

    def _event(self, run: str, number: int, customers: int) -> bytes:
        # Multiplied by a prime, so that the customers of a batch are many.
        customer = number * 7919 % customers
        if number % 3:
            return (
                b'{"id":"%s-%d","type":"call","customer":"c%05d","attributes":{"minutes":%d.5,"direction":"%s","number":"n%d"}}'
                % (
                    run.encode(),
                    number,
                    customer,
                    number % 60,
                    b"in" if number % 2 else b"out",
                    number % 997,
                )
            )
        return b'{"id":"%s-%d","type":"basket","customer":"c%05d","attributes":{"amount":%d.25,"category":"%s"}}' % (
            run.encode(),
            number,
            customer,
            number % 120,
            CATEGORIES[number % 4].encode(),
        )

    def requests(self, run: str, port: int) -> Callable[[int], bytes]:
        """Give what makes the bytes of request number n."""
        host = f"{HOST}:{port}"
        return lambda number: http_post("/v1/events", self.batch(run, number * BATCH, BATCH), host)

    def is_taken(self, answer: bytes) -> bool:
        """Say whether a whole batch was recorded."""
        return answer.startswith(b"HTTP/1.1 200") and b'"refused":0' in answer


send = _Send()


def main(port: int, rate: float, seconds: float) -> None:
    """Say that it begins, send, and print what became of it."""
    make = send.requests("run", port)
    # All beforehand, and behind whoever measures on the same core: what is sent must not slow down what is timed.
    requests = [make(number) for number in range(int(rate / BATCH * seconds) + 1)]
    os.nice(NICE)
    load = Load(HOST, port, CONNECTIONS)
    sys.stdout.buffer.write(BEGINS)
    sys.stdout.buffer.flush()
    found = load.run(requests.__getitem__, send.is_taken, rate / BATCH, seconds)
    load.close()
    taken = len(found.latencies) * BATCH
    told = Sent(
        rate=taken / found.seconds,
        taken=taken,
        failed=found.errors + found.unanswered,
        p50=found.quantile(0.5),
        p99=found.quantile(0.99),
        late=found.late * 1000.0,
    )
    sys.stdout.buffer.write(msgspec.json.encode(told))


if __name__ == "__main__":
    main(int(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3]))
