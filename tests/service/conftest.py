"""The service that most tests of this folder talk to."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from opportune.service.revisions import Strategy

from . import shop
from .shop import Service, serving


@pytest.fixture
def strategy() -> Strategy:
    """What the service decides by; modules of tests may give another one."""
    return shop.strategy()


@pytest.fixture
def service(tmp_path: Path, strategy: Strategy) -> Iterator[Service]:
    """A fresh service with an empty store."""
    with serving(tmp_path / "shop.db", of=strategy) as one:
        yield one
