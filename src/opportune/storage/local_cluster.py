"""The cluster of a store that one process writes to: everybody there is, is here."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import msgspec

from opportune.storage.cluster import REPORT_SECONDS, Cluster, Leadership, LiveModel, Notice, ProcessReport, Watch

__all__ = ["LocalCluster"]


class LocalCluster(Cluster):
    """Keeps in memory what a shared store would tell others; watchers hear of posted models only.

    What this process commits it knows from its own writer, and there is nobody else.

    Args:
        clock: gives the time of reports, aware.
    """

    shared = False

    def __init__(self, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._clock = clock
        self._guard = threading.Lock()
        self._watches: list[_LocalWatch] = []
        self._models: dict[str, LiveModel] = {}
        self._processes: dict[str, ProcessReport] = {}

    def watch(self, on_notice: Callable[[Notice], None]) -> Watch:
        watch = _LocalWatch(on_notice, self._forget)
        with self._guard:
            self._watches.append(watch)
        return watch

    def lead(self, role: str) -> Leadership:
        """Take a role; there is nobody to hold it against."""
        return _LocalLeadership()

    def post(self, model: LiveModel) -> None:
        with self._guard:
            self._models[model.name] = model
            for watch in self._watches:
                watch.tell(Notice(model=model.position))

    def live(self, name: str) -> LiveModel | None:
        return self._models.get(name)

    def report(self, process: ProcessReport) -> None:
        with self._guard:
            self._processes[process.id] = msgspec.structs.replace(process, seen_at=self._clock())

    def withdraw(self, process_id: str) -> None:
        with self._guard:
            self._processes.pop(process_id, None)

    def processes(self) -> list[ProcessReport]:
        since = self._clock() - timedelta(seconds=REPORT_SECONDS)
        with self._guard:
            recent = [process for process in self._processes.values() if process.seen_at > since]
        return sorted(recent, key=lambda process: (process.host, process.pid))

    def _forget(self, watch: _LocalWatch) -> None:
        with self._guard:
            self._watches.remove(watch)


class _LocalWatch(Watch):
    def __init__(self, on_notice: Callable[[Notice], None], forget: Callable[[_LocalWatch], None]) -> None:
        self._on_notice = on_notice
        self._forget = forget
        self._notices: queue.SimpleQueue[Notice | None] = queue.SimpleQueue()
        self._closed = False
        self.tell(Notice(missed=True))
        self._thread = threading.Thread(target=self._run, name="opportune-watch", daemon=True)
        self._thread.start()

    def tell(self, notice: Notice) -> None:
        self._notices.put(notice)

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        self._forget(self)
        self._notices.put(None)
        # A watcher may close itself from inside its own notice.
        if threading.current_thread() is not self._thread:
            self._thread.join()

    def _run(self) -> None:
        while (notice := self._notices.get()) is not None and not self._closed:
            self._on_notice(notice)


class _LocalLeadership(Leadership):
    def __init__(self) -> None:
        self._held = True

    def held(self) -> bool:
        return self._held

    def release(self) -> None:
        self._held = False
