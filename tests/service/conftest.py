"""The service that most tests of this folder talk to."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from .shop import Service, serving


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    """A fresh service with an empty store."""
    with serving(tmp_path / "shop.db") as one:
        yield one
