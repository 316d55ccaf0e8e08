"""The data report from the command line: of a store, of a running service, and as JSON."""

from __future__ import annotations

from pathlib import Path

import httpx

from opportune.service import Settings
from tests.cli.conftest import Run
from tests.service.process import running
from tests.service.shop import serving


def shop(path: Path) -> Path:
    with serving(path, Settings(kernel="numpy")) as service:
        service.call("PUT", "/v1/customers/c-1", {"attributes": {"member": True}})
        for number in range(120):
            service.decide(f"r-{number}", customer="c-1")
    return path


def test_a_running_service_is_asked_by_its_address(run: Run, tmp_path: Path) -> None:
    path = shop(tmp_path / "shop.db")
    with running(path, project=None) as served_by:
        for number in range(3):
            body = {"id": f"l-{number}", "channel": "till", "placements": [{"name": "receipt"}]}
            httpx.post(f"{served_by.url}/v1/decisions", json=body, timeout=30).raise_for_status()
        told = run("data", "report", "--url", served_by.url)
        data = run("data", "report", "--url", served_by.url, "--json").json

    assert told.code == 0
    assert "Counted by 1 running process since" in told.out
    assert (data["processes"], data["decisions"], data["known"]) == (1, 3, 0)
    assert data["concerns"] == []


def test_a_store_tells_of_its_newest_decisions_and_wrong_use_is_told(run: Run, tmp_path: Path) -> None:
    path = shop(tmp_path / "shop.db")
    data = run("data", "report", "--store", path, "--json").json
    both = run("data", "report", "--store", path, "--url", "http://127.0.0.1:9")
    language = run("data", "report", "--store", path, "--language", "de")
    nowhere = run("data", "report", "--store", path, "--html", tmp_path / "no" / "page.html")

    inputs = {one["input"]: one for one in data["inputs"]}
    assert (data["processes"], data["decisions"]) == (0, 60)
    assert inputs["customer.member"]["missing"] == 0.0
    assert inputs["customer.age"]["missing"] == 1.0
    assert both.code == language.code == nowhere.code == 2
    assert "expected --store or --url, found both" in both.err
    assert "--language: expected en or pl" in language.err
    assert "it cannot be written" in nowhere.err
