"""Bounds that the Liquid library does not keep: of what filters make, and of ranges.

The library counts rounds of loops and bytes of output. A filter that joins a long range, a loop that skips most of one,
or a row of multiplications can take as long as they like before anything of that is counted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sized
from decimal import Decimal
from functools import cache, wraps
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from liquid import BoundTemplate, RenderContext

__all__ = ["CHARACTERS_MAX", "NUMBER_MAX", "STEPS_MAX", "bounded", "bounded_join", "shorten_ranges"]

CHARACTERS_MAX = 20_000
"""Bytes that a rendered text may have, and characters of what a filter makes."""
STEPS_MAX = 1_000
"""Rounds of all loops of one text together, and numbers of a range."""
NUMBER_MAX = 1e300
"""No filter makes a number beyond it: whole numbers would grow without end, others are none any more."""


def bounded(apply: Callable[..., Any]) -> Callable[..., Any]:
    """Let a filter make nothing too large; what the library needs to know of the filter stays with it."""

    @wraps(apply)
    def kept(value: Any, *arguments: Any, **named: Any) -> Any:
        made = apply(value, *arguments, **named)
        if isinstance(made, str) and len(made) > CHARACTERS_MAX:
            _refuse("a filter made too long a text")
        # Not a number, too, is not within.
        if isinstance(made, int | float | Decimal) and not -NUMBER_MAX <= made <= NUMBER_MAX:
            _refuse("a filter made too large a number")
        return made

    return kept


def bounded_join(join: Callable[..., Any]) -> Callable[..., Any]:
    """Let a filter join nothing that would become too long; asked before, since the whole is made at once."""

    @wraps(join)
    def kept(value: Any, separator: object = " ", **named: Any) -> Any:
        if isinstance(value, Sized) and len(str(separator)) * len(value) > CHARACTERS_MAX:
            _refuse("a filter made too long a text")
        return join(value, separator, **named)

    return kept


def shorten_ranges(template: BoundTemplate) -> None:
    """Let no range of a template hold more than `STEPS_MAX` numbers."""
    from liquid import RenderContext

    nothing = RenderContext(template)
    nodes = list(template.nodes)
    while nodes:
        node = nodes.pop()
        nodes += node.children(nothing, include_partials=False)
        _shorten(node.expressions())


def _shorten(expressions: Iterable[Any]) -> None:
    plain, short = _ranges()
    left = list(expressions)
    while left:
        one = left.pop()
        left += one.children()
        if type(one) is plain:
            one.__class__ = short


@cache
def _ranges() -> tuple[type, type]:
    """Give ranges of the library, and what they become."""
    from liquid.builtin.expressions.primitive import RangeLiteral

    class Short(RangeLiteral):
        __slots__ = ()

        def evaluate(self, context: RenderContext) -> range:
            numbers = super().evaluate(context)
            if numbers.stop - numbers.start > STEPS_MAX:
                _refuse(f"a range of more than {STEPS_MAX} numbers")
            return numbers

    return RangeLiteral, Short


def _refuse(why: str) -> NoReturn:
    from liquid.exceptions import ResourceLimitError

    raise ResourceLimitError(why, token=None)
