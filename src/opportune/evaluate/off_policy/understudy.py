"""The model that another strategy would have had: it learns from the same answers, at the same pace."""

from __future__ import annotations

from collections.abc import Iterator

from opportune.learning import PropensityModel
from opportune.outcomes import Learner, LessonBook, teach
from opportune.storage import Entry, Kind, Storage

__all__ = ["Understudy"]

PAGE = 500


class Understudy:
    """Follows the journal's answers with a strategy's own model, so that it never knows what came later.

    It learns from what was shown, not from what it would have shown itself.

    Args:
        learner: bound to the strategy's plan, at any journal position.
    """

    def __init__(self, storage: Storage, learner: Learner) -> None:
        self._learner = learner
        self._book = LessonBook(storage)
        self._entries = self._read(storage)
        self._next: Entry | None = next(self._entries, None)

    def at(self, position: int) -> PropensityModel:
        """Give the model that has learned the journal up to a position; positions must not fall.

        Raises:
            StoreError: the store cannot be read.
        """
        while self._next is not None and self._next.sequence <= position:
            teach(self._learner, self._book, self._next)
            self._next = next(self._entries, None)
        return self._learner.model

    def _read(self, storage: Storage) -> Iterator[Entry]:
        after = self._learner.position
        while page := storage.journal(after, PAGE, (Kind.OUTCOME,)):
            self._book.expect(page)
            yield from page
            after = page[-1].sequence
