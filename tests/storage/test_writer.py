"""The group writer: groups, limits, failures."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path

import pytest

from opportune.errors import InputError, StoreBusyError, StoreError
from opportune.storage import Committed, Entry, GroupWriter, Receipt, RecordEvent, SqliteStorage, Write, portions
from opportune.storage import writer as writing
from opportune.testing.storage import save_decision


class SlowStorage(SqliteStorage):
    """Commits when told to, and notes the size of every group."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.gate = threading.Semaphore(0)
        self.started = threading.Semaphore(0)
        self.groups: list[int] = []
        self.fault: Exception | None = None

    def commit(self, batch: Sequence[Write]) -> Committed:
        self.groups.append(len(batch))
        self.started.release()
        assert self.gate.acquire(timeout=10)
        if self.fault is not None:
            raise self.fault
        return super().commit(batch)


@pytest.fixture
def storage(tmp_path: Path) -> SlowStorage:
    return SlowStorage(tmp_path / "store.db")


def test_large_writes_go_in_small_groups(tmp_path: Path) -> None:
    sizes: list[int] = []
    with SqliteStorage(tmp_path / "store.db") as storage:
        writer = GroupWriter(storage, lambda entries: sizes.append(len(entries)))
        events = [
            RecordEvent(id=f"e{number}", type="visit", attributes={"text": "x" * 3_000_000}) for number in range(9)
        ]
        done = [writer.submit(event) for event in events]
        writer.close()

    assert all(future.result(0).sequence for future in done)
    assert max(sizes) <= 3


def test_what_comes_during_a_commit_is_the_next_group(storage: SlowStorage) -> None:
    writer = GroupWriter(storage)
    futures = [writer.submit(save_decision("first"))]
    assert storage.started.acquire(timeout=10)
    futures += [writer.submit(save_decision(f"k{number}")) for number in range(20)]
    storage.gate.release(2)

    assert [future.result(10).sequence for future in futures] == list(range(1, 22))
    assert storage.groups == [1, 20]
    writer.close()
    storage.close()


def test_a_group_has_a_largest_size(storage: SlowStorage) -> None:
    writer = GroupWriter(storage, group_max=8)
    futures = [writer.submit(save_decision("first"))]
    assert storage.started.acquire(timeout=10)
    futures += [writer.submit(save_decision(f"k{number}")) for number in range(20)]
    storage.gate.release(4)
    for future in futures:
        future.result(10)

    assert storage.groups == [1, 8, 8, 4]
    writer.close()
    storage.close()


def test_too_many_waiting_writes_are_refused(storage: SlowStorage) -> None:
    writer = GroupWriter(storage, waiting_max=3)
    writer.submit(save_decision("first"))
    assert storage.started.acquire(timeout=10)
    waiting = [writer.submit(save_decision(f"k{number}")) for number in range(3)]

    with pytest.raises(StoreBusyError, match="3 writes wait already"):
        writer.submit(save_decision("one-too-many"))
    storage.gate.release(10)

    assert all(future.result(10) for future in waiting)
    writer.close()
    storage.close()


def test_a_failed_commit_fails_its_whole_group_and_no_other(storage: SlowStorage) -> None:
    writer = GroupWriter(storage)
    storage.fault = StoreError("the device failed")
    failed = writer.submit(save_decision("a"))
    storage.gate.release()
    with pytest.raises(StoreError, match="the device failed"):
        failed.result(10)
    storage.fault = None
    storage.gate.release()

    assert writer.submit(save_decision("b")).result(10).sequence == 1
    writer.close()
    storage.close()


def test_an_unexpected_error_reaches_the_caller_and_the_writer_lives(storage: SlowStorage) -> None:
    writer = GroupWriter(storage)
    storage.fault = ZeroDivisionError()
    storage.gate.release(2)
    with pytest.raises(StoreError, match="unexpected ZeroDivisionError"):
        writer.submit(save_decision("a")).result(10)
    storage.fault = None

    assert writer.submit(save_decision("b")).result(10).sequence == 1
    writer.close()
    storage.close()


def test_a_closed_writer_refuses(storage: SlowStorage) -> None:
    writer = GroupWriter(storage)
    writer.close()

    with pytest.raises(StoreError, match="the writer is closed"):
        writer.submit(save_decision("a"))
    storage.close()


def test_a_caller_who_gave_up_disturbs_nobody(storage: SlowStorage) -> None:
    async def impatient() -> int:
        writer = GroupWriter(storage)
        given_up = asyncio.create_task(writer.write(save_decision("a")))
        patient = asyncio.create_task(writer.write(save_decision("b")))
        await asyncio.sleep(0)
        given_up.cancel()
        storage.gate.release(10)
        receipt = await patient
        await asyncio.to_thread(writer.close)
        return receipt.sequence

    # The first write is withdrawn unless the writer had taken it already.
    assert asyncio.run(impatient()) in (1, 2)
    storage.close()


