"""Following a topic: whoever dies at any moment, nothing is lost and nothing counts twice."""

from __future__ import annotations

import base64
import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from opportune.customers.intake.following import Follower, LetterFile, Sink, Topic
from opportune.customers.intake.messages import DeadLetter, Message, item_of
from opportune.errors import InputError, Problem


def decode(content: bytes) -> Any:
    try:
        return json.loads(content)
    except ValueError:
        raise InputError.of("value", "expected JSON") from None


def message(offset: int, value: Any, *, key: bytes | None = None, **headers: bytes) -> Message:
    content = value if isinstance(value, bytes) or value is None else json.dumps(value).encode()
    names = {name.encode(): text for name, text in headers.items()}
    return Message("calls", offset % 3, offset // 3, key, content, names, 1_777_910_400_123)


class Killed(BaseException):
    """The process died here."""


class Memory(Topic):
    """A topic in memory; what was read and not committed comes again after a restart."""

    def __init__(self, messages: Sequence[Message], dies: random.Random | None = None) -> None:
        self.messages = list(messages)
        self.committed: dict[int, int] = {}
        self.position: dict[int, int] = {}
        self.dies = dies

    def restart(self) -> None:
        self.position = dict(self.committed)

    def die(self) -> None:
        if self.dies is not None and self.dies.random() < 0.2:
            raise Killed

    def read(self, limit: int, seconds: float) -> list[Message]:
        found = [one for one in self.messages if one.offset >= self.position.get(one.partition, 0)][: min(limit, 7)]
        self.position.update({one.partition: one.offset + 1 for one in found})
        return found

    def done(self, messages: Sequence[Message]) -> bool:
        self.die()
        self.committed.update({one.partition: one.offset + 1 for one in messages})
        self.die()
        return True


class Kept(Sink):
    """Takes items by their id, as the service does."""

    def __init__(self, topic: Memory) -> None:
        self.topic = topic
        self.taken: dict[str, Any] = {}

    def take(self, items: Sequence[Any]) -> list[tuple[str, tuple[Problem, ...]]]:
        self.topic.die()
        said = [self._one(item) for item in items]
        self.topic.die()
        return said

    def _one(self, item: Any) -> tuple[str, tuple[Problem, ...]]:
        if item.get("type") == "odd":
            return "refused", (Problem("", 0, 0, "type", "the strategy has no such event type"),)
        is_new = item["id"] not in self.taken
        self.taken.setdefault(item["id"], item)
        return ("recorded" if is_new else "repeated"), ()


class CommitsFirst(Follower):
    """The negative control: it commits what it has not handed over yet."""

    def step(self) -> int:
        topic = self._topic
        position = dict(topic.position)  # type: ignore[attr-defined]
        topic.done(topic.read(500, 0))
        topic.position = position  # type: ignore[attr-defined]
        return super().step()


def lost(kind: type[Follower], letters: LetterFile, seed: int) -> set[str]:
    """Follow with many deaths; give the events that are missing at the end."""
    topic = Memory([message(n, {"type": "call", "n": n}) for n in range(60)], random.Random(seed))
    sink = Kept(topic)
    for _ in range(500):
        try:
            topic.restart()
            follower = kind(topic, sink, letters, decode)
            while follower.step():
                pass
            break
        except Killed:
            continue
    return {one.place for one in topic.messages} - sink.taken.keys()


def test_whoever_dies_at_any_moment_nothing_is_lost(tmp_path: Path) -> None:
    for seed in range(50):
        assert not lost(Follower, LetterFile(tmp_path / "dead"), seed)


def test_the_control_that_commits_before_it_writes_loses(tmp_path: Path) -> None:
    assert any(lost(CommitsFirst, LetterFile(tmp_path / "dead"), seed) for seed in range(50))


def test_what_comes_again_is_told_as_there_already(tmp_path: Path) -> None:
    topic = Memory([message(n, {"type": "call"}) for n in range(5)])
    sink = Kept(topic)
    Follower(topic, sink, LetterFile(tmp_path / "dead"), decode).step()
    topic.committed.clear()
    topic.restart()
    follower = Follower(topic, sink, LetterFile(tmp_path / "dead"), decode)
    follower.step()

    assert (follower.told.recorded, follower.told.repeated, len(sink.taken)) == (0, 5, 5)


def test_what_cannot_be_taken_is_set_aside_with_its_reasons(tmp_path: Path) -> None:
    path = tmp_path / "dead.jsonl"
    bad = [message(0, b"{"), message(1, {"type": "odd"}), message(2, [1]), message(3, None), message(4, {"type": "a"})]
    topic = Memory(bad)
    follower = Follower(topic, Kept(topic), LetterFile(path), decode)
    follower.step()

    letters = [json.loads(line) for line in path.read_text().splitlines()]
    assert follower.told.refused == len(letters) == 4
    assert {letter["problems"][0]["where"] for letter in letters} == {"value", "type"}
    assert base64.b64decode(letters[0]["value"]) == b"{"
    assert topic.committed == {0: 2, 1: 2, 2: 1}


def test_a_message_without_id_and_time_has_its_place_and_moment() -> None:
    item = item_of(message(7, {"type": "call"}, key=b"c-1"), decode, key_names=True)

    expected = {"id": "calls/1/2", "type": "call", "customer": "c-1", "occurred_at": "2026-05-04T16:00:00.123000+00:00"}
    assert item == expected
    own = {"id": "e", "type": "call", "customer": "c-2", "occurred_at": "2026-05-04T18:00:00Z"}
    assert item_of(message(7, own, key=b"c-1"), decode, key_names=True) == own
    assert "customer" not in item_of(message(7, {"type": "call"}, key=b"c-1"), decode, key_names=False)


def test_other_shapes_keep_their_names() -> None:
    headers = {"ce_specversion": b"1.0", "ce_id": b"5", "ce_source": b"/s", "ce_type": b"call"}
    cloud = item_of(message(1, {"minutes": 1}, key=b"c-1", **headers), decode, key_names=True)
    track = item_of(message(1, {"type": "track", "messageId": "m", "userId": "c"}), decode, key_names=False)

    assert (cloud["id"], cloud["subject"], cloud["data"]) == ("5", "c-1", {"minutes": 1})
    assert cloud["time"] == track["timestamp"] == "2026-05-04T16:00:00.123000+00:00"


def test_what_is_written_and_says_nothing_is_as_what_is_left_out() -> None:
    track = {"type": "track", "messageId": "m", "userId": "c", "timestamp": None, "originalTimestamp": None}
    own = {"type": "call", "id": None, "customer": None, "identifiers": {}, "occurred_at": None}

    dated = item_of(message(1, track), decode, key_names=False)
    named = item_of(message(1, own, key=b"c-1"), decode, key_names=True)

    assert dated["timestamp"] == named["occurred_at"] == "2026-05-04T16:00:00.123000+00:00"
    assert (named["id"], named["customer"]) == ("calls/1/0", "c-1")


@pytest.mark.parametrize("written_at", [253_402_300_800_000, 10**17, -(10**16)])
def test_a_time_beyond_the_calendar_is_refused_where_the_event_has_none_of_its_own(written_at: int) -> None:
    own = {"type": "call", "occurred_at": "2026-05-04T00:00:00Z"}

    with pytest.raises(InputError, match="9999"):
        item_of(message(1, {"type": "call"})._replace(written_at=written_at), decode, key_names=False)
    assert item_of(message(1, own)._replace(written_at=written_at), decode, key_names=False).items() >= own.items()


def test_a_key_that_is_no_text_is_refused() -> None:
    with pytest.raises(InputError):
        item_of(message(1, {"type": "call"}, key=b"\xff"), decode, key_names=True)
    assert b'"key":"/w=="' in DeadLetter(message(1, {}, key=b"\xff"), ()).line()
