"""Stocks and the emergency switch from the command line."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from opportune.cli.limits import _cells
from opportune.service.limits import StockLine
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


def test_names_and_figures_are_whole_on_a_narrow_terminal(
    run: Run, shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    (shop / "stocks.yaml").write_text("a_name_that_is_long: {units: 5}\nspring: {money: 100000.00, currency: EUR}\n")
    coffee = shop / "actions/drinks/coffee.yaml"
    coffee.write_text(coffee.read_text().replace("beans", "a_name_that_is_long"))
    run("publish", shop, "--store", "shop.db")

    listed = run("limits", "--store", "shop.db")

    assert "…" not in listed.out
    assert "a_name_that_is_long" in listed.out
    assert "100,000.00 EUR" in listed.out


def test_a_stock_with_nothing_left_says_so() -> None:
    line = StockLine(
        stock="beans", unit="units", decimals=0, period="", units=5, let_out=5, reserved=3, confirmed=2, left=0, unmet=0
    )

    assert _cells(line)[-1] == "all taken"


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
