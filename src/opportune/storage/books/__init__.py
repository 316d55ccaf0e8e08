"""Plan what a batch of writes does to the store: pure, from what was found to what changes."""

from __future__ import annotations

from opportune.storage.books.book import Book

__all__ = ["Book"]
