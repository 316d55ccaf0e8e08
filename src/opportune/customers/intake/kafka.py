"""A Kafka topic as a source: at least once, with offsets that are committed only after what they stand for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from opportune.customers.intake.messages import DeadLetter, Message
from opportune.errors import OpportuneError

__all__ = ["KafkaLetters", "KafkaTopic", "TopicError"]

_POLL_MILLISECONDS_MAX = 900_000
"""How long a batch may take, the service's absence included, before others of the group get the partitions."""
_FLUSH_SECONDS = 60.0


class TopicError(OpportuneError):
    """The topic cannot be read or written."""


class KafkaTopic:
    """Reads a topic as a member of a group.

    Args:
        options: settings of librdkafka beside those that reading at least once needs.
        from_start: whether a new group begins with the oldest message, in place of what comes from now on.
    """

    def __init__(
        self, brokers: str, topic: str, group: str, options: Mapping[str, str], *, from_start: bool = True
    ) -> None:
        library = _library()
        try:
            self._consumer = library.Consumer(
                {
                    **options,
                    "bootstrap.servers": brokers,
                    "group.id": group,
                    "enable.auto.commit": False,
                    "enable.auto.offset.store": False,
                    "auto.offset.reset": "earliest" if from_start else "latest",
                    "max.poll.interval.ms": _POLL_MILLISECONDS_MAX,
                    "isolation.level": "read_committed",
                }
            )
            self._consumer.subscribe([topic])
        except (library.KafkaException, ValueError, TypeError) as error:
            raise TopicError(f"topic {topic}: {_words(error)}") from None
        self._library = library
        self._topic = topic

    def read(self, limit: int, seconds: float) -> list[Message]:
        """Give what is there, `limit` messages at most; waits so long for the first.

        Raises:
            TopicError: the topic cannot be read, and trying again will not help.
        """
        messages = []
        for found in self._consumer.consume(limit, seconds):
            error = found.error()
            if error is None:
                messages.append(_message(self._library, found))
            elif error.fatal() or error.code() in self._hopeless():
                raise TopicError(f"topic {self._topic}: {error.str()}")
        return messages

    def _hopeless(self) -> tuple[int, ...]:
        kinds = self._library.KafkaError
        return (
            kinds.TOPIC_AUTHORIZATION_FAILED,
            kinds.GROUP_AUTHORIZATION_FAILED,
            kinds.SASL_AUTHENTICATION_FAILED,
            kinds.TOPIC_EXCEPTION,
        )

    def done(self, messages: Sequence[Message]) -> bool:
        """Commit that messages were dealt with; False where others of the group deal with them once more."""
        after: dict[tuple[str, int], int] = {}
        for message in messages:
            after[message.topic, message.partition] = message.offset + 1
        places = [self._library.TopicPartition(topic, part, offset) for (topic, part), offset in after.items()]
        try:
            self._consumer.commit(offsets=places, asynchronous=False)
        except self._library.KafkaException:
            return False
        return True

    def close(self) -> None:
        """Leave the group."""
        self._consumer.close()


class KafkaLetters:
    """Puts dead letters on a topic, each with the key of its message."""

    def __init__(self, brokers: str, topic: str, options: Mapping[str, str]) -> None:
        library = _library()
        try:
            self._producer = library.Producer(
                {**options, "bootstrap.servers": brokers, "enable.idempotence": True, "acks": "all"}
            )
        except (library.KafkaException, ValueError, TypeError) as error:
            raise TopicError(f"topic {topic}: {_words(error)}") from None
        self._topic = topic
        self._failed: list[str] = []

    def add(self, letters: Sequence[DeadLetter]) -> None:
        """Write letters; the brokers have them when this returns.

        Raises:
            TopicError: not all of them.
        """
        self._failed.clear()
        for letter in letters:
            self._producer.produce(
                self._topic, letter.line().rstrip(), letter.message.key, on_delivery=self._note_delivery
            )
        if letters and (self._producer.flush(_FLUSH_SECONDS) or self._failed):
            raise TopicError(f"topic {self._topic}: a dead letter could not be written; start again when it can be")

    def _note_delivery(self, error: Any, message: Any) -> None:
        if error is not None:
            self._failed.append(error.str())

    def close(self) -> None:
        """Nothing waits: every letter was flushed."""
        self._producer.flush(0)


def _library() -> Any:
    """The client of Kafka, which not every installation has."""
    try:
        import confluent_kafka
    except ImportError:
        raise TopicError("expected the package confluent-kafka; install opportune[kafka]") from None
    return confluent_kafka


def _message(library: Any, found: Any) -> Message:
    kind, written_at = found.timestamp()
    return Message(
        topic=found.topic(),
        partition=found.partition(),
        offset=found.offset(),
        key=found.key(),
        value=found.value(),
        headers={name.lower().encode(): value or b"" for name, value in found.headers() or ()},
        written_at=None if kind == library.TIMESTAMP_NOT_AVAILABLE else written_at,
    )


def _words(error: Exception) -> str:
    """Say what is wrong with the settings, without their values."""
    first = error.args[0] if error.args else error
    return str(first.str()) if hasattr(first, "str") else type(error).__name__
