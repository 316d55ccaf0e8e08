"""Actions that join late, and how well they are known from their relatives."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np

from benchmarks.learning.stream import Stream

__all__ = ["introduced_late", "young_actions"]


def introduced_late(stream: Stream, counted: int, share: float = 0.5) -> Stream:
    """Let every second action of a group join after a share of the answers; its earlier answers are left out.

    Args:
        counted: so many first answers of each late action are counted.
    """
    seen: Counter[str] = Counter()
    late = set()
    for candidate, key in enumerate(stream.candidates):
        seen[key.group] += 1
        if seen[key.group] % 2 == 0:
            late.add(candidate)
    begin = int(len(stream.answers) * share)
    answers = [a for number, a in enumerate(stream.answers) if number >= begin or a.candidate not in late]
    kept = replace(stream, answers=answers)
    # Of a shuffled order other answers would be first, so that the order of the file is the only one.
    return replace(kept, counted=_first(kept, late, counted), ordered=True)


def young_actions(stream: Stream, counted: int) -> Stream:
    """Count the first answers of every action but the first of each group."""
    groups: set[str] = set()
    young = set()
    for candidate, key in enumerate(stream.candidates):
        if key.group in groups:
            young.add(candidate)
        groups.add(key.group)
    return replace(stream, counted=_first(stream, young, counted))


def _first(stream: Stream, candidates: set[int], counted: int) -> np.ndarray:
    seen: Counter[int] = Counter()
    mask = np.zeros(len(stream.answers), dtype=np.bool_)
    for number, answer in enumerate(stream.answers):
        seen[answer.candidate] += 1
        mask[number] = answer.candidate in candidates and seen[answer.candidate] <= counted
    return mask
