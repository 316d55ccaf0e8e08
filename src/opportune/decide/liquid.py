"""Liquid, cut down to what is pure and bounded.

The library is loaded with the first template: it takes a third of a second, and most strategies have none.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from functools import cache
from typing import TYPE_CHECKING, Any

from opportune.decide.liquid_bounds import CHARACTERS_MAX, STEPS_MAX, bounded, bounded_join, shorten_ranges

if TYPE_CHECKING:
    from liquid import BoundTemplate, Environment, RenderContext

__all__ = ["FILTERS", "TAGS", "parsed"]

DEPTH_MAX = 10
TAGS = ("break", "case", "comment", "continue", "for", "if", "raw", "unless")
FILTERS = (
    *("abs", "at_least", "at_most", "capitalize", "ceil", "date", "downcase", "escape", "first", "floor", "join"),
    *("last", "minus", "money", "number", "plus", "round", "size", "strip", "times", "truncate", "upcase"),
)
"""All of them are pure; date, money and number write as the language of the content does."""
_ARITHMETIC = ("abs", "at_least", "at_most", "ceil", "floor", "minus", "plus", "round", "times")
_INNER = ("content", "illegal", "output")
"""Tags of the library for what stands between tags."""
DATES = ("short", "medium", "long", "full")


def parsed(text: str, is_markup: bool) -> BoundTemplate:
    """Parse a text.

    Args:
        is_markup: whether values are escaped.

    Raises:
        liquid.exceptions.LiquidError: it is no template, or uses what is not among `TAGS`; an unknown filter shows
            when it is rendered.
    """
    template = _environment(is_markup).from_string(text)
    shorten_ranges(template)
    return template


@cache
def _environment(is_markup: bool) -> Environment:
    from liquid import Environment, Mode

    class Bounded(Environment):
        block_nesting_limit = DEPTH_MAX
        context_depth_limit = DEPTH_MAX
        loop_iteration_limit = STEPS_MAX
        local_namespace_limit = CHARACTERS_MAX
        output_stream_limit = CHARACTERS_MAX

    made = Bounded(tolerance=Mode.STRICT, autoescape=is_markup)
    made.tags = {name: tag for name, tag in made.tags.items() if name in TAGS or name in _INNER}
    made.filters = {name: call for name, call in made.filters.items() if name in FILTERS}
    for name in _ARITHMETIC:
        made.filters[name] = _sparing(made.filters[name])
    made.filters["join"] = bounded_join(made.filters["join"])
    made.filters = {name: bounded(call) for name, call in made.filters.items()}
    made.filters |= {"date": _Written(_date), "money": _Written(_money), "number": _Written(_number)}
    return made


def _sparing(apply: Callable[..., Any]) -> Callable[..., Any]:
    """Let a filter pass by what is missing: it is no zero."""

    def spared(value: Any, *arguments: Any) -> Any:
        return value if hasattr(value, "__liquid__") else apply(value, *arguments)

    return spared


class _Written:
    """A filter that writes a value as the content's language does; what is missing stays the text that it says."""

    with_context = True

    def __init__(self, write: Any) -> None:
        self._write = write

    def __call__(self, value: Any, *arguments: Any, context: RenderContext) -> str:
        """Apply it.

        Raises:
            FilterArgumentError: value or arguments are of another type.
        """
        from liquid.exceptions import FilterArgumentError

        if hasattr(value, "__liquid__"):
            return str(value)
        try:
            written: str = self._write(context, value, *arguments)
        except (TypeError, ValueError, LookupError, ArithmeticError):
            raise FilterArgumentError(f"expected {self._write.__doc__}", token=None) from None
        return written


def _date(context: RenderContext, value: Any, form: str = "medium") -> str:
    """a timestamp, and short, medium, long or full."""
    from babel.dates import format_date

    if not isinstance(value, datetime) or form not in DATES:
        raise TypeError
    return format_date(value.astimezone(context.resolve("zone")), form, locale=_locale(context))


def _money(context: RenderContext, value: Any, currency: str) -> str:
    """a number and a currency such as "EUR"."""
    from babel.numbers import format_currency, is_currency

    if not is_currency(currency):
        raise ValueError
    return format_currency(_decimal(value), currency, locale=_locale(context))


def _number(context: RenderContext, value: Any, decimals: int | None = None) -> str:
    """a number, and how many decimals."""
    from babel.numbers import format_decimal

    number = _decimal(value)
    if decimals is None:
        return format_decimal(number, locale=_locale(context), decimal_quantization=False)
    if not 0 <= decimals <= 10:
        raise ValueError
    number = number.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP)
    return format_decimal(number, f"#,##0.{'0' * decimals}".rstrip("."), locale=_locale(context))


def _decimal(value: Any) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise TypeError
    return Decimal(str(value))


def _locale(context: RenderContext) -> str:
    """Give the language's locale; English where babel knows none."""
    from babel import Locale, UnknownLocaleError

    language = str(context.resolve("language")).replace("-", "_")
    try:
        return str(Locale.parse(language))
    except (UnknownLocaleError, ValueError):
        return "en"
