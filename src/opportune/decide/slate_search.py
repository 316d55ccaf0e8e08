"""The best slate of a task: branch and bound over places, with a bound from prices; one text for both kernels.

Formulas and proof: docs/concepts/slate.md. All numbers are whole, so that sums do not depend on their order. Without
Numba the functions run as they stand here, on lists; with it they are compiled, on int64 arrays.

Notation:
    c          candidate, in the order of rank; n of them
    p          placement, in the order of the request; m of them
    o          option: candidate c in placement p, o = c * m + p
    row        at most `cap` of its options; the first m rows are the places of the placements
    minimum    at least `need` of its options, else `PENALTY` for each that is missing
    price      of a row or a minimum; red[o] = worth - prices of the option's rows + prices of its minima
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from opportune.decide.slate_shape import ACROSS, CLOSED, LEAST, PENALTY, PLAIN, Numbers, Task

__all__ = ["search"]

Step = TypeVar("Step", bound=Callable[..., Any])

try:
    from numba.extending import register_jitable
except ImportError:

    def step(function: Step) -> Step:
        """Leave a function as it is: nothing compiles it."""
        return function

    inner = step
else:

    def step(function: Step) -> Step:
        """Let compiled code call a function, which stays what it is for all others."""
        jitable: Step = register_jitable(function)
        return jitable

    def inner(function: Step) -> Step:
        """The same for what runs for every candidate: it is written into its caller, for a task is long to pass."""
        jitable: Step = register_jitable(forceinline=True)(function)
        return jitable


SWEEPS = 6
"""Rounds in which every price is set anew; later ones seldom change anything."""
STEPS, PATIENCE = 120, 8
"""Moves of all prices of a hard task, and moves without gain after which they become half as long."""
DIVE = 60
"""Nodes in which a hard task looks for a good slate; only then do better prices show what cannot be in a better one."""
TRIES = 3
"""Moves of prices at a node of a hard task that could not be cut off; 10 save few more nodes and cost more."""


@step
def search(task: Task, m: int, found: int, target: int, nodes_max: int, way: int) -> tuple[int, int, int]:
    """Find the best slate; of equals the one whose places, in order, hold the first candidates.

    Args:
        m: placements.
        found: value that has to be exceeded.
        target: value at which the search may end.
        nodes_max: after so many nodes it ends with what it has.
        way: `PLAIN`, or with better prices `HARD`, or `ACROSS`, which finds any best slate and ends when it is proven.

    Returns:
        value of the slate in `task.best`, or `found` where nothing exceeds it; a value that no slate exceeds; nodes.
    """
    _set_prices(task, m)
    if way > PLAIN:
        _improve_prices(task, m, found)
    if way == ACROSS:
        return _assign(task, m, found, nodes_max)
    return _walk(task, m, found, target, nodes_max, TRIES if way > PLAIN else 0)


@step
def _assign(task: Task, m: int, found: int, nodes_max: int) -> tuple[int, int, int]:
    """Find a best slate candidate by candidate: a good one soon, better prices for it, and then what is left."""
    nodes = 0
    if found <= LEAST or nodes_max > DIVE:
        _order(task, m)
        found, nodes = _spread(task, m, found, min(DIVE, nodes_max))
        _improve_prices(task, m, found)
    _order(task, m)
    most = max(_bound(task, m, _without_minima(task), 0, 0), found)
    if most > found and nodes < nodes_max:
        _fix(task, m, most - found, 1)
        found, more = _spread(task, m, found, nodes_max - nodes)
        _fix(task, m, 0, -1)
        nodes += more
    return found, max(most, found) if nodes >= nodes_max else found, nodes


@step
def _order(task: Task, m: int) -> None:
    """Put those first of whom it is clearest where they stand."""
    n = len(task.worth)
    for c in range(n):
        best, second = 0, -PENALTY
        for o in range(c * m, c * m + m):
            if task.blocked[o] == 0:
                second = max(second, min(best, task.red[o]))
                best = max(best, task.red[o])
        task.clear[c] = best - second
        i = c
        while i > 0 and task.clear[task.order[i - 1]] < task.clear[c]:
            task.order[i] = task.order[i - 1]
            i -= 1
        task.order[i] = c


@step
def _fix(task: Task, m: int, over: int, sign: int) -> None:
    """Block the options that cannot be in a better slate, as they lower a bound that is `over` too high by more than
    that; with sign -1 free them again."""
    for c in range(len(task.worth)):
        best = 0
        if sign > 0 and task.bundle_of[c] < 0:
            for o in range(c * m, c * m + m):
                if task.part[o] >= 0:
                    best = 0
                    break
                if task.blocked[o] == 0:
                    best = max(best, task.red[o])
        for o in range(c * m, c * m + m):
            if sign < 0:
                task.blocked[o] -= task.fixed[o]
                task.fixed[o] = 0
            elif best - task.red[o] >= over:
                task.blocked[o] += 1
                task.fixed[o] = 1


@step
def _spread(task: Task, m: int, found: int, nodes_max: int) -> tuple[int, int]:
    """Walk the tree of slates candidate by candidate: where does it stand, if anywhere?"""
    n = len(task.worth)
    waiting, value, level, nodes = 0, _without_minima(task), 0, 0
    for b in range(len(task.pending)):
        waiting += task.pending[b]
    is_new = True
    while level >= 0:
        if level == n:
            if waiting == 0 and value > found:
                found = value
                _note(task, m)
            level -= 1
            is_new = False
            continue
        c = task.order[level]
        if is_new:
            task.tried[c] = 0
        else:
            value, waiting = _undo(task, m, c, value, waiting)
        p = _next_place(task, m, c)
        if p > m or nodes >= nodes_max:
            level -= 1
            is_new = False
            continue
        task.stands[c] = p
        if p == m:
            task.taken[c] += 1
        else:
            value, waiting = _change(task, m, c, p, value, waiting, 1)
        is_new = p == m and task.tried[c] == 1 << m
        if not is_new:
            nodes += 1
            is_new = _is_worth(task, m, value, 0, 0, found, TRIES)
        level += 1 if is_new else 0
    return found, nodes


@step
def _undo(task: Task, m: int, c: int, value: int, waiting: int) -> tuple[int, int]:
    """Take back where a candidate was put last."""
    p = task.stands[c]
    if p < m:
        return _change(task, m, c, p, value, waiting, -1)
    task.taken[c] -= 1
    return value, waiting


@inner
def _next_place(task: Task, m: int, c: int) -> int:
    """Give the next placement to try for a candidate, the most promising first; m for none, m + 1 at the end."""
    best, at = 0, m + 1
    for p in range(m + 1):
        if task.tried[c] & (1 << p) == 0 and (p == m or _may_stand(task, m, c, p)):
            red = 0 if p == m else task.red[c * m + p]
            if at > m or red > best:
                best, at = red, p
    if at <= m:
        task.tried[c] |= 1 << at
    return at


@inner
def _may_stand(task: Task, m: int, c: int, p: int) -> bool:
    """Tell whether placement p may take a candidate beside the bundles that wait there."""
    if task.blocked[c * m + p] > 0:
        return False
    left, own = task.cap[p], task.bundle_of[c]
    for b in range(len(task.pending)):
        if b != own and task.home[b] == p:
            left -= task.pending[b]
    if own < 0:
        return bool(left > 0)
    if task.pending[own] > 0:
        return bool(task.home[own] == p)
    return _may_begin(task, m, p, 0, own, left)


@step
def _note(task: Task, m: int) -> None:
    """Note where all candidates stand, placement by placement."""
    depth = 0
    for p in range(m):
        for c in range(len(task.worth)):
            if task.stands[c] == p:
                task.best[depth] = c
                depth += 1
        task.best[depth] = CLOSED
        depth += 1


@step
def _without_minima(task: Task) -> int:
    """Give the value of a slate in which all that minima want is missing."""
    value = 0
    for k in range(len(task.need)):
        value -= PENALTY * max(task.need[k], 0)
    return value


@step
def _walk(task: Task, m: int, found: int, target: int, nodes_max: int, tries: int) -> tuple[int, int, int]:
    """Walk the tree of slates, depth first; leave the task as it was, but for `best`."""
    n = len(task.worth)
    waiting, value, level, nodes = 0, _without_minima(task), 0, 0
    for b in range(len(task.pending)):
        waiting += task.pending[b]
    most = _bound(task, m, value, 0, 0)
    is_over = False
    task.at_place[0], task.at_next[0] = 0, 0
    while level >= 0:
        p = task.at_place[level]
        c = n + 1
        if is_over:
            pass
        elif p < m:
            c = _next(task, m, p, task.at_next[level], waiting, level)
            if c <= n:
                nodes += 1
                is_over = nodes >= nodes_max
                if is_over or not _is_worth(task, m, value, p, c, found, tries):
                    c = n + 1
        elif value > found:
            found = value
            for depth in range(level):
                task.best[depth] = task.at_choice[depth]
            is_over = found >= target
        if c > n:
            level -= 1
            if level >= 0 and task.at_choice[level] != CLOSED:
                value, waiting = _change(task, m, task.at_choice[level], task.at_place[level], value, waiting, -1)
            continue
        task.at_next[level] = c + 1
        if c == n:
            task.at_choice[level] = CLOSED
            task.at_place[level + 1], task.at_next[level + 1] = p + 1, 0
        else:
            task.at_choice[level] = c
            value, waiting = _change(task, m, c, p, value, waiting, 1)
            task.at_place[level + 1], task.at_next[level + 1] = p, c + 1
        level += 1
    return found, max(most, found) if nodes >= nodes_max else found, nodes


@step
def _is_worth(task: Task, m: int, value: int, p: int, c: int, found: int, tries: int) -> bool:
    """Tell whether a better slate than the one found may follow; prices that say more are looked for a few times."""
    bound = _bound(task, m, value, p, c)
    for _ in range(tries):
        # Before any slate was found nothing says how far to move.
        if found <= LEAST or bound <= found or not _move_prices(task, m, p, bound - found, 1.0):
            break
        bound = _bound(task, m, value, p, c)
    return bound > found


@step
def _next(task: Task, m: int, p: int, c: int, waiting: int, level: int) -> int:
    """Give the next candidate from c on that placement p may take, n to close it, n + 1 for neither."""
    n = len(task.worth)
    left = task.cap[p]
    if waiting > left or c > n:
        return n + 1
    while c < n and left > 0:
        if waiting > 0 and not _can_finish(task, m, p, c):
            return n + 1
        if task.blocked[c * m + p] == 0 and task.taken[c] == 0:
            b = task.bundle_of[c]
            if b < 0:
                if waiting < left and not _is_out_of_order(task, m, p, c, level):
                    return c
            elif task.pending[b] > 0 or _may_begin(task, m, p, c, b, left - waiting):
                return c
        c += 1
    return n if waiting == 0 else n + 1


@step
def _is_out_of_order(task: Task, m: int, p: int, c: int, level: int) -> bool:
    """Tell whether c could change places with a later candidate of an earlier placement, which is looked at too."""
    if p > 0 and task.local[c] >= 0:
        for depth in range(level):
            other, place = task.at_choice[depth], task.at_place[depth]
            is_alike = other > c and place < p and task.local[other] == task.local[c]
            if is_alike and task.may[c * m + place] and task.may[other * m + p]:
                return True
    return False


@step
def _can_finish(task: Task, m: int, p: int, c: int) -> bool:
    """Tell whether every bundle that was begun can still be completed by candidates from c on."""
    for b in range(len(task.pending)):
        if task.pending[b] > 0 and _gather(task, m, p, c, b, False)[0] < task.pending[b]:
            return False
    return True


@step
def _may_begin(task: Task, m: int, p: int, c: int, b: int, left: int) -> bool:
    """Tell whether there is room for a bundle, and a candidate from c on for all its actions."""
    return bool(task.bundle_size[b] <= left and _gather(task, m, p, c, b, False)[0] >= task.bundle_size[b])


@step
def _change(task: Task, m: int, c: int, p: int, value: int, waiting: int, sign: int) -> tuple[int, int]:
    """Take an option, or with sign -1 give it back; give the value and the actions that bundles wait for."""
    o = c * m + p
    task.taken[c] += sign
    value += sign * task.worth[c]
    for i in range(task.own_start[o], task.own_start[o + 1]):
        row = task.own_rows[i]
        if sign > 0:
            task.cap[row] -= 1
        if task.cap[row] == 0:
            _block(task, m, row, sign)
        if sign < 0:
            task.cap[row] += 1
    for i in range(task.against_start[o], task.against_start[o + 1]):
        task.blocked[task.against[i]] += sign
    for i in range(task.wanted_start[o], task.wanted_start[o + 1]):
        k = task.wanted[i]
        if sign > 0:
            value += PENALTY if task.need[k] > 0 else 0
            task.need[k] -= 1
        else:
            task.need[k] += 1
            value -= PENALTY if task.need[k] > 0 else 0
    b = task.bundle_of[c]
    if b >= 0:
        before = task.pending[b]
        if sign > 0:
            task.pending[b] = before - 1 if before > 0 else task.bundle_size[b] - 1
            task.home[b] = p
        else:
            task.pending[b] = before + 1 if before + 1 < task.bundle_size[b] else 0
        waiting += task.pending[b] - before
    return value, waiting


@step
def _block(task: Task, m: int, row: int, sign: int) -> None:
    """Block the options of a row of which nothing is left, or free them again."""
    first, end = task.row_place[row], task.row_place[row] + 1
    if first < 0:
        first, end = 0, m
    for i in range(task.row_start[row], task.row_start[row + 1]):
        for p in range(first, end):
            task.blocked[task.row_members[i] * m + p] += sign


@step
def _bound(task: Task, m: int, value: int, p: int, c: int) -> int:
    """Give what no slate exceeds that placement p goes on from candidate c: what is left of rows at their prices, and
    what every candidate, every bundle and the best of the parts that stay apart are worth beyond them. Count in `use`
    and `got` what rows and minima get at these prices."""
    total = value
    for row in range(len(task.cap)):
        task.use[row] = 0
        if row >= m or row >= p:
            total += task.price[row] * task.cap[row]
    for k in range(len(task.need)):
        task.got[k] = 0
        # The penalty is in the value as if all that is missing stayed so.
        total += PENALTY * max(task.need[k], 0) - task.reward[k] * task.need[k]
    for part in range(len(task.gain)):
        task.gain[part] = 0
    first = c if p == m - 1 else 0
    for other in range(first, len(task.worth)):
        task.at[other] = -1
        if task.taken[other] == 0 and task.bundle_of[other] < 0:
            total += _single(task, m, other, p if other >= c else p + 1)
    for b in range(len(task.pending)):
        gain = _whole(task, m, p, c, b)
        if gain == LEAST:
            return LEAST
        total += gain
    return total + _best_parts(task, first)


@inner
def _single(task: Task, m: int, c: int, p: int) -> int:
    """Give what a candidate is worth at most from placement p on, less what it brings to a part, which is noted."""
    best, at, second, beside = 0, -1, 0, -1
    for o in range(c * m + p, c * m + m):
        if task.red[o] > second and task.blocked[o] == 0:
            if task.red[o] > best:
                best, at, second, beside = task.red[o], o, best, at
            else:
                second, beside = task.red[o], o
    if at < 0:
        return 0
    part = task.part[at]
    if part < 0:
        _use(task, at)
        return best
    if beside >= 0 and task.part[beside] == part:
        second, beside = 0, -1
    task.gain[part] += best - second
    task.at[c], task.beside[c] = at, beside
    return second


@inner
def _best_parts(task: Task, first: int) -> int:
    """Give what the best part of every set brings; the candidates of the others go where they gain without them."""
    total = 0
    for one in range(len(task.set_start) - 1):
        best, winner = 0, -1
        for part in range(task.set_start[one], task.set_start[one + 1]):
            if task.gain[part] > best:
                best, winner = task.gain[part], part
            task.gain[part] = 0
        if winner >= 0:
            total += best
            task.gain[winner] = 1
    for c in range(first, len(task.worth)):
        if task.at[c] >= 0:
            if task.gain[task.part[task.at[c]]] > 0:
                _use(task, task.at[c])
            elif task.beside[c] >= 0:
                _use(task, task.beside[c])
    return total


@inner
def _whole(task: Task, m: int, p: int, c: int, b: int) -> int:
    """Give what is left of a bundle is worth at most; LEAST where it was begun and cannot be completed."""
    if task.pending[b] > 0:
        count, gain = _gather(task, m, task.home[b], c, b, True)
        return gain if count >= task.pending[b] else LEAST
    best, at = 0, -1
    for q in range(p, m):
        if task.bundle_size[b] <= task.cap[q]:
            count, gain = _gather(task, m, q, c if q == p else 0, b, False)
            if count == task.bundle_size[b] and gain > best:
                best, at = gain, q
    if at >= 0:
        _gather(task, m, at, c if at == p else 0, b, True)
    return best


@inner
def _gather(task: Task, m: int, p: int, c: int, b: int, is_used: bool) -> tuple[int, int]:
    """Count the actions of a bundle that have a candidate from c on that placement p may take, and add up the best."""
    count, total, i = 0, 0, task.bundle_start[b]
    while i < task.bundle_start[b + 1]:
        action, best, at = task.bundle_actions[i], 0, -1
        while i < task.bundle_start[b + 1] and task.bundle_actions[i] == action:
            member = task.bundle_members[i]
            o = member * m + p
            if member >= c and task.taken[member] == 0 and task.blocked[o] == 0 and (at < 0 or task.red[o] > best):
                best, at = task.red[o], o
            i += 1
        if at >= 0:
            count, total = count + 1, total + best
            if is_used:
                _use(task, at)
    return count, total


@inner
def _use(task: Task, o: int) -> None:
    """Count what rows and minima get of an option."""
    for i in range(task.own_start[o], task.own_start[o + 1]):
        task.use[task.own_rows[i]] += 1
    for i in range(task.wanted_start[o], task.wanted_start[o + 1]):
        task.got[task.wanted[i]] += 1


@step
def _move_prices(task: Task, m: int, p: int, over: int, share: float) -> bool:
    """Move all prices down the slope of the bound that was worked out last, which is `over` too high at most."""
    norm = 0
    for row in range(p if p < m else m, len(task.cap)):
        slope = task.cap[row] - task.use[row]
        # A price of nothing does not fall.
        norm += slope * slope if slope < 0 or task.price[row] > 0 else 0
    for k in range(len(task.need)):
        slope = task.got[k] - task.need[k]
        norm += slope * slope if slope < 0 or task.reward[k] > 0 else 0
    move = int(share * float(over) / float(max(norm, 1)))
    if move == 0 or norm == 0:
        return False
    for row in range(p if p < m else m, len(task.cap)):
        # No price needs to be above that of a minimum; so no sum overflows.
        task.price[row] = min(max(task.price[row] - move * (task.cap[row] - task.use[row]), 0), PENALTY)
    for k in range(len(task.need)):
        task.reward[k] = min(max(task.reward[k] - move * (task.got[k] - task.need[k]), 0), PENALTY)
    _reprice(task, m)
    return True


@step
def _set_prices(task: Task, m: int) -> None:
    """Set prices one after the other to what makes the bound lowest, a few times over."""
    n = len(task.worth)
    for c in range(n):
        for p in range(m):
            task.red[c * m + p] = task.worth[c]
    for row in range(len(task.cap)):
        task.price[row] = 0
    for k in range(len(task.need)):
        task.reward[k] = 0
    for _ in range(SWEEPS):
        moved = 0
        for k in range(len(task.need)):
            if task.need[k] > 0:
                start, end = task.minimum_start[k], task.minimum_start[k + 1]
                place = task.minimum_place[k]
                high, _ = _levels(task, m, task.minimum_members, start, end, place, -task.reward[k], task.need[k])
                price = min(max(-high, 0), PENALTY)
                moved += abs(price - task.reward[k])
                _shift(task, m, task.minimum_members, start, end, place, price - task.reward[k])
                task.reward[k] = price
        for row in range(len(task.cap)):
            start, end = task.row_start[row], task.row_start[row + 1]
            if end - start > task.cap[row]:
                place = task.row_place[row]
                high, low = _levels(task, m, task.row_members, start, end, place, task.price[row], task.cap[row])
                price = max(low, 0)
                moved += abs(price - task.price[row])
                _shift(task, m, task.row_members, start, end, place, task.price[row] - price)
                task.price[row] = price
        if moved == 0:
            break


@step
def _improve_prices(task: Task, m: int, found: int) -> None:
    """Move all prices together, down the slope of the bound, and keep the best."""
    value = _without_minima(task)
    lowest, idle, share = _bound(task, m, value, 0, 0), 0, 1.0
    if found <= LEAST:
        found = lowest - PENALTY
    _keep(task)
    for _ in range(STEPS):
        if not _move_prices(task, m, 0, lowest - found, share):
            break
        bound = _bound(task, m, value, 0, 0)
        idle += 1
        if bound < lowest:
            lowest, idle = bound, 0
            _keep(task)
            if lowest <= found:
                break
        elif idle == PATIENCE:
            share, idle = share * 0.5, 0
    for row in range(len(task.cap)):
        task.price[row] = task.kept_price[row]
    for k in range(len(task.need)):
        task.reward[k] = task.kept_reward[k]
    _reprice(task, m)


@step
def _keep(task: Task) -> None:
    """Remember the prices."""
    for row in range(len(task.cap)):
        task.kept_price[row] = task.price[row]
    for k in range(len(task.need)):
        task.kept_reward[k] = task.reward[k]


@step
def _reprice(task: Task, m: int) -> None:
    """Work out anew what every option is worth beyond the prices."""
    for c in range(len(task.worth)):
        for o in range(c * m, c * m + m):
            red = task.worth[c]
            for i in range(task.own_start[o], task.own_start[o + 1]):
                red -= task.price[task.own_rows[i]]
            for i in range(task.wanted_start[o], task.wanted_start[o + 1]):
                red += task.reward[task.wanted[i]]
            task.red[o] = red


@step
def _levels(
    task: Task, m: int, members: Numbers, start: int, end: int, place: int, price: int, count: int
) -> tuple[int, int]:
    """Give the count-th highest and the next of what members gain by the row, were it free; -PENALTY for nobody."""
    found = 0
    for i in range(start, end):
        c = members[i]
        inside, outside = -PENALTY, 0
        for p in range(m):
            o = c * m + p
            if task.blocked[o] == 0:
                if place < 0 or place == p:
                    inside = max(inside, task.red[o] + price)
                else:
                    outside = max(outside, task.red[o])
        gain = inside - outside
        at = min(found, count)
        if at == count and found > count and gain <= task.top[count]:
            continue
        while at > 0 and task.top[at - 1] < gain:
            task.top[at] = task.top[at - 1]
            at -= 1
        task.top[at] = gain
        found = min(found + 1, count + 1)
    high = task.top[count - 1] if 0 < count <= found else -PENALTY
    return high, task.top[count] if count < found else -PENALTY


@step
def _shift(task: Task, m: int, members: Numbers, start: int, end: int, place: int, by: int) -> None:
    """Change what the options of a row are worth beyond the prices."""
    if by == 0:
        return
    for i in range(start, end):
        for p in range(m):
            if place < 0 or place == p:
                task.red[members[i] * m + p] += by
