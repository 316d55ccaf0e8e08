"""`opportune events`: what happened, from a Kafka topic or from files."""

from __future__ import annotations

import signal
import threading
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from opportune.cli.events_import import import_events
from opportune.cli.events_sink import ServiceSink, StoppedError
from opportune.cli.output import FOUND, JsonOption, count, err, fail, failures, out, print_json
from opportune.cli.releases import address
from opportune.customers.intake.following import Follower, LetterFile, Letters
from opportune.customers.intake.kafka import KafkaLetters, KafkaTopic
from opportune.service.http.strict import read_json

__all__ = ["events"]

events = typer.Typer(help="Take in what happened: from a Kafka topic, or from a file.", no_args_is_help=True)

events.command("import")(import_events)

TOPIC = "topic:"


@events.command("follow")
def follow(
    topic: Annotated[str, typer.Argument(help="Name of the Kafka topic.")],
    brokers: Annotated[str, typer.Option(help="Addresses of Kafka, such as kafka-1:9092,kafka-2:9092.")],
    url: Annotated[
        str, typer.Option(help="Address of the running service, such as http://127.0.0.1:8080.", callback=address)
    ] = "http://127.0.0.1:8080",
    group: Annotated[str, typer.Option(help="Consumer group; members of one share the partitions.")] = "opportune",
    dead_letters: Annotated[
        str, typer.Option(help="Where refused messages go with reasons: a file, or topic:NAME. TOPIC.dead.jsonl else.")
    ] = "",
    key: Annotated[
        bool, typer.Option("--key", help="Take the key of a message for the customer where it names nobody.")
    ] = False,
    new_only: Annotated[
        bool, typer.Option("--new-only", help="Let a new group begin with what comes from now on.")
    ] = False,
    option: Annotated[
        list[str] | None, typer.Option(help="Setting of librdkafka as NAME=VALUE, such as security.protocol=SSL.")
    ] = None,
    until_idle: Annotated[
        float | None, typer.Option(help="Leave after so many seconds without a message.", min=0.5)
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Carry events from a Kafka topic to the service, until a signal to stop.

    Nothing is lost and nothing counts twice, whoever dies in between: what was read is committed to Kafka once the
    service has it for good, and what comes again has the same id. Exit code 1 if messages were refused.
    """
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda number, frame: stop.set())
    with failures(as_json):
        options = _options(option or [])
        letters: Letters = LetterFile(Path(dead_letters or f"{topic}.dead.jsonl"))
        if dead_letters.startswith(TOPIC):
            letters = KafkaLetters(brokers, dead_letters.removeprefix(TOPIC), options)
        source = KafkaTopic(brokers, topic, group, options, from_start=not new_only)
        away = escape(f"opportune: {url}: no service answers; it is tried again")
        sink = ServiceSink(url, lambda: err.print(away), stop.wait)
        follower = Follower(source, sink, letters, read_json, key_names=key)
        idle = 0.0
        try:
            with suppress(StoppedError):
                while not stop.is_set() and (until_idle is None or idle < until_idle):
                    idle = 0.0 if follower.step() else idle + _STEP
        finally:
            sink.close()
            source.close()
    told = follower.told
    if as_json:
        print_json(told)
    else:
        fate = f"{told.recorded:,} recorded, {told.repeated:,} there already, {told.refused:,} refused"
        out.print(f"{count(told.messages, 'message')}: {fate}.")
    if told.refused:
        raise typer.Exit(FOUND)


_STEP = 0.5
"""Seconds that one step waits for a message."""


def _options(given: list[str]) -> dict[str, str]:
    options = {}
    for text in given:
        name, sign, value = text.partition("=")
        if not sign or not name:
            fail(f"--option: expected NAME=VALUE, found {'no =' if not sign else 'no name'}")
        options[name] = value
    return options
