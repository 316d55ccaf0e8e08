"""What the search of a slate works on; notation: slate_search.py.

It stands apart from the search so that only those who search load the compiler.
"""

from __future__ import annotations

from typing import Any, NamedTuple, TypeAlias

__all__ = ["ACROSS", "CLOSED", "HARD", "LEAST", "PENALTY", "PLAIN", "Numbers", "Task"]

PENALTY = 1 << 53
"""What one missing of a minimum costs; more than all priorities of a slate."""
LEAST = -(1 << 61)
"""Below the value of every slate."""
PLAIN, HARD, ACROSS = 0, 1, 2
"""Ways to search: placement by placement with plain prices, with better ones, and candidate by candidate."""
CLOSED = -1
"""In place of a candidate: the placement takes no more."""

Numbers: TypeAlias = Any
"""A list of whole numbers, or an int64 array."""


class Task(NamedTuple):
    """What places are left, who may take them and what links them. Lists, or int64 arrays; `search` changes them.

    Args:
        worth: [n], >= 0.
        cap, row_place: [rows], what is left of places or quotas, and the placement that counts, or -1 for all.
        row_start, row_members: candidates of every row, one row after the other.
        own_start, own_rows: the same the other way round, by option.
        need, minimum_place, minimum_start, minimum_members, wanted_start, wanted: the same of minima.
        blocked: [n m], 0 where the option may be taken, else for how many reasons not.
        may: [n m], 1 where the candidate may stand in the placement, whatever else stands there.
        local: [n]; two of one number may change places, as every placement counts them alike; -1 changes with nobody.
        against_start, against: options that taking an option blocks, by option.
        part: [n m], the part of the option, of those that stay apart, or -1.
        set_start: [sets + 1], where the parts of every set begin that stay apart from each other.
        bundle_of: [n], bundle of a candidate or -1.
        bundle_size: [bundles], actions of each.
        bundle_start, bundle_members, bundle_actions: candidates of every bundle and their actions, sorted by action.
        pending: [bundles], actions of it that the first placement still has to take.
        home: [bundles], the placement where a bundle waits; 0.
        price, use, kept_price: [rows]; reward, got, kept_reward: [minima]: all zero.
        red, fixed: [n m]; taken, order, clear, tried, at, beside: [n]; gain: [parts]; top: [most places + 1]: all zero.
        stands: [n], all m: in no placement.
        at_place, at_next, at_choice, best: [levels]: all zero; `best` gets the choices, placement by placement.
    """

    worth: Numbers
    cap: Numbers
    row_place: Numbers
    row_start: Numbers
    row_members: Numbers
    own_start: Numbers
    own_rows: Numbers
    need: Numbers
    minimum_place: Numbers
    minimum_start: Numbers
    minimum_members: Numbers
    wanted_start: Numbers
    wanted: Numbers
    blocked: Numbers
    may: Numbers
    local: Numbers
    against_start: Numbers
    against: Numbers
    part: Numbers
    set_start: Numbers
    bundle_of: Numbers
    bundle_size: Numbers
    bundle_start: Numbers
    bundle_members: Numbers
    bundle_actions: Numbers
    pending: Numbers
    home: Numbers
    price: Numbers
    reward: Numbers
    use: Numbers
    got: Numbers
    kept_price: Numbers
    kept_reward: Numbers
    red: Numbers
    taken: Numbers
    order: Numbers
    clear: Numbers
    fixed: Numbers
    tried: Numbers
    stands: Numbers
    gain: Numbers
    at: Numbers
    beside: Numbers
    top: Numbers
    at_place: Numbers
    at_next: Numbers
    at_choice: Numbers
    best: Numbers
