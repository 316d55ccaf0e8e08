"""The published fallback: answers that a proxy or a channel gives when no process can be reached."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path

import msgspec

from opportune.decide import Plan, Reason, standing_answers
from opportune.errors import InputError
from opportune.service.deciding import AnswerBody

__all__ = ["ANSWERS", "MAP", "publish_fallback", "published_answers"]

ANSWERS = "answers.json"
"""File with all answers, as one JSON object."""
MAP = "haproxy.map"
"""File with one answer per line after its key, as HAProxy reads it."""
LINE_BYTES_MAX = 60_000
"""Longest line of the map: HAProxy reads it into a buffer, whose size deploy/haproxy.cfg sets."""

_encode = msgspec.json.Encoder().encode


def published_answers(plan: Plan, now: datetime, switched_off: frozenset[str] = frozenset()) -> dict[str, AnswerBody]:
    """Give the answer per key: "channel", or "channel/placement" for a request of that placement alone.

    Their `id` is empty, since nothing is recorded: no outcome can name them.

    Args:
        switched_off: "action:<name>" and "group:<name>" that nobody may be shown.
    """
    return {
        key: AnswerBody(
            id="", revision=plan.revision, degraded=str(Reason.SERVICE_AWAY), control=None, placements=placements
        )
        for key, placements in standing_answers(plan, now, switched_off).items()
    }


def publish_fallback(
    plan: Plan, folder: Path, now: datetime, switched_off: frozenset[str] = frozenset()
) -> dict[str, AnswerBody]:
    """Write the answers into a folder, each file at once: whoever reads sees the old one or the new one.

    Args:
        switched_off: as for `published_answers`.

    Raises:
        InputError: an answer is too long for a proxy.
        OSError: the folder cannot be written.
    """
    answers = published_answers(plan, now, switched_off)
    lines = {key: _encode(answer) for key, answer in answers.items()}
    for key, line in lines.items():
        if len(line) > LINE_BYTES_MAX:
            message = f"expected an answer of at most {LINE_BYTES_MAX} bytes, found {len(line)}"
            raise InputError.of(f"fallback of {key}", message, "shorten the content of its fallback actions")
    folder.mkdir(parents=True, exist_ok=True)
    _write(folder / ANSWERS, _encode(answers) + b"\n")
    _write(folder / MAP, b"".join(b"%s %s\n" % (key.encode(), line) for key, line in lines.items()))
    return answers


def _write(path: Path, content: bytes) -> None:
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    aside.write_bytes(content)
    aside.replace(path)
