"""The service with a store that does not flush its commits: what the power-loss test must notice."""

from __future__ import annotations

from typing import Any

from opportune.cli import main
from opportune.storage import SqliteStorage

_open = SqliteStorage.__init__


def _open_carelessly(self: SqliteStorage, *arguments: Any, **options: Any) -> None:
    _open(self, *arguments, **options)
    if self._writer is not None:
        self._writer.execute("pragma synchronous = normal")


SqliteStorage.__init__ = _open_carelessly  # type: ignore[method-assign]

if __name__ == "__main__":
    main()
