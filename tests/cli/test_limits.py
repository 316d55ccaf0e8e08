"""Stocks and the emergency switch from the command line."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.cli.conftest import Run
from tests.service.process import running
from tests.service.shop import PROJECT


@pytest.fixture
def shop(run: Run) -> Path:
    """A copy of the shop's folder with a stock, published in shop.db."""
    folder = Path(shutil.copytree(PROJECT, "shop"))
    (folder / "stocks.yaml").write_text("beans: {units: 5}\nspring: {money: 100.00, currency: EUR, per: month}\n")
    with (folder / "actions/drinks/coffee.yaml").open("a") as file:
        file.write("uses: {beans: 1, spring: 2.50}\n")
    done = run("publish", folder, "--store", "shop.db")
    assert done.code == 0, done.err
    return folder


def test_stocks_and_switches_are_read_and_switched_in_the_store(run: Run, shop: Path) -> None:
    switched = run("off", "coffee", "--store", "shop.db", "--author", "risk", "--reason", "recall")
    listed = run("limits", "--store", "shop.db")
    back = run("on", "action:coffee", "--store", "shop.db")
    found = run("limits", "--store", "shop.db", "--json").json

    assert (switched.code, listed.code, back.code) == (0, 0, 0)
    assert switched.out == "action coffee is off: nobody is shown it.\n"
    assert "100.00 EUR" in listed.out
    assert "action coffee is off since" in listed.out
    assert "by risk: recall" in listed.out
    assert [line["left"] for line in found["stocks"]] == [5, 10_000]
    assert [switch["off"] for switch in found["switches"]] == [False]


def test_what_the_strategy_does_not_have_is_refused(run: Run, shop: Path) -> None:
    refused = run("off", "tea", "--store", "shop.db")

    assert refused.code == 1
    assert "the strategy has no such action or group" in refused.err


def test_a_running_service_obeys(run: Run, shop: Path) -> None:
    with running(Path("served.db"), project=shop) as service:
        switched = run("off", "drinks", "--url", service.url)
        found = run("limits", "--url", service.url, "--json").json

    assert switched.code == 0, switched.err
    assert [(one["target"], one["off"]) for one in found["switches"]] == [("group:drinks", True)]
