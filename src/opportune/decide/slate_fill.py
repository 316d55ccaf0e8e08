"""Fill all placements of a request whose candidates are linked to each other.

The mandatory tier comes first. Then every place, one after the other, is drawn among those who can still be completed
to a valid slate whose minima miss no more than they must; see docs/concepts/slate.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from opportune.decide.arbitrate import Weighing
from opportune.decide.compose import METHODS, UNIFORM, Known, Slate, in_order, strength_of, whole_parts
from opportune.decide.draws import Draws
from opportune.decide.gate import OPEN, Stages
from opportune.decide.limits.quota import Quota
from opportune.decide.limits.standing import places_of
from opportune.decide.plan import Booleans, Exploration, Floats, Placement, Plan
from opportune.decide.slate import Minimum, Most
from opportune.decide.slate_best import best_completion, completion, least_missing
from opportune.decide.slate_task import Board, alongside, joinable
from opportune.decide.steps_numpy import ALREADY_SHOWN, EXCLUSIVE, LINKED, OUTRANKED, SHOWN
from opportune.learning.exploration import METHODS as RACES
from opportune.learning.exploration import Race, Selection
from opportune.learning.selection import GREEDY
from opportune.records import DecisionRequest, Facts

__all__ = ["Slot", "binding", "board_of", "fill_all", "is_linked", "take_whole"]

AT_ONCE = 32
"""Quotas that fit into one number beside what links a candidate without them."""


class Slot(NamedTuple):
    """A placement to fill; `stages` of its candidates are changed, `label` is the prefix of its draws."""

    placement: Placement
    size: int
    exploration: Exploration
    stages: Stages
    label: str


def binding(plan: Plan, request: DecisionRequest, quotas: Sequence[Quota]) -> Sequence[Quota]:
    """Give the quotas that leave less room than the request asks for places."""
    places = places_of(plan, request)
    return [quota for quota in quotas if quota.most < places]


def is_linked(plan: Plan, request: DecisionRequest, quotas: Sequence[Quota], *, is_tiered: bool) -> bool:
    """Tell whether filling place by place with the best that is left could miss the best slate, or a valid one.

    Args:
        quotas: those of the moment that bind an answer to the request.
        is_tiered: whether somebody comes before all others in every placement.
    """
    channel = plan.channels[request.channel]
    placements = [channel.placements[wanted.name] for wanted in request.placements]
    is_limited = bool(quotas or plan.links.quotas)
    if not plan.links.is_counted or (is_limited and is_tiered and len(placements) > 1):
        return True
    if not any(placement.exploration.method == "none" for placement in placements):
        return False
    if len(placements) == 1 and not plan.is_overlapping and not is_limited:
        return False
    first = placements[0]
    return (
        is_limited
        or plan.is_overlapping
        or any(
            other.minimum_relevance or first.minimum_relevance or not np.array_equal(other.fits, first.fits)
            for other in placements[1:]
        )
    )


def board_of(plan: Plan, facts: Facts, quotas: Sequence[Quota]) -> Board:
    """Say what links candidates for somebody at a moment."""
    rows = (*plan.exclusive, *plan.links.quotas)
    like = plan.like
    for quota in quotas:
        rows += (Most("", "", quota.members, quota.most, True),)
    for begin in range(0, len(quotas), AT_ONCE):
        for quota in quotas[begin : begin + AT_ONCE]:
            like = like * 2 + quota.members
        like = np.unique(like, return_inverse=True)[1].reshape(-1)
    known = {} if quotas else plan.known
    return Board(plan.links, rows, plan.links.wanted(facts), plan.action_of, like, known)


def fill_all(
    plan: Plan,
    slots: Sequence[Slot],
    board: Board,
    weighing: Weighing,
    known: Known,
    mandatory: Booleans | None,
    standing: Sequence[Sequence[int]],
    rng: Draws,
    kernel: str,
    keep: int,
) -> tuple[list[Slate], float]:
    """Fill all slots; give their slates, and by how much the sum of priorities of a better one could be higher.

    Args:
        mandatory: bool [C], the tier that comes before all others; None where it is empty.
        standing: of the first slots, candidates that stand there already; their places count as mandatory ones.
        kernel: "numpy" or "numba", that of the model.
        keep: of how many of the best others score parts are kept.

    Raises:
        ValueError: a priority or its deviation is not finite.
    """
    filling = _Filling(plan, slots, board, weighing, known, standing, kernel)
    if mandatory is not None:
        filling.take_mandatory(mandatory)
    filling.look_ahead()
    slates = []
    for p, slot in enumerate(slots):
        undrawn = len(filling.standing[p])
        count = min(slot.size, len(slot.stages))
        uniforms = [rng.uniform(f"{slot.label}/{place}") for place in range(count)]
        slates.append(filling.draw(p, uniforms, undrawn, keep))
    filling.name_stages()
    return slates, filling.gap


class _Filling:
    """An answer while it is being filled."""

    def __init__(
        self,
        plan: Plan,
        slots: Sequence[Slot],
        board: Board,
        weighing: Weighing,
        known: Known,
        standing: Sequence[Sequence[int]],
        kernel: str,
    ) -> None:
        self.plan, self.slots, self.board, self.known, self.kernel = plan, slots, board, known, kernel
        self.priority, self.spread = weighing.priority, weighing.spread
        self.is_open = np.array([slot.stages == OPEN for slot in slots])
        self.standing = [list(standing[p]) if p < len(standing) else [] for p in range(len(slots))]
        self.gap = 0.0
        self.missing = 0
        self.ahead: list[list[int]] | None = None
        anybody = self.is_open.any(axis=0)
        if not np.isfinite(self.priority[anybody]).all() or not np.isfinite(self.spread[anybody]).all():
            raise ValueError("priorities and their deviations: expected finite numbers for every open candidate")

    def left(self, p: int) -> int:
        """Give the places left in a placement."""
        return self.slots[p].size - len(self.standing[p])

    def take_mandatory(self, mandatory: Booleans) -> None:
        """Place the mandatory tier, highest priority first; a member of a bundle brings the others."""
        for p, slot in enumerate(self.slots):
            for candidate in in_order(mandatory, slot.stages, self.priority).tolist():
                whole = take_whole(self.board, self.is_open, p, candidate, self.standing, (), self.priority)
                if whole and len(whole) <= self.left(p):
                    self.standing[p] += whole

    def look_ahead(self) -> None:
        """Find how many of the minima have to be missed."""
        if self.board.minima:
            places = [self.left(p) for p in range(len(self.slots))]
            self.missing = least_missing(self.board, self.is_open, places, self.standing, (), self.kernel)

    def draw(self, p: int, uniforms: list[float], undrawn: int, keep: int) -> Slate:
        """Draw the places of one placement."""
        slot = self.slots[p]
        is_uniform = slot.exploration is UNIFORM
        method, how = METHODS[slot.exploration.method]
        race = self._race(slot, method)
        first: tuple[Selection, Booleans] | None = None
        chances = [1.0] * undrawn
        self.ahead = None
        for u in uniforms[undrawn:]:
            alive = self._alive(p)
            wanted = self._best(p) if method == GREEDY else -1
            if not alive.any() or (method == GREEDY and wanted < 0):
                break
            if method == GREEDY and self._is_certain(slot):
                drawn = _certainly(wanted)
            elif method == GREEDY:
                drawn = self._race(slot, method, wanted).draw(alive, u)
            else:
                drawn = race.draw(alive, u)
            first = first or (drawn, alive)
            self.standing[p].append(drawn.chosen)
            chances.append(drawn.probability)
            if drawn.chosen != wanted:
                self.ahead = None
        chosen = self.standing[p]
        kept = np.array([*chosen, *self._others(p, keep)], dtype=np.uint32)
        drawn_count = len(chosen) - undrawn
        how = "control" if is_uniform else how
        return Slate(
            list(chosen),
            chances,
            [-1.0] * undrawn + uniforms[undrawn : len(chosen)],
            ["mandatory"] * undrawn + [how] * drawn_count,
            kept,
            whole_parts(self.plan, self.known, kept, self._parts(kept.astype(np.intp), first, undrawn)),
        )

    def _is_certain(self, slot: Slot) -> bool:
        return slot.exploration.floor == 0.0 and len(self.known.shares) == 0

    def _race(self, slot: Slot, method: int, wanted: int = -1) -> Race:
        """Make the race of a placement; `wanted` goes before all others in it."""
        exploration, shares = slot.exploration, self.known.shares
        mean = self.priority
        if wanted >= 0:
            mean = mean.copy()
            mean[wanted] = np.nextafter(mean[self.is_open.any(axis=0)].max(), np.float32(np.inf))
        strength = strength_of(self.plan, slot.placement, exploration, self.known.evidence)
        held = shares if len(shares) and exploration is not UNIFORM else None
        return Race(
            mean,
            self.spread,
            places=max(1, slot.size),
            scale=exploration.scale,
            floor=exploration.floor,
            method=RACES[method],
            kernel=self.kernel,
            gamma=strength if exploration.method == "igw" else 0.0,
            ceiling=exploration.ceiling,
            share=held,
            action_of=None if held is None else self.plan.action_of,
        )

    def _rest(self, p: int) -> tuple[Booleans, list[int], list[list[int]], list[int]]:
        """Give what is left to fill from a placement on: who is open, places, who stands there, and who before."""
        before = [c for one in self.standing[:p] for c in one]
        places = [self.left(q) for q in range(p, len(self.slots))]
        return self.is_open[p:], places, self.standing[p:], before

    def _best(self, p: int) -> int:
        """Give the next of the best slate, given what stands; -1 where it leaves the place empty."""
        if self.ahead is None:
            is_open, places, standing, before = self._rest(p)
            best = best_completion(self.board, is_open, places, standing, before, self.priority, self.kernel)
            self.ahead = best.chosen
            self.gap = max(self.gap, best.gap)
        own = self.ahead[0]
        return own.pop(0) if own else -1

    def _alive(self, p: int) -> Booleans:
        """Give who may take the next place of a placement, bool [C]."""
        is_open, places, standing, before = self._rest(p)
        may: Booleans = joinable(self.board, is_open, standing, before)[0]
        if not self.plan.links.bundles and not self.board.minima:
            return may
        missing = self.missing - self._missed(p)
        key = (is_open.tobytes(), tuple(places), *map(tuple, standing), tuple(before), missing)
        return self.board.recall(
            key, lambda: _completable(self.board, is_open, places, standing, before, may, missing, self.kernel)
        )

    def _missed(self, p: int) -> int:
        """Count what the minima of single placements miss before a placement: that cannot be made up any more."""
        own = tuple(one for one in self.board.minima if not one.in_answer)
        return _missing(own, self.standing[:p])

    def _others(self, p: int, keep: int) -> list[int]:
        """Give the best of the others that were open, as a filling without links does."""
        who = np.flatnonzero(self.is_open[p])
        best: list[int] = who[np.argsort(-self.priority[who], kind="stable")][:keep].tolist()
        return [c for c in best if c not in self.standing[p]]

    def _parts(self, kept: npt.NDArray[np.intp], first: tuple[Selection, Booleans] | None, undrawn: int) -> Floats:
        """Give propensity, spread and evidence of every outcome, priority, and chance for the first drawn place."""
        prediction, evidence, _ = self.known
        columns = [prediction.propensity[:, kept], prediction.spread[:, kept], evidence[:, kept]]
        chance = np.zeros(len(kept))
        if first is not None:
            drawn, alive = first
            of_all = np.where(alive, drawn.rest, 0.0)
            of_all[drawn.contenders] = drawn.probabilities
            chance = of_all.take(kept)
        chance[:undrawn] = 1.0
        parts = np.vstack((*columns, self.priority[kept], chance)).T
        return np.ascontiguousarray(parts, dtype=np.float32)

    def name_stages(self) -> None:
        """Say what became of everybody who was open."""
        may = joinable(self.board, self.is_open, self.standing, ())
        everybody = [c for one in self.standing for c in one]
        shown = alongside(self.plan.action_of, everybody)
        exclusive = np.zeros(len(shown), dtype=bool)
        for row in self.plan.exclusive:
            if everybody and row.members[everybody].any():
                exclusive |= row.members
        for p, slot in enumerate(self.slots):
            bundled = self._incomplete(p)
            rest = slot.stages == OPEN
            slot.stages[rest] = OUTRANKED
            slot.stages[rest & (~may[p] | bundled)] = LINKED
            slot.stages[rest & exclusive] = EXCLUSIVE
            slot.stages[rest & shown] = ALREADY_SHOWN
            slot.stages[self.standing[p]] = SHOWN

    def _incomplete(self, p: int) -> Booleans:
        """Give the candidates of bundles that could not be complete in a placement, bool [C]."""
        found = np.zeros(len(self.plan.action_of), dtype=bool)
        present = set(self.plan.action_of[self.is_open[p]].tolist())
        for bundle in self.plan.links.bundles:
            if len(bundle.actions) > self.slots[p].size or not present.issuperset(bundle.actions):
                found |= np.isin(self.plan.action_of, bundle.actions)
        return found


def take_whole(
    board: Board,
    is_open: Booleans,
    p: int,
    candidate: int,
    standing: Sequence[Sequence[int]],
    others: Sequence[int],
    priority: Floats,
) -> list[int]:
    """Give a candidate with all that its bundle brings into a placement; nothing where they may not stand there."""
    number = board.links.bundle_of.get(int(board.action_of[candidate]))
    wanted = (int(board.action_of[candidate]),) if number is None else board.links.bundles[number].actions
    whole: list[int] = []
    for action in (int(board.action_of[candidate]), *wanted):
        so_far = [list(one) + (whole if q == p else []) for q, one in enumerate(standing)]
        may = joinable(board, is_open, so_far, others)[p] & (board.action_of == action)
        if may[candidate]:
            whole.append(candidate)
        elif may.any():
            own = np.flatnonzero(may)
            whole.append(int(own[np.argmax(priority[own])]))
        elif action not in board.action_of[whole]:
            return []
    return whole


def _completable(
    board: Board,
    is_open: Booleans,
    places: Sequence[int],
    standing: Sequence[Sequence[int]],
    others: Sequence[int],
    may: Booleans,
    missing: int,
    kernel: str,
) -> Booleans:
    """Give who of `may` can be taken so that a valid slate follows that misses no more of its minima.

    One completion is known; whoever may join it, or is in it, needs no search. Of those alike, one is asked.
    """
    if places[0] <= 0:
        return np.zeros_like(may)
    ahead = completion(board, is_open, places, standing, others, missing, kernel)
    alive = np.zeros_like(may)
    if ahead is None:
        return alive
    needed = _needed(board, standing, ahead)
    alive[needed[0]] = True
    bundled = np.isin(board.action_of, list(board.links.bundle_of))
    if len(needed[0]) < places[0]:
        beside = [[*one, *more] for one, more in zip(standing, needed, strict=True)]
        alive |= may & joinable(board, is_open, beside, others)[0] & ~bundled
    # Without limits of single placements in common, only those alike everywhere are sure to be alike here.
    key = board.like.copy()
    for own in is_open:
        key = key * 2 + own
    answers: dict[int, bool] = {}
    for candidate in np.flatnonzero(may & ~alive).tolist():
        like = int(key[candidate])
        if like not in answers:
            more = [[*standing[0], candidate], *standing[1:]]
            left = [places[0] - 1, *places[1:]]
            answers[like] = completion(board, is_open, left, more, others, missing, kernel) is not None
        alive[candidate] = answers[like]
    return alive


def _needed(board: Board, standing: Sequence[Sequence[int]], ahead: list[list[int]]) -> list[list[int]]:
    """Leave out of a completion, last first, whom neither a minimum nor a bundle needs."""
    needed = [list(one) for one in ahead]
    for p, own in enumerate(needed):
        for candidate in own[::-1]:
            if int(board.action_of[candidate]) in board.links.bundle_of:
                continue
            fewer = [[c for c in one if q != p or c != candidate] for q, one in enumerate(needed)]
            whole, less = ([[*a, *b] for a, b in zip(standing, more, strict=True)] for more in (needed, fewer))
            if _missing(board.minima, less) <= _missing(board.minima, whole):
                needed[p].remove(candidate)
    return needed


def _missing(minima: Sequence[Minimum], slate: Sequence[Sequence[int]]) -> int:
    """Count what minima miss."""
    total = 0
    for one in minima:
        pots = [[c for own in slate for c in own]] if one.in_answer else slate
        total += sum(max(0, one.least - int(np.count_nonzero(one.members[list(own)]))) for own in pots if own)
        total += one.least * sum(not own for own in pots)
    return total


def _certainly(candidate: int) -> Selection:
    """Give the selection of somebody who was not left to a draw."""
    return Selection(candidate, 1.0, np.array([candidate], dtype=np.intp), np.ones(1), 0.0, 1)
