"""The service with so much to do, by its own account, that every decision would be late."""

from __future__ import annotations

from typing import Any

from opportune.cli import main
from opportune.service.http import server
from opportune.service.http.admission import Admission, Lane


class Full(Admission):
    """Has no room for decisions."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.is_busy = True

    def is_full(self, lane: Lane) -> bool:
        return lane is self.decisions

    def enter(self, lane: Lane, start: Any) -> None:
        start()


server.Admission = Full  # type: ignore[misc]

if __name__ == "__main__":
    main()