def test_the_hook_runs_in_the_thread_of_the_loop(tmp_path: Path) -> None:
    threads: list[threading.Thread] = []

    async def write(storage: SqliteStorage) -> None:
        writer = GroupWriter(storage, lambda entries: threads.append(threading.current_thread()))
        await writer.write(save_decision("a"))
        await asyncio.to_thread(writer.close)

    with SqliteStorage(tmp_path / "store.db") as storage:
        asyncio.run(write(storage))

    assert threads == [threading.main_thread()]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_nobody_waits_for_ever_when_a_follower_breaks_its_word(storage: SlowStorage) -> None:
    def broken(entries: list[Entry]) -> None:
        raise ZeroDivisionError

    writer = GroupWriter(storage, broken)
    first = writer.submit(save_decision("a"))
    assert storage.started.acquire(timeout=10)
    second = writer.submit(save_decision("b"))
    storage.gate.release(10)

    assert first.result(10).sequence == 1
    with pytest.raises(StoreError, match="the writer ended by an error"):
        second.result(10)
    with pytest.raises(StoreError, match="the writer is closed"):
        writer.submit(save_decision("c"))
    writer.close()
    storage.close()


def test_what_comes_in_one_turn_of_the_loop_is_one_group_even_when_a_commit_ends_within_it(
    storage: SlowStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "HOLD_SECONDS", 10.0)

    async def run() -> None:
        writer = GroupWriter(storage, loop=asyncio.get_running_loop())
        futures = [asyncio.ensure_future(writer.write(save_decision("first")))]
        await asyncio.sleep(0)
        assert await asyncio.to_thread(storage.started.acquire, timeout=10)

        def begin_two() -> None:
            futures.append(asyncio.ensure_future(writer.write(save_decision("second"))))
            futures.append(asyncio.ensure_future(end_commit_and_write()))

        async def end_commit_and_write() -> None:
            # The commit of the first ends while the turn that holds the second is still open.
            storage.gate.release(2)
            assert not storage.started.acquire(timeout=0.2)
            await writer.write(save_decision("third"))

        asyncio.get_running_loop().call_soon(begin_two)
        await asyncio.sleep(0)
        await asyncio.gather(*futures)
        await asyncio.to_thread(writer.close)

    asyncio.run(run())

    assert storage.groups == [1, 2]
    storage.close()


def test_who_comes_together_is_waited_for(storage: SlowStorage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "HOLD_SECONDS", 10.0)

    async def run() -> None:
        writer = GroupWriter(storage)

        async def decide(name: str) -> None:
            await writer.together()
            # Long enough for the writer to begin without it.
            time.sleep(0.05)
            await writer.write(save_decision(name))

        early = asyncio.ensure_future(writer.write(save_decision("early")))
        late = [asyncio.ensure_future(decide(f"late-{number}")) for number in range(3)]
        storage.gate.release(9)
        await asyncio.gather(early, *late)
        await asyncio.to_thread(writer.close)

    asyncio.run(run())

    assert storage.groups == [4]
    storage.close()


def test_who_comes_together_and_goes_away_holds_nobody_up(tmp_path: Path) -> None:
    async def run() -> int:
        with SqliteStorage(tmp_path / "store.db") as storage:
            writer = GroupWriter(storage)
            gone = asyncio.ensure_future(writer.together())
            written = asyncio.ensure_future(writer.write(save_decision("a")))
            await asyncio.sleep(0)
            gone.cancel()
            receipt = await asyncio.wait_for(written, 10)
            await asyncio.to_thread(writer.close)
            return receipt.sequence

    assert asyncio.run(run()) == 1


def test_a_write_waits_for_a_moment_though_others_come_without_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def run() -> float:
        with SqliteStorage(tmp_path / "store.db") as storage:
            writer = GroupWriter(storage)
            await writer.write(save_decision("first"))
            end_turn = writer._end_turn

            def end_turn_and_begin_the_next() -> None:
                end_turn()
                writer._turn_open = True

            monkeypatch.setattr(writer, "_end_turn", end_turn_and_begin_the_next)
            begin = time.perf_counter()
            await asyncio.wait_for(writer.write(save_decision("second")), 10)
            took = time.perf_counter() - begin
            await asyncio.to_thread(writer.close)
            return took

    assert asyncio.run(run()) >= writing.HOLD_SECONDS


