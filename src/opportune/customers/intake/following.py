"""Following a topic: read, hand over, set aside what cannot be taken, and only then commit."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

import msgspec

from opportune.customers.intake.messages import DeadLetter, Message, item_of
from opportune.errors import InputError, Problem

__all__ = ["Follower", "Following", "LetterFile", "Letters", "Sink", "Topic"]

BATCH_MESSAGES = 500
BATCH_BYTES = 4 << 20
"""Messages and bytes that are handed over together."""
READ_SECONDS = 0.5


class Topic(Protocol):
    """Where messages come from."""

    def read(self, limit: int, seconds: float) -> list[Message]:
        """Give what is there."""

    def done(self, messages: Sequence[Message]) -> bool:
        """Commit that messages were dealt with."""


class Sink(Protocol):
    """Where items go."""

    def take(self, items: Sequence[Any]) -> list[tuple[str, tuple[Problem, ...]]]:
        """Hand items over, until all are durable or refused: status and problems of each, in their order."""


class Letters(Protocol):
    """Where what cannot be taken is put."""

    def add(self, letters: Sequence[DeadLetter]) -> None:
        """Write letters; they are durable when this returns."""


class LetterFile:
    """A file of dead letters, one line of JSON each; it is made with the first."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def add(self, letters: Sequence[DeadLetter]) -> None:
        """Write letters; they are on the disk when this returns."""
        if letters:
            with self._path.open("ab") as file:
                file.write(b"".join(letter.line() for letter in letters))
                file.flush()
                os.fsync(file.fileno())


class Following(msgspec.Struct):
    """What came of the messages so far."""

    recorded: int = 0
    repeated: int = 0
    refused: int = 0

    @property
    def messages(self) -> int:
        """How many were dealt with."""
        return self.recorded + self.repeated + self.refused


class Follower:
    """Carries messages from a topic to the service.

    A message is committed to the topic after the service has it for good, or after its dead letter is written. What
    dies in between is delivered again, and has no second effect: its id is the same.

    Args:
        decode: reads JSON, or raises InputError.
        key_names: whether a message's key is the customer where the message names nobody.
    """

    def __init__(
        self, topic: Topic, sink: Sink, letters: Letters, decode: Callable[[bytes], Any], *, key_names: bool = False
    ) -> None:
        self._topic = topic
        self._sink = sink
        self._letters = letters
        self._decode = decode
        self._key_names = key_names
        self.told = Following()

    def step(self) -> int:
        """Deal with what is there now; say how many messages that was."""
        messages = self._topic.read(BATCH_MESSAGES, READ_SECONDS)
        if not messages:
            return 0
        good: list[tuple[Message, Any]] = []
        dead: list[DeadLetter] = []
        for message in messages:
            try:
                good.append((message, item_of(message, self._decode, self._key_names)))
            except InputError as error:
                dead.append(DeadLetter(message, tuple(error.problems)))
        for portion in _portions(good):
            said = self._sink.take([item for _, item in portion])
            for (message, _), (status, problems) in zip(portion, said, strict=True):
                if status == "refused":
                    dead.append(DeadLetter(message, problems))
                else:
                    self.told.recorded += status == "recorded"
                    self.told.repeated += status == "repeated"
        self._letters.add(dead)
        self.told.refused += len(dead)
        self._topic.done(messages)
        return len(messages)


def _portions(good: Sequence[tuple[Message, Any]]) -> list[list[tuple[Message, Any]]]:
    """Cut messages so that a portion has room in one request; one that is larger alone stands alone."""
    portions: list[list[tuple[Message, Any]]] = []
    size = BATCH_BYTES
    for message, item in good:
        own = len(message.value or b"")
        size += own
        if size > BATCH_BYTES:
            portions.append([])
            size = own
        portions[-1].append((message, item))
    return portions
