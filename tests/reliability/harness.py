"""Kill and cut the power of a real process, and compare what it acknowledged with what its store holds.

Nothing here knows what the process does. It is given as a command, with a way to tell the ids it acknowledged.
"""

from __future__ import annotations

import os
import random
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import pytest

from .disk import Acked, Operation, Removed, Renamed, Synced, Truncated, Written, acked_before, rebuild

__all__ = ["AckReader", "cut_power", "kill_loop", "need_strace", "read_trace", "run_traced"]

AckReader = Callable[[str, bytes], Iterable[str]]
"""(path or name of the descriptor, bytes written to it) → ids that these bytes acknowledge."""

_CALLS = "write,pwrite64,writev,sendto,fsync,fdatasync,ftruncate,rename,renameat,renameat2,unlink,unlinkat"
_LINE_BYTES_MAX = 1 << 20
_READY_SECONDS = 30


def need_strace() -> str:
    """Path of strace; skips the test where it is missing or may not trace, and fails it in continuous integration."""
    path = shutil.which("strace")
    if path and subprocess.run([path, "-o", os.devnull, "true"], capture_output=True, check=False).returncode == 0:
        return path
    reason = "strace is missing or may not trace; install the package strace to run the power-loss test"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


# Killing


def kill_loop(
    command: Sequence[str],
    rounds: int,
    seed: int,
    check: Callable[[int, set[str]], None],
    seconds: tuple[float, float] = (0.02, 0.35),
) -> set[str]:
    """Start the command, kill it -9 at a random moment after its first acknowledgement, check; again and again.

    The command writes one acknowledged id per line to its standard output, one write per line.

    Args:
        check: called with the round and with all ids acknowledged so far, after every kill.
        seconds: range of the time between first acknowledgement and kill.

    Returns:
        All acknowledged ids.
    """
    chance = random.Random(seed)
    acked: set[str] = set()
    for number in range(rounds):
        acked |= _kill_once([*command, str(number)], chance.uniform(*seconds))
        check(number, acked)
    return acked


def _kill_once(command: Sequence[str], delay: float) -> set[str]:
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        first = process.stdout.readline()
        # The process must not stop at a full pipe while the delay runs, so the pipe is read all the time.
        end, rest = time.monotonic() + delay, b""
        os.set_blocking(process.stdout.fileno(), False)
        while time.monotonic() < end and process.poll() is None:
            rest += process.stdout.read() or b""
            time.sleep(0.002)
        assert process.poll() is None, "the process ended before it was killed"
        process.send_signal(signal.SIGKILL)
        process.wait(_READY_SECONDS)
        os.set_blocking(process.stdout.fileno(), True)
        rest += process.stdout.read()
    # What follows the last line feed was not acknowledged whole.
    return {line.decode() for line in (first + rest).split(b"\n")[:-1]}


# Tracing


def run_traced(command: Sequence[str], log: Path, timeout_seconds: float = 120) -> None:
    """Run a command to its end under strace; the log has every write with its bytes."""
    options = ["-f", "-y", "-xx", "-s", str(_LINE_BYTES_MAX), "--seccomp-bpf", "-e", f"trace={_CALLS}", "-o", str(log)]
    subprocess.run([need_strace(), *options, *command], check=True, timeout=timeout_seconds, stdout=subprocess.DEVNULL)


_BEGIN = re.compile(r"^(\d+)\s+(\w+)\((.*?)(?:\)\s+= (-?\d+).*| <unfinished \.\.\.>)$")
_RESUME = re.compile(r"^(\d+)\s+<\.\.\. (\w+) resumed>(.*?)\)\s+= (-?\d+).*$")
_STRING = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')
_DESCRIPTOR = re.compile(r"^\d+<((?:[^>\\]|\\x[0-9a-f]{2})*)>")


def read_trace(log: Path, folder: str, acks: AckReader) -> list[Operation]:
    """Operations on the files of a folder, and acknowledgements, in the order of their completion.

    Args:
        folder: absolute path; other files do not matter.
        acks: gets every write outside of the folder.
    """
    trace: list[Operation] = []
    positions: dict[str, int] = {}
    for begun, name, arguments, result in _calls(log, trace):
        if result >= 0:
            trace.extend(_operations(name, arguments, result, begun, positions, folder, acks))
    return trace


def _calls(log: Path, trace: Sequence[Operation]) -> Iterator[tuple[int, str, str, int]]:
    """(length of the trace when the call began, name, arguments, result) of every call when it completes."""
    pending: dict[str, tuple[int, str]] = {}
    with log.open() as lines:
        for line in lines:
            if begin := _BEGIN.match(line):
                thread, name, arguments, result = begin.groups()
                if result is None:
                    pending[thread] = (len(trace), arguments)
                else:
                    yield len(trace), name, arguments, int(result)
            elif resume := _RESUME.match(line):
                thread, name, more, result = resume.groups()
                started, arguments = pending.pop(thread)
                yield started, name, arguments + more, int(result)


def _operations(
    name: str, arguments: str, result: int, begun: int, positions: dict[str, int], folder: str, acks: AckReader
) -> Iterator[Operation]:
    texts = [bytes.fromhex(text.replace("\\x", "")) for text in _STRING.findall(arguments)]
    if name.startswith(("unlink", "rename")):
        paths = [text.decode() for text in texts]
        if paths[0].startswith(folder):
            yield Removed(paths[0]) if name.startswith("unlink") else Renamed(paths[0], paths[1])
        return
    path = _path(arguments)
    if not path.startswith(folder):
        ids = tuple(acks(path, b"".join(texts)[:result])) if texts else ()
        if ids:
            yield Acked(ids)
        return
    match name:
        case "pwrite64":
            yield Written(path, int(arguments.rpartition(",")[2]), texts[0][:result])
        case "write" | "writev":
            # Only logs and locks are written without an offset; where they begin does not matter here.
            offset = positions.get(path, 0)
            positions[path] = offset + result
            yield Written(path, offset, b"".join(texts)[:result])
        case "ftruncate":
            yield Truncated(path, int(arguments.rpartition(",")[2]))
        case "fsync" | "fdatasync":
            yield Synced(path, begun)


def _path(arguments: str) -> str:
    match = _DESCRIPTOR.match(arguments)
    if match is None:
        return ""
    text = match.group(1)
    return bytes.fromhex(text.replace("\\x", "")).decode() if text.startswith("\\x") else text


# Cutting the power


def cut_power(
    trace: Sequence[Operation],
    cuts: int,
    seed: int,
    source: str,
    workplace: Path,
    stored: Callable[[Path], set[str]],
) -> list[set[str]]:
    """Rebuild the files at random instants and return, for each cut, the acknowledged ids that are lost.

    Args:
        source: folder of the traced run.
        stored: opens the store in a rebuilt folder, verifies it, and returns the ids it holds.
    """
    chance = random.Random(seed)
    first = next(index for index, operation in enumerate(trace) if isinstance(operation, Acked))
    losses = []
    for number in range(cuts):
        cut = chance.randrange(first + 1, len(trace) + 1)
        target = workplace / f"cut-{number}"
        target.mkdir(parents=True)
        rebuild(trace, cut, chance, source, target)
        losses.append(acked_before(trace, cut) - stored(target))
        shutil.rmtree(target)
    return losses
