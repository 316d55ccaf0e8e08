"""From what stands in an answer and who may still join it to a task for the search.

Candidates that cannot be in the best slate are left out first: of those that are linked to the same others, only as
many of the best are needed as there are places or quotas for them.

Notation: C candidates of the plan; n of them in the task; m placements, the first is the one being filled.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from opportune.decide.slate import Apart, Bundle, Links, Minimum, Most
from opportune.decide.slate_shape import Task

__all__ = ["Board", "Reduced", "alongside", "joinable", "reduce", "task_of", "whole"]

Booleans = npt.NDArray[np.bool_]
Indices = npt.NDArray[np.intp]
Longs = npt.NDArray[np.int64]

Answer = TypeVar("Answer")
KNOWN_MAX = 5_000
"""Answers kept per plan; of two placements and 1,000 candidates they take 15 MB."""
BITS = 51
"""Priorities become whole numbers whose sum over all places has at most this many bits, so that no sum overflows."""


@dataclass(frozen=True, slots=True)
class Board:
    """What holds for one answer, whatever stands in it.

    Args:
        rows: quotas of the plan and of the moment, exclusivity groups among them.
        like: int64 [C], as `slate.alike` numbers them, quotas of the moment included.
        known: answers that were worked out with the same rows and numbers.
    """

    links: Links
    rows: tuple[Most, ...]
    minima: tuple[Minimum, ...]
    action_of: Indices
    like: Longs
    known: dict[Any, Any] = field(default_factory=dict)

    def recall(self, key: tuple[object, ...], work_out: Callable[[], Answer]) -> Answer:
        """Give the answer to a question about minima and links, worked out once."""
        full = (*key, tuple(map(id, self.minima)))
        if full in self.known:
            answer: Answer = self.known[full]
            return answer
        if len(self.known) >= KNOWN_MAX:
            self.known.clear()
        return self.known.setdefault(full, work_out())  # type: ignore[no-any-return]


class Reduced(NamedTuple):
    """Candidates of a task in the order of rank, intp [n], and where they may stand, bool [m, n]."""

    candidates: Indices
    may: Booleans


def joinable(board: Board, is_open: Booleans, standing: Sequence[Sequence[int]], others: Sequence[int]) -> Booleans:
    """Give who may join, as far as single rules tell, bool [m, C].

    Args:
        is_open: bool [m, C], who passed everything before the slate.
        standing: candidates of every placement.
        others: candidates that stand elsewhere in the answer.
    """
    may = is_open.copy()
    everybody = [*others, *(c for one in standing for c in one)]
    if not everybody:
        return may
    may &= ~alongside(board.action_of, everybody)
    for row in board.rows:
        for p, own in _scopes(row.in_answer, standing, everybody):
            if own and np.count_nonzero(row.members[own]) >= row.most:
                may[p] &= ~row.members
    for apart in board.links.apart:
        for p, own in _scopes(apart.in_answer, standing, everybody):
            present = apart.part_of[own] if own else np.zeros(0, dtype=np.intp)
            for part in np.unique(present[present >= 0]):
                may[p] &= (apart.part_of == part) | (apart.part_of < 0)
    return may


def alongside(action_of: Indices, candidates: Sequence[int]) -> Booleans:
    """Mark the candidates whose action some candidates have, bool [C]."""
    taken = np.zeros(int(action_of.max(initial=0)) + 1, dtype=bool)
    taken[action_of[candidates]] = True
    return taken.take(action_of)


def _scopes(
    in_answer: bool, standing: Sequence[Sequence[int]], everybody: list[int]
) -> list[tuple[slice | int, list[int]]]:
    """Give what a rule counts: one pot for the answer, or one for each placement."""
    if in_answer:
        return [(slice(None), everybody)]
    return [(p, list(own)) for p, own in enumerate(standing)]


def reduce(board: Board, may: Booleans, places: Sequence[int], priority: npt.NDArray[np.float32]) -> Reduced:
    """Leave out who cannot be in the best slate; the first by rank of those alike are kept."""
    who = np.flatnonzero(may.any(axis=0))
    who = who[np.argsort(-priority[who], kind="stable")]
    key = board.like[who]
    for own in may[:, who]:
        key = key * 2 + own
    limit = np.full(len(who), sum(places))
    for row in board.rows:
        most = row.most if row.in_answer else row.most * len(places)
        limit[row.members[who]] = np.minimum(limit[row.members[who]], most)
    order = np.argsort(key, kind="stable")
    key = key[order]
    first = np.flatnonzero(np.concatenate(([True], key[1:] != key[:-1])))
    position = np.empty(len(who), dtype=np.intp)
    position[order] = np.arange(len(who)) - np.repeat(first, np.diff(np.append(first, len(who))))
    who = who[position < limit]
    if len(may) > 1:
        who = who[_wanted(board.like[who], may[:, who], limit[position < limit])]
    return Reduced(who, may[:, who])


def _wanted(like: Longs, may: Booleans, limit: Longs) -> Booleans:
    """Leave out who has `limit` before it by rank that are linked as it is and may stand wherever it may, and more."""
    wider = ~(may.T.astype(np.float32) @ ~may).astype(bool)
    before = np.tri(len(like), k=-1, dtype=bool) & (like[:, None] == like)
    found: Booleans = np.count_nonzero(before & wider, axis=1) < limit
    return found


def whole(priority: npt.NDArray[np.float32], places: int) -> tuple[Longs, int]:
    """Turn priorities into whole numbers, their order and sums kept as far as `BITS` go; and by how many bits moved."""
    largest = float(np.abs(priority).max(initial=0.0))
    bits = BITS - max(1, places).bit_length() - int(np.frexp(largest)[1])
    return np.rint(np.ldexp(priority.astype(np.float64), bits)).astype(np.int64), bits


def task_of(
    board: Board,
    reduced: Reduced,
    worth: Longs,
    places: Sequence[int],
    standing: Sequence[Sequence[int]],
    others: Sequence[int],
) -> Task:
    """Lay out the task of filling the places that are left.

    Args:
        worth: int64 [n], of every candidate of `reduced`.
        places: left in every placement.
        standing, others: as in `joinable`.
    """
    who, may = reduced
    m, n = may.shape
    everybody = [*others, *(c for one in standing for c in one)]
    rows = [(np.ones(n, dtype=bool), p, size) for p, size in enumerate(places)]
    rows += _quota_rows(board.rows, who, standing, everybody) + _action_rows(board.action_of[who])
    minima = [
        (one.members[who], p, one.least - _count(one.members, own))
        for one in board.minima
        for p, own in _pots(one.in_answer, standing, everybody)
    ]
    row_start, row_members, own_start, own_rows = _listed([row[:2] for row in rows], n, m)
    minimum_start, minimum_members, wanted_start, wanted = _listed([row[:2] for row in minima], n, m)
    cap = np.array([row[2] for row in rows], dtype=np.int64)
    need = np.array([row[2] for row in minima], dtype=np.int64)
    blocked = (~may).T.astype(np.int64).reshape(-1)
    for members, place, left in rows:
        if left <= 0:
            blocked.reshape(n, m)[members, slice(None) if place < 0 else place] += 1
    against_start, against = _against(board.links.apart, who, m)
    part, set_start = _parts(board.links.apart, who, m)
    bundles = _Bundles(board.links.bundles, board.action_of, who, standing[0])
    levels = np.zeros(int(np.maximum(cap[:m], 0).sum()) + m + 2, dtype=np.int64)
    most = int(max(cap.max(initial=0), need.max(initial=0), 0))
    return Task(
        worth=bundles.levelled(worth),
        cap=cap,
        row_place=np.array([row[1] for row in rows], dtype=np.int64),
        row_start=row_start,
        row_members=row_members,
        own_start=own_start,
        own_rows=own_rows,
        need=need,
        minimum_place=np.array([row[1] for row in minima], dtype=np.int64),
        minimum_start=minimum_start,
        minimum_members=minimum_members,
        wanted_start=wanted_start,
        wanted=wanted,
        blocked=blocked,
        may=may.T.astype(np.int64).reshape(-1),
        local=_local(board, who, m, bundles.of),
        against_start=against_start,
        against=against,
        part=part,
        set_start=set_start,
        bundle_of=bundles.of,
        bundle_size=bundles.size,
        bundle_start=bundles.start,
        bundle_members=bundles.members,
        bundle_actions=bundles.actions,
        pending=bundles.pending,
        home=np.zeros(len(bundles.size), dtype=np.int64),
        price=np.zeros(len(cap), dtype=np.int64),
        reward=np.zeros(len(need), dtype=np.int64),
        use=np.zeros(len(cap), dtype=np.int64),
        got=np.zeros(len(need), dtype=np.int64),
        kept_price=np.zeros(len(cap), dtype=np.int64),
        kept_reward=np.zeros(len(need), dtype=np.int64),
        red=np.zeros(n * m, dtype=np.int64),
        taken=np.zeros(n, dtype=np.int64),
        order=np.zeros(n, dtype=np.int64),
        clear=np.zeros(n, dtype=np.int64),
        fixed=np.zeros(n * m, dtype=np.int64),
        tried=np.zeros(n, dtype=np.int64),
        stands=np.full(n, m, dtype=np.int64),
        gain=np.zeros(set_start[-1], dtype=np.int64),
        at=np.zeros(n, dtype=np.int64),
        beside=np.zeros(n, dtype=np.int64),
        top=np.zeros(most + 1, dtype=np.int64),
        at_place=levels.copy(),
        at_next=levels.copy(),
        at_choice=levels.copy(),
        best=levels - 1,
    )


_Row = tuple[Booleans, int, int]


def _pots(in_answer: bool, standing: Sequence[Sequence[int]], everybody: list[int]) -> list[tuple[int, list[int]]]:
    return [(-1, everybody)] if in_answer else [(p, list(own)) for p, own in enumerate(standing)]


def _count(members: Booleans, own: list[int]) -> int:
    return int(np.count_nonzero(members[own])) if own else 0


def _quota_rows(
    rows: Sequence[Most], who: Indices, standing: Sequence[Sequence[int]], everybody: list[int]
) -> list[_Row]:
    """Give the quotas that more candidates want than they leave room for."""
    found = []
    for row in rows:
        members = row.members[who]
        size = np.count_nonzero(members)
        for p, own in _pots(row.in_answer, standing, everybody):
            left = row.most - _count(row.members, own)
            if size > left:
                found.append((members, p, left))
    return found


def _action_rows(action_of: Indices) -> list[_Row]:
    """Let an action with several candidates stand once."""
    if np.bincount(action_of).max(initial=0) < 2:
        return []
    actions, counts = np.unique(action_of, return_counts=True)
    return [(action_of == action, -1, 1) for action in actions[counts > 1]]


def _listed(rows: Sequence[tuple[Booleans, int]], n: int, m: int) -> tuple[Longs, Longs, Longs, Longs]:
    """List the candidates of every row, and the rows of every option."""
    table = np.array([members for members, _ in rows], dtype=bool).reshape(len(rows), n)
    place = np.array([place for _, place in rows], dtype=np.int64)
    counts = (place < 0) | (place == np.arange(m)[:, None])
    by_option = (table.T[:, None, :] & counts[None]).reshape(n * m, len(rows))
    return (*_sparse(table), *_sparse(by_option))


def _sparse(table: Booleans) -> tuple[Longs, Longs]:
    """Give where every line of a table begins in the list of its columns, and that list."""
    start = np.zeros(len(table) + 1, dtype=np.int64)
    np.cumsum(np.count_nonzero(table, axis=1), out=start[1:])
    return start, np.nonzero(table)[1].astype(np.int64)


def _against(apart: Sequence[Apart], who: Indices, m: int) -> tuple[Longs, Longs]:
    """List the options that every option keeps out."""
    n = len(who)
    if not apart:
        return np.zeros(n * m + 1, dtype=np.int64), np.zeros(0, dtype=np.int64)
    same = np.eye(m, dtype=bool)
    table = np.zeros((n, m, n, m), dtype=bool)
    for one in apart:
        part = one.part_of[who]
        differ = (part[:, None] != part) & (part[:, None] >= 0) & (part >= 0)
        table |= differ[:, None, :, None] & (True if one.in_answer else same[None, :, None, :])
    return _sparse(table.reshape(n * m, n * m))


def _parts(apart: Sequence[Apart], who: Indices, m: int) -> tuple[Longs, Longs]:
    """Number the parts that stay apart, and give each option one at most: what links the whole answer comes first."""
    part, start = np.full((len(who), m), -1, dtype=np.int64), [0]
    for one in sorted(apart, key=lambda one: not one.in_answer):
        own = one.part_of[who]
        for p in [slice(None)] if one.in_answer else range(m):
            mine = np.where(own >= 0, own + start[-1], -1)
            part[:, p] = np.where(part[:, p] >= 0, part[:, p], mine[:, None] if one.in_answer else mine)
            start.append(start[-1] + len(one.parts))
    return part.reshape(-1), np.array(start, dtype=np.int64)


def _local(board: Board, who: Indices, m: int, bundle_of: Longs) -> Longs:
    """Number candidates so that rules of single placements treat two of one number alike; -1 for those of bundles."""
    if m == 1:
        return np.full(len(who), -1, dtype=np.int64)
    columns: list[npt.NDArray[Any]] = [row.members[who] for row in board.rows if not row.in_answer]
    columns += [one.members[who] for one in board.minima if not one.in_answer]
    columns += [one.part_of[who] for one in board.links.apart if not one.in_answer]
    numbers = np.zeros(len(who), dtype=np.int64)
    if columns:
        numbers = np.unique(np.stack(columns).astype(np.int64), axis=1, return_inverse=True)[1].reshape(-1)
    return np.where(bundle_of >= 0, -1, numbers).astype(np.int64)


class _Bundles:
    """Bundles of a task: candidates by action, and how far the placement being filled has come."""

    def __init__(self, bundles: Sequence[Bundle], action_of: Indices, who: Indices, standing: Sequence[int]) -> None:
        actions = action_of[who]
        present = set(action_of[list(standing)].tolist()) if len(standing) else set()
        self.of = np.full(len(who), -1, dtype=np.int64)
        members: list[int] = []
        start, pending = [0], []
        for number, bundle in enumerate(bundles):
            own = np.flatnonzero(np.isin(actions, bundle.actions))
            self.of[own] = number
            members += own[np.argsort(actions[own], kind="stable")].tolist()
            start.append(len(members))
            missing = len(set(bundle.actions) - present)
            pending.append(missing if missing < len(bundle.actions) else 0)
        self.size = np.array([len(bundle.actions) for bundle in bundles], dtype=np.int64)
        self.start = np.array(start, dtype=np.int64)
        self.members = np.array(members, dtype=np.int64)
        self.actions = actions[self.members].astype(np.int64)
        self.pending = np.array(pending, dtype=np.int64)

    def levelled(self, worth: Longs) -> Longs:
        """Spread the worth of a bundle evenly over its actions: a whole bundle is worth the same, a part seems no more.

        An action whose bundle was begun before keeps its own, since the others are not counted any more.
        """
        level = worth.copy()
        for number in range(len(self.size)):
            if self.pending[number]:
                continue
            own = self.members[self.start[number] : self.start[number + 1]]
            actions = self.actions[self.start[number] : self.start[number + 1]]
            distinct = np.unique(actions)
            if len(distinct) < self.size[number]:
                continue
            best = np.array([worth[own[actions == action]].max() for action in distinct])
            even = np.full(len(best), best.sum() // len(best))
            even[: best.sum() - even.sum()] += 1
            level[own] += (even - best)[np.searchsorted(distinct, actions)]
        return level
