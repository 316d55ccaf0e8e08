"""Texts of treatments with values of the customer and of the contact put in.

The language is Liquid, cut down to what is pure and bounded: outputs, conditions, loops over lists, and the filters
below. What a template names is missing, or is a declared attribute.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from opportune.decide.liquid import parsed
from opportune.records import Facts, Value

if TYPE_CHECKING:
    from liquid import BoundTemplate

__all__ = ["HTML", "Template", "is_template", "names_of", "rendered", "template_of", "written"]

HTML = "_html"
"""Parts of content whose names end so are markup: values put into them are escaped."""


@dataclass(frozen=True, slots=True)
class Template:
    """A text with values to put in.

    Args:
        compiled: the text as Liquid sees it.
        missing: fact key of everything that it names → what it says where that is missing.
        language: in which numbers and dates are written.
    """

    compiled: BoundTemplate
    missing: Mapping[str, str]
    language: str


class _Missing:
    """A value that is not there: false in conditions, and its declared text where it is written."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text

    def __liquid__(self) -> None:
        return None

    def __str__(self) -> str:
        return self.text

    def __iter__(self) -> Any:
        return iter(())


def is_template(text: str) -> bool:
    """Say whether a text holds anything of a template."""
    return "{{" in text or "{%" in text


def template_of(part: str, text: str, language: str, missing: Mapping[str, str]) -> Template:
    """Compile a text.

    Args:
        part: name of the part of the content.
        missing: see `Template`.

    Raises:
        liquid.exceptions.LiquidError: it is no template of the language above.
    """
    return Template(parsed(text, part.endswith(HTML)), missing, language)


def rendered(template: Template, facts: Facts) -> str:
    """Put values in: a pure function of template and facts.

    A text that cannot be written, or grows beyond its bounds, becomes empty; the check of a project tries every text
    with extreme and with missing values, so that this is the last resort.
    """
    from liquid.exceptions import LiquidError

    try:
        return written(template, facts)
    except LiquidError:
        return ""


def written(template: Template, facts: Facts) -> str:
    """Put values in.

    Raises:
        liquid.exceptions.LiquidError: it cannot be written, or grows beyond its bounds.
    """
    from liquid.exceptions import LiquidError

    try:
        return template.compiled.render(names_of(template, facts))
    except LiquidError:
        raise
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as fault:
        # The library lets through what its filters and loops meet in values that they were not made for.
        raise LiquidError(f"it cannot be written ({type(fault).__name__})", token=None) from None


def names_of(template: Template, facts: Facts) -> dict[str, Any]:
    """Lay out what a template may name, and in which language and zone its filters write."""
    names: dict[str, Any] = {}
    for key, text in template.missing.items():
        source, _, name = key.partition(".")
        value = facts.get(key)
        names.setdefault(source, {})[name] = _Missing(text) if value is None else _plain(value)
    return names | {"language": template.language, "zone": ZoneInfo(str(facts.get("zone", "UTC")))}


def _plain(value: Value) -> Value:
    """Give a value as Liquid writes it: a whole number without a point."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return int(value)
    return value
