"""A storage under test."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from opportune.storage import Storage

__all__ = ["StorageCase"]


class StorageCase(ABC):
    """What every storage must do; each test opens a store of its own."""

    @abstractmethod
    def open(self, folder: Path, **ports: Any) -> Storage:
        """Open the store in a folder, making it if missing; `ports` are `clock`, `new_id` and `new_salt`."""

    @pytest.fixture
    def storage(self, tmp_path: Path) -> Iterator[Storage]:
        """An empty store."""
        with self.open(tmp_path) as storage:
            yield storage
