"""Revisions that can be told from their answers alone, and the detector that holds each answer to its revision.

Of revision k, texts say k, a rule lets coffee through only where k is even, and the value of water is k + 1. An answer
that takes its rules from one revision and its weights from another cannot fit the revision whose hash it carries.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from time import time
from typing import Any

import httpx

from tests.service.shop import files

__all__ = ["Seen", "Watcher", "decision_body", "marked_files", "mixed"]

SHOWN = ("call_back", "coffee", "water")


def marked_files(number: int) -> dict[str, str]:
    """Give the shop's files, marked as revision `number`."""
    texts = files()
    for path, text in texts.items():
        if path.startswith("actions/") and "title: {" not in path:
            texts[path] = text.replace("title: A ", f"title: {number} ").replace("title: We ", f"title: {number} ")
    water, coffee = "actions/drinks/water.yaml", "actions/drinks/coffee.yaml"
    texts[water] = texts[water].replace("{accept: 1}", f"{{accept: {number + 1}}}")
    rule = "true" if number % 2 == 0 else "customer.age > 100"
    texts[coffee] = texts[coffee].replace('"customer.age >= 18"', f'"{rule}"')
    return texts


def decision_body(id: str) -> dict[str, Any]:
    """Ask for all actions at the till, for somebody of whom nothing is known."""
    return {"id": id, "channel": "till", "placements": [{"name": "receipt", "size": 9}]}


def mixed(answer: Mapping[str, Any], number: int) -> str:
    """Say how an answer does not fit the revision that it names; "" where it does.

    Args:
        number: that the revision's files are marked with.
    """
    if answer["degraded"] is not None:
        return f"degraded: {answer['degraded']}"
    shown = {one["action"]: one for one in answer["placements"][0]["actions"]}
    expected = {"call_back", "water"} | ({"coffee"} if number % 2 == 0 else set())
    if set(shown) != expected:
        return f"rules: expected {sorted(expected)}, found {sorted(shown)}"
    titles = {one["content"]["title"].split()[0] for one in shown.values()}
    if titles != {str(number)}:
        return f"texts: expected {number}, found {sorted(titles)}"
    water = shown["water"]
    worth = water["priority"] / water["propensity"]["accept"]
    if abs(worth - (number + 1)) > 0.001 * (number + 1):
        return f"weights: expected {number + 1}, found {worth:.4f}"
    return ""


@dataclass(frozen=True, slots=True)
class Seen:
    """One answer: wall-clock time of its request, milliseconds until it came, status, revision, and what is mixed."""

    sent_at: float
    milliseconds: float
    status: int
    revision: str
    fault: str


@dataclass
class Watcher:
    """Sends decisions at a steady rate, whatever became of those before, and judges every answer.

    Args:
        numbers: content hash → what its files are marked with.
    """

    client: httpx.AsyncClient
    numbers: Mapping[str, int]
    rate: float
    seen: list[Seen] = field(default_factory=list)
    name: str = "w"

    async def watch(self, is_over: Callable[[], bool]) -> None:
        """Send until it is over, then wait for what is under way."""
        loop = asyncio.get_running_loop()
        begin = loop.time()
        sent = 0
        async with asyncio.TaskGroup() as tasks:
            while not is_over():
                due = begin + sent / self.rate
                await asyncio.sleep(max(0.0, due - loop.time()))
                tasks.create_task(self._ask(f"{self.name}-{sent}"))
                sent += 1

    async def _ask(self, id: str) -> None:
        sent_at = time()
        try:
            response = await self.client.post("/v1/decisions", json=decision_body(id))
        except httpx.HTTPError as error:
            self.seen.append(Seen(sent_at, (time() - sent_at) * 1e3, 0, "", type(error).__name__))
            return
        milliseconds = (time() - sent_at) * 1e3
        if response.status_code != 200:
            self.seen.append(Seen(sent_at, milliseconds, response.status_code, "", response.text[:200]))
            return
        answer = response.json()
        number = self.numbers.get(answer["revision"])
        fault = "of no known revision" if number is None else mixed(answer, number)
        self.seen.append(Seen(sent_at, milliseconds, 200, answer["revision"], fault))
