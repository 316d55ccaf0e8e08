"""An event that one process acknowledged is in the features of the decision that another is asked for next."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import pytest

from tests.postgres import need_postgres

from .fleet import Fleet
from .shop import decision, files
from .test_histories import facts, happen, serving, with_features

PERSONS = 5
CONTEXT = """
weather: {type: text, values: [Sunny, Rainy]}
minutes: {type: number, range: [0, 600], keeps: session}
"""


@contextmanager
def pair(folder: Path, module: str = "opportune.cli") -> Iterator[tuple[httpx.Client, httpx.Client]]:
    """Two services of one store; the second one runs as the module says."""
    for path, text in files(features="calls: {count: call_ended}\n", context=CONTEXT).items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    store = need_postgres().database()
    with ExitStack() as stack:
        clients = []
        for kind in ("opportune.cli", module):
            service = Fleet(store, 1, module=kind, project=folder)
            stack.callback(service.stop)
            clients.append(stack.enter_context(service.client()))
        yield clients[0], clients[1]


def stale(first: httpx.Client, second: httpx.Client, rounds: int) -> int:
    """Count the decisions that did not know the event that was acknowledged just before."""
    missed = 0
    for number in range(rounds):
        customer = f"c-{number % PERSONS}"
        event = {"id": f"e-{number}", "type": "call_ended", "customer": customer}
        first.post("/v1/events", json=event).raise_for_status()
        answer = second.post("/v1/decisions", json=decision(f"r-{number}", customer=customer)).json()
        record = second.get(f"/v1/decisions/{answer['id']}").json()["decision"]
        missed += record["facts"]["feature.calls"] != number // PERSONS + 1
    return missed


@pytest.mark.serial
@pytest.mark.full
def test_an_event_counts_in_whichever_process_decides_next(tmp_path: Path) -> None:
    with pair(tmp_path) as (first, second):
        assert stale(first, second, 1_000) == 0


@pytest.mark.serial
@pytest.mark.full
def test_what_one_process_hears_in_a_session_the_other_knows_at_once(tmp_path: Path) -> None:
    with pair(tmp_path) as (first, second):
        for number in range(100):
            news = {"id": f"n-{number}", "context": {"minutes": number}}
            first.post("/v1/sessions/s-1", json=news).raise_for_status()
            answer = second.post("/v1/decisions", json=decision(f"r-{number}", session="s-1")).json()
            facts_known = second.get(f"/v1/decisions/{answer['id']}").json()["decision"]["facts"]
            assert (facts_known["context.minutes"], facts_known["session.turn"]) == (number, number + 1)


@pytest.mark.serial
@pytest.mark.full
def test_the_control_that_tells_nothing_of_what_it_knew_is_stale(tmp_path: Path) -> None:
    with pair(tmp_path, "tests.service.blind_service") as (first, second):
        assert stale(first, second, 40) > 20


@pytest.mark.full
def test_an_event_counts_at_once_in_the_process_that_does_everything(tmp_path: Path) -> None:
    with serving(tmp_path / "shop.db", of=with_features()) as service:
        for number in range(1_000):
            happen(service, f"e-{number}", f"c-{number % PERSONS}")
            answer = service.decide(f"r-{number}", customer=f"c-{number % PERSONS}")
            assert facts(service, answer)["calls_7d"] == number // PERSONS + 1
