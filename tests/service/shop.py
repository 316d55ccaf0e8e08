"""A corner shop's strategy, served in this process, for tests of the service."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from time import monotonic
from typing import Any

import httpx

from opportune.service import EmbeddedRuntime, Settings
from opportune.service.http import App
from opportune.service.revisions import Strategy, strategy_from_files, strategy_from_folder
from opportune.storage import SqliteStorage, Storage

__all__ = ["PROJECT", "Service", "another", "decision", "files", "serving", "strategy"]

PROJECT = Path(__file__).parent / "project"


@cache
def strategy() -> Strategy:
    """Compile the project once."""
    return strategy_from_folder(PROJECT)


def files(**changed: str) -> dict[str, str]:
    """Give the project's files by path, with some added to or replaced; "__" stands for "/" and the end is .yaml."""
    texts = {path.relative_to(PROJECT).as_posix(): path.read_text() for path in sorted(PROJECT.rglob("*.yaml"))}
    return texts | {f"{name.replace('__', '/')}.yaml": text for name, text in changed.items()}


def another(words: str) -> Strategy:
    """Compile the project with a comment that makes it another revision."""
    texts = files()
    return strategy_from_files(texts | {"goals.yaml": f"{texts['goals.yaml']}\n# {words}\n"})[0]


def decision(id: str = "r-1", **fields: Any) -> dict[str, Any]:
    """Make the body of a decision request."""
    return {"id": id, "channel": "till", "placements": [{"name": "receipt"}], **fields}


class Service:
    """A served runtime; requests run one after the other on its own loop."""

    def __init__(self, runtime: EmbeddedRuntime, runner: asyncio.Runner, client: httpx.AsyncClient, app: App) -> None:
        self.runtime, self.runner, self.client, self.app = runtime, runner, client, app

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> httpx.Response:
        """Send one request; `body` is JSON, or bytes as they are."""
        return self.runner.run(self.acall(method, path, body, **headers))

    async def acall(self, method: str, path: str, body: Any = None, **headers: str) -> httpx.Response:
        """Send one request from inside of the loop."""
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        if body is None:
            return await self.client.request(method, path, headers=names)
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return await self.client.request(
            method, path, content=content, headers={"content-type": "application/json", **names}
        )

    def decide(self, id: str = "r-1", **fields: Any) -> dict[str, Any]:
        """Ask for a decision and give its answer."""
        answer: dict[str, Any] = self.call("POST", "/v1/decisions", decision(id, **fields)).json()
        return answer

    def wait(self, seconds: float) -> None:
        """Let the loop run."""
        self.runner.run(asyncio.sleep(seconds))

    def settle(self) -> None:
        """Let the loop run until all that was acknowledged is learned."""
        self.until(lambda: self.runtime.learning().lag == 0)

    def until(self, condition: Callable[[], object]) -> None:
        """Let the loop run until something is so, for ten seconds at most."""
        end = monotonic() + 10
        while not condition():
            assert monotonic() < end, "it did not become so within ten seconds"
            self.wait(0.005)


@contextmanager
def serving(place: Path | Storage, settings: Settings | None = None, of: Strategy | None = None) -> Iterator[Service]:
    """Serve the project from a store, in NumPy alone so that nothing waits for a compiler."""
    storage = place if isinstance(place, Storage) else SqliteStorage(place)
    runtime = EmbeddedRuntime(of or strategy(), storage, settings or Settings(kernel="numpy"))
    runtime.prepare()
    app = App(runtime)
    with asyncio.Runner() as runner:
        runner.run(runtime.start())
        client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://shop")
        try:
            yield Service(runtime, runner, client, app)
        finally:
            runner.run(client.aclose())
            runner.run(runtime.close())
