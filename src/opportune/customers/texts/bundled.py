"""Models of texts that come with the product; what they were trained on is named in NOTICE."""

from __future__ import annotations

from functools import lru_cache
from importlib.resources import files

from opportune.customers.texts.file import SUFFIX, from_bytes
from opportune.customers.texts.model import TextModel

__all__ = ["BUNDLED", "bundled_bytes", "bundled_model"]

BUNDLED = ("banking_topics", "film_moods")
"""Topics of bank customers' questions in English, and moods of film dialogue in Polish."""


def bundled_bytes(name: str) -> bytes:
    """Give the file of a model that comes with the product.

    Raises:
        KeyError: there is none of this name.
    """
    if name not in BUNDLED:
        raise KeyError(name)
    return (files("opportune.customers.texts") / "bundled" / f"{name}{SUFFIX}").read_bytes()


@lru_cache(maxsize=len(BUNDLED))
def bundled_model(name: str) -> TextModel:
    """Give a model that comes with the product.

    Raises:
        KeyError: there is none of this name.
    """
    return from_bytes(bundled_bytes(name))
