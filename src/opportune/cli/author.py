"""Whose name a revision carries."""

from __future__ import annotations

import getpass

__all__ = ["named"]


def named(author: str) -> str:
    """Give the author, or who runs this program."""
    if author:
        return author
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return ""
