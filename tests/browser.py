"""A browser for tests of pages; Chromium as the system has it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

__all__ = ["chromium"]

PROGRAM = next((found for name in ("chromium", "google-chrome", "chrome") if (found := shutil.which(name))), None)
QUIET = ("--no-sandbox", "--disable-background-networking", "--disable-component-update", "--disable-sync")


def chromium() -> Iterator[Browser]:
    """Run a browser for as long as a fixture lasts; skip the test where there is none."""
    if PROGRAM is None:
        if os.environ.get("CI"):
            pytest.fail("no browser: install Chromium")
        pytest.skip("no browser: install Chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=PROGRAM, args=[*QUIET, "--no-first-run"])
        yield browser
        browser.close()
