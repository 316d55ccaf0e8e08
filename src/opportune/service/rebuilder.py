"""Has models rebuilt beside the service: by a process that reads the store, so that decisions are not held up."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile

import msgspec
import structlog

from opportune.errors import ConflictError, StoreError
from opportune.service.contests import Changed
from opportune.service.rebuild_job import STEPS, Task, Work, work_of
from opportune.storage import Storage

__all__ = ["Rebuild", "RebuildProgress", "Rebuilder"]

POLL_SECONDS = 0.02
END_SECONDS = 5.0

log = structlog.get_logger()


class Rebuild(Changed, frozen=True, kw_only=True):
    """What became of a rebuild.

    Args:
        position: journal entry up to which final truths were learned.
        decisions: that were answered; `reports` that stand of them.
        ledger: digest of the final truths.
        model: digest of what the models know of them.
    """

    position: int
    decisions: int
    reports: int
    ledger: str
    model: str

    @classmethod
    def of(cls, work: Work, changed: Changed) -> Rebuild:
        """Join what was learned to what became of the order to go on from it."""
        return cls(
            entry=changed.entry,
            champion=changed.champion,
            live_ms=changed.live_ms,
            position=work.until,
            decisions=work.decisions,
            reports=work.reports,
            ledger=work.ledger,
            model=work.model,
        )


class RebuildProgress(msgspec.Struct, frozen=True, kw_only=True):
    """How far a rebuild of this process is.

    Args:
        running: whether there is one.
        done, total: steps, two for every answered decision; 0 before they are counted.
    """

    running: bool
    done: int
    total: int


class Rebuilder:
    """Rebuilds one after the other; a second one is refused while the first runs.

    Args:
        storage: that is served; one that no other process can open is read in another thread.
    """

    def __init__(self, storage: Storage, kernel: str) -> None:
        self._storage = storage
        self._kernel = kernel
        self._is_at_work = False
        self._steps = (0, 0)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def progress(self) -> RebuildProgress:
        """How far the rebuild is."""
        done, total = self._steps
        return RebuildProgress(running=self._is_at_work, done=done, total=total)

    async def work(self) -> Work:
        """Learn all final truths anew.

        Raises:
            ConflictError: another rebuild runs.
            StoreError: it failed.
        """
        if self._is_at_work:
            message = "another rebuild runs"
            raise ConflictError.of("rebuild", message, "wait until it has ended", "rebuild-running")
        self._is_at_work = True
        try:
            if not self._storage.url:
                return await asyncio.to_thread(work_of, self._storage, self._kernel, self._note)
            return await self._beside()
        finally:
            self._is_at_work = False
            self._steps = (0, 0)

    def _note(self, done: int, total: int) -> None:
        self._steps = (done, total)

    async def _beside(self) -> Work:
        with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as trouble, tempfile.TemporaryFile() as steps:
            self._process = process = subprocess.Popen(
                [sys.executable, "-m", "opportune.service.rebuild_job"],
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=trouble,
                pass_fds=[steps.fileno()],
            )
            try:
                _tell(process, Task(url=self._storage.url, kernel=self._kernel, progress=steps.fileno()))
                while process.poll() is None:
                    await asyncio.sleep(POLL_SECONDS)
                    told = os.pread(steps.fileno(), STEPS.size, 0)
                    if len(told) == STEPS.size:
                        self._steps = STEPS.unpack(told)
                output.seek(0)
                trouble.seek(0)
                return await asyncio.to_thread(_read, process.returncode, output.read(), trouble.read())
            finally:
                self.close()

    def close(self) -> None:
        """End a rebuild that runs."""
        process, self._process = self._process, None
        if process is None or process.poll() is not None:
            return
        process.terminate()
        try:
            process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _tell(process: subprocess.Popen[bytes], task: Task) -> None:
    assert process.stdin is not None
    try:
        process.stdin.write(msgspec.json.encode(task))
        process.stdin.close()
    except BrokenPipeError:
        # It ended at once; its exit code says so.
        pass


def _read(code: int, output: bytes, trouble: bytes) -> Work:
    if code == 0:
        return msgspec.msgpack.decode(output, type=Work)
    log.error("rebuild failed", exit=code, reason=trouble.decode(errors="replace")[-2000:])
    raise StoreError("the rebuild failed, and the models stay as they are; the service's log says why")
