"""The model report from the command line, over HTTP and as a page: one set of figures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from opportune.evaluate.speech import figure
from opportune.service import Settings
from tests.cli.conftest import Run
from tests.service.process import running
from tests.service.shop import serving
from tests.service.test_changes import teach, with_models


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A store with two models that learned from 150 answers."""
    path = tmp_path / "shop.db"
    with serving(path, Settings(kernel="numpy"), with_models()) as service:
        teach(service, 0, 150)
    return path


def without_moment(report: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in report.items() if name != "at"}


def test_the_report_of_a_store(run: Run, shop: Path, tmp_path: Path) -> None:
    told = run("models", "report", "--store", shop, "--html", tmp_path / "report.html", "--language", "pl")
    data = run("models", "report", "--store", shop, "--json").json
    page = (tmp_path / "report.html").read_text(encoding="utf-8")

    assert told.code == 0
    champion = next(one for one in data["models"] if one["is_champion"])
    assert champion["answers"] == 150
    assert {one["model"] for one in data["models"]} == {"main", "simple"}
    assert data["decisions_before"] + data["decisions_now"] == 150
    assert f"{champion['log_loss']:.4f}" in told.out
    assert f"<td>{figure(champion['log_loss'], '.4f', 'pl')}</td>" in page
    assert '<html lang="pl">' in page
    assert champion["predictors"][0]["predictor"] in told.out


def test_a_service_says_what_its_store_says(run: Run, shop: Path) -> None:
    data = run("models", "report", "--store", shop, "--json").json
    with running(shop, project=None) as served_by:
        url = served_by.url
        served = run("models", "report", "--url", url, "--json").json
        page = httpx.get(f"{url}/v1/models/report.html", params={"language": "pl"}, timeout=30)
        refused = httpx.get(f"{url}/v1/models/report.html", params={"language": "de"}, timeout=30)

    assert without_moment(served) == without_moment(data)
    assert page.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert f"<td>{figure(data['models'][0]['log_loss'], '.4f', 'pl')}</td>" in page.text
    assert refused.status_code == 400


def test_a_report_that_cannot_be_made_says_why(run: Run, tmp_path: Path, shop: Path) -> None:
    assert "--language: expected en or pl" in run("models", "report", "--store", shop, "--language", "de").err
    nowhere = run("models", "report", "--store", shop, "--html", tmp_path / "no" / "folder.html")
    assert nowhere.code == 2
    assert "it cannot be written" in nowhere.err


def test_a_report_before_anybody_answered(run: Run, tmp_path: Path) -> None:
    with serving(tmp_path / "new.db", Settings(kernel="numpy"), with_models()):
        pass

    told = run("models", "report", "--store", tmp_path / "new.db")

    assert told.code == 0
    assert "nothing to judge" in told.out
