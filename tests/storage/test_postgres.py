"""PostgreSQL keeps the contract of storages, and refuses servers that cannot."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from opportune.storage import Storage
from opportune.storage.postgres import PostgresStorage
from opportune.testing.storage import StorageContract

from tests.postgres import need_postgres


class TestPostgresStorage(StorageContract):
    @pytest.fixture(autouse=True)
    def _database(self) -> None:
        self.url = need_postgres().database()

    def open(self, folder: Path, **ports: Any) -> Storage:
        return PostgresStorage(self.url, **ports)
