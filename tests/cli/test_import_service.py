"""Rows that go to a service over HTTP, where one request does not take them all."""

from __future__ import annotations

import httpx
import msgspec

from opportune.cli.import_targets import ServiceTarget
from opportune.customers.importing import Row

BYTES_MAX = 400


def test_rows_that_are_too_many_for_a_request_go_in_parts_and_one_that_is_too_large_is_refused() -> None:
    taken: dict[str, list[str]] = {}

    def answer(request: httpx.Request) -> httpx.Response:
        if len(request.content) > BYTES_MAX:
            return httpx.Response(413)
        names = [msgspec.json.decode(line)["id"] for line in request.content.splitlines()]
        taken[request.headers["Idempotency-Key"]] = names
        return httpx.Response(200, json={"items": [{"status": "recorded", "sequence": 1}] * len(names)})

    rows = [Row(number, 0, f"c-{number}", {"city": "x" * (500 if number == 8 else 40)}) for number in range(1, 12)]
    target = ServiceTarget("http://service")
    target._http = httpx.Client(base_url="http://service", transport=httpx.MockTransport(answer))
    first = target.write("run", 1, rows, replace=False)
    requests = len(taken)
    again = target.write("run", 1, rows, replace=False)
    target.close()

    assert [bool(one.problems) for one in first] == [row.number == 8 for row in rows]
    assert again == first
    assert len(taken) == requests
    assert sorted(name for names in taken.values() for name in names) == sorted(
        row.identifier for row in rows if row.number != 8
    )
