"""What holds for every test: how much hypothesis tries, where data lie, and that nothing is skipped in silence."""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

IN_CI = os.environ.get("CI") == "true"

# CI judges a change and not the luck of the draw, so it tries the same cases each time; elsewhere they vary.
settings.register_profile(
    "house", deadline=None, derandomize=IN_CI, print_blob=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("house")


@pytest.fixture(scope="session")
def root() -> Path:
    """The folder of the checkout."""
    return Path(__file__).parents[1]


@pytest.fixture(scope="session")
def public_data() -> Path:
    """The folder of public data sets, for full figures; a test that asks for it is skipped where there is none."""
    folder = os.environ.get("OPPORTUNE_DATA", "")
    if not folder:
        pytest.skip("OPPORTUNE_DATA does not name a folder of public data sets")
    if not Path(folder).is_dir():
        pytest.fail("OPPORTUNE_DATA: expected a folder of public data sets, found none at that path")
    return Path(folder)


@pytest.fixture
def tell(record_property: Callable[[str, object], None]) -> Callable[[str], None]:
    """Print a figure when all tests have run, whichever process this one runs in."""
    return partial(record_property, "told")


def _skip_reasons(reporter: pytest.TerminalReporter) -> Counter[str]:
    reasons: Counter[str] = Counter()
    for report in reporter.stats.get("skipped", []):
        detail = report.longrepr
        text = detail[2] if isinstance(detail, tuple) else str(detail)
        reasons[text.removeprefix("Skipped: ")] += 1
    return reasons


_CONTRACT = re.compile(r"::Test(\w+)Storage::")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what tests told, and side by side how each store kept the contract of storages."""
    ran = [report for outcome in ("passed", "failed") for report in terminalreporter.stats.get(outcome, [])]
    for text in (text for report in ran for name, text in report.user_properties if name == "told"):
        terminalreporter.write_line(str(text))
    stores: dict[str, Counter[str]] = {}
    for outcome in ("passed", "failed", "error", "skipped"):
        for report in terminalreporter.stats.get(outcome, []):
            if found := _CONTRACT.search(report.nodeid):
                stores.setdefault(found[1], Counter())[outcome] += 1
    parts = [
        f"{store} " + ", ".join(f"{count} {outcome}" for outcome, count in counts.items())
        for store, counts in sorted(stores.items())
    ]
    if parts:
        terminalreporter.write_line(f"contract of storages: {'; '.join(parts)}")


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Report counts and reasons of skips to `./run test`; in CI a skip is a failure."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None or hasattr(session.config, "workerinput"):
        return
    reasons = _skip_reasons(reporter)
    tally = os.environ.get("OPPORTUNE_TALLY")
    if tally:
        counts = {name: len(reporter.stats.get(name, [])) for name in ("passed", "failed", "error")}
        with Path(tally).open("a") as file:
            file.write(json.dumps({**counts, "skipped": reasons}) + "\n")
    if IN_CI and reasons and exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