def test_a_stream_of_those_who_come_together_lets_writes_through(tmp_path: Path) -> None:
    async def run() -> int:
        with SqliteStorage(tmp_path / "store.db") as storage:
            writer = GroupWriter(storage)

            async def come_without_end() -> None:
                while True:
                    await writer.together()

            stream = [asyncio.ensure_future(come_without_end()) for _ in range(2)]
            for number in range(20):
                await asyncio.wait_for(writer.write(save_decision(f"d{number}")), 10)
            for task in stream:
                task.cancel()
            await asyncio.to_thread(writer.close)
            return storage.last_sequence()

    assert asyncio.run(run()) == 20


def test_many_writes_go_in_portions_and_keep_their_order(tmp_path: Path) -> None:
    with SqliteStorage(tmp_path / "many.db") as storage:

        async def write_many() -> list[Receipt | InputError]:
            writer = GroupWriter(storage)
            many = [RecordEvent(id=f"e-{n}", type="t", attributes={}) for n in range(300)]
            results = await writer.write_many([*many, many[0]])
            await asyncio.to_thread(writer.close)
            return results

        results = asyncio.run(write_many())

        sequences = [result.sequence for result in results if isinstance(result, Receipt)]
        assert sequences == [*range(1, 301), 1]


def test_a_single_write_does_not_wait_for_all_portions(tmp_path: Path) -> None:
    with SqliteStorage(tmp_path / "first.db") as storage:

        async def write_both() -> tuple[int, int]:
            writer = GroupWriter(storage)
            many = [RecordEvent(id=f"e-{n}", type="t", attributes={}) for n in range(2_000)]
            rest = asyncio.ensure_future(writer.write_many(many))
            await asyncio.sleep(0)
            one = await writer.write(RecordEvent(id="one", type="t", attributes={}))
            results = await rest
            await asyncio.to_thread(writer.close)
            return one.sequence, len(results)

        sequence, count = asyncio.run(write_both())

        assert count == 2_000
        assert sequence < 500


def test_what_is_announced_goes_before_portions_that_have_not_begun(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(portions, "YIELD_SECONDS", 60.0)
    many = [RecordEvent(id=f"e-{n}", type="t", attributes={}) for n in range(40)]

    async def write_both(*, is_announced: bool) -> int:
        with SqliteStorage(tmp_path / f"{is_announced}.db") as storage:
            writer = GroupWriter(storage)
            with writer.announced() if is_announced else nullcontext():
                rest = asyncio.ensure_future(writer.write_many(many))
                await asyncio.wait([rest], timeout=0.2 if is_announced else 10)
                one = await writer.write(RecordEvent(id="one", type="t", attributes={}))
            assert len(await rest) == len(many)
            await asyncio.to_thread(writer.close)
            return one.sequence

    assert asyncio.run(write_both(is_announced=True)) == 1
    assert asyncio.run(write_both(is_announced=False)) > len(many)


def test_portions_go_though_something_is_announced_for_ever(tmp_path: Path) -> None:
    async def write() -> int:
        with SqliteStorage(tmp_path / "for_ever.db") as storage:
            writer = GroupWriter(storage)
            with writer.announced():
                many = [RecordEvent(id=f"e-{n}", type="t", attributes={}) for n in range(100)]
                results = await asyncio.wait_for(writer.write_many(many), 10)
            await asyncio.to_thread(writer.close)
            return len(results)

    assert asyncio.run(write()) == 100


def test_long_work_waits_while_something_is_announced_and_not_for_ever(tmp_path: Path) -> None:
    async def pause() -> list[str]:
        with SqliteStorage(tmp_path / "calm.db") as storage:
            writer = GroupWriter(storage)
            done: list[str] = []

            async def work(name: str) -> None:
                await writer.calm()
                done.append(name)

            await work("nothing announced")
            with writer.announced():
                works = [asyncio.ensure_future(work(name)) for name in ("first", "second")]
                await asyncio.sleep(0)
                await writer.write(RecordEvent(id="one", type="t", attributes={}))
                done.append("written")
            await asyncio.gather(*works)
            with writer.announced():
                await asyncio.wait_for(work("announced for ever"), 10)
            await asyncio.to_thread(writer.close)
            return done

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(writing, "YIELD_SECONDS", 1.0)
        done = asyncio.run(pause())

    assert done == ["nothing announced", "written", "first", "second", "announced for ever"]


def test_writes_together_are_one_transaction_and_each_is_judged(tmp_path: Path) -> None:
    with SqliteStorage(tmp_path / "together.db") as storage:

        async def write_together() -> list[Receipt | InputError]:
            writer = GroupWriter(storage)
            first = RecordEvent(id="a", type="t", attributes={})
            await writer.write(first)
            results = await writer.write_together(
                [RecordEvent(id="a", type="u", attributes={}), RecordEvent(id="b", type="t", attributes={})]
            )
            await asyncio.to_thread(writer.close)
            return results

        refused, taken = asyncio.run(write_together())

        assert isinstance(refused, InputError)
        assert isinstance(taken, Receipt)
