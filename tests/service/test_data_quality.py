"""The quality of data through the whole service: counted, added up, told on every road, and named in decisions."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from opportune.evaluate.data_report import DataReport
from opportune.service import Settings
from opportune.service.revisions import Strategy, strategy_from_files
from opportune.storage.cluster import ProcessReport
from tests.cli.conftest import Run as Run
from tests.cli.conftest import run as run

from .shop import Service, decision, files, serving

RULES = "missing: {warn_above: 0.3, inputs: {customer.city: 0.95}}\nunfit: {warn_above: 0.02}\n"
FAR = 98_765_432_101  # more digits than stand in a row in any moment, so that no moment has them by chance


class Clock:
    """A clock that a test turns."""

    def __init__(self) -> None:
        self.now = datetime(2026, 5, 4, 10, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


def watched(**texts: str) -> Strategy:
    return strategy_from_files(files(quality=RULES, **texts))[0]


def report(service: Service) -> dict[str, Any]:
    answer = service.call("GET", "/v1/data-quality")
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json()
    return found


def by_name(found: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {one["input"]: one for one in found["inputs"]}


def visit(service: Service, count: int) -> None:
    """Let so many known persons come, two in five of whom have told their age, and as many strangers."""
    for number in range(count):
        if number < 5:
            attributes = {"age": 40 + number} if number < 2 else {"member": True}
            service.call("PUT", f"/v1/customers/c-{number}", {"attributes": attributes})
        service.decide(f"r-{number}", customer=f"c-{number % 5}", context={"minutes": 5.0})
        service.decide(f"s-{number}")


def test_what_decisions_lack_is_counted_and_warned_of(tmp_path: Path) -> None:
    with serving(tmp_path / "shop.db", of=watched()) as service:
        visit(service, 120)
        found = report(service)
        figures = service.call("GET", "/metrics").text
        notes = service.call("GET", "/v1/status").json()["warnings"]
        page = service.call("GET", "/v1/data-quality.html?language=pl")
        refused = service.call("GET", "/v1/data-quality.html?language=de")

    inputs = by_name(found)
    assert (found["processes"], found["decisions"], found["known"]) == (1, 240, 120)
    assert inputs["customer.age"]["missing"] == 0.6
    assert inputs["customer.member"]["missing"] == 0.4
    assert inputs["context.minutes"]["missing"] == 0.5
    assert {(one["input"], one["kind"]) for one in found["concerns"]} >= {("customer.age", "missing")}
    assert ("customer.city", "missing") in {(one["input"], one["kind"]) for one in found["concerns"]}
    assert 'opportune_data_faults_total{input="customer.age",kind="missing"} 72.0' in figures
    assert 'opportune_data_concern{input="customer.age",kind="missing"} 0.6' in figures
    assert "customer.age is missing in 60.0% of decisions (threshold 30%)." in notes
    assert '<html lang="pl">' in page.text
    assert refused.status_code == 400


def test_refused_values_are_counted_and_never_told(tmp_path: Path) -> None:
    with serving(tmp_path / "shop.db", of=watched()) as service:
        visit(service, 100)
        for number in range(4):
            told = service.call("PUT", f"/v1/customers/c-{number}", {"attributes": {"age": FAR}})
            assert told.status_code == 422
        service.call("POST", "/v1/decisions", decision("w-1", context={"minutes": -1.0}))
        rows = [{"id": "c-9", "attributes": {"city": 7}}]
        service.call("POST", "/v1/customers", rows)
        found = report(service)

    inputs = by_name(found)
    assert inputs["customer.age"]["refused"] == 4
    assert inputs["customer.age"]["unfit"] == pytest.approx(4 / 104)
    assert inputs["context.minutes"]["refused"] == 1
    assert inputs["customer.city"]["refused"] == 1
    assert ("customer.age", "unfit") in {(one["input"], one["kind"]) for one in found["concerns"]}
    assert str(FAR) not in msgspec.json.encode(found).decode()


def test_a_stored_value_that_no_longer_fits_is_in_doubt(tmp_path: Path) -> None:
    with serving(tmp_path / "shop.db", of=watched()) as service:
        service.call("PUT", "/v1/customers/c-1", {"attributes": {"age": 90}})
    narrow = files()["attributes.yaml"].replace("[0, 120]", "[0, 80]")
    with serving(tmp_path / "shop.db", of=watched(attributes=narrow)) as service:
        told = service.decide("r-1", customer="c-1")
        kept = service.call("GET", f"/v1/decisions/{told['id']}").json()
        counts = service.runtime.quality.counts

    assert kept["decision"]["doubts"] == kept["explanation"]["doubts"] == ["customer.age: unfit"]
    assert counts.doubts == {"unfit": {"customer.age": 1}}


def test_another_strategy_is_counted_anew(tmp_path: Path) -> None:
    with serving(tmp_path / "shop.db", of=watched()) as service:
        visit(service, 5)
        service.call("POST", "/v1/revisions", {"files": files(quality=RULES + "# anew\n")})
        service.decide("r-new")
        counts = service.runtime.quality.counts

    assert counts.decisions == 1


def test_counts_of_processes_add_up_and_those_of_other_revisions_do_not(tmp_path: Path) -> None:
    with serving(tmp_path / "shop.db", of=watched()) as service:
        visit(service, 10)
        told = service.runtime.quality.encoded()
        revision = service.runtime.strategy.plan.revision.encode()
        now = datetime.now(UTC)
        for name, content in (("other", told), ("old", told.replace(revision, b"0" * len(revision))), ("mute", b"")):
            service.runtime.storage.cluster.report(
                ProcessReport(
                    id=name,
                    host="there",
                    pid=1,
                    role="decider",
                    address="",
                    revision=1,
                    model="",
                    position=0,
                    lag=0,
                    started_at=now,
                    seen_at=now,
                    quality=content,
                )
            )
        found = report(service)

    assert (found["processes"], found["decisions"]) == (2, 40)
    assert by_name(found)["customer.age"]["missing"] == 0.6


def test_drift_is_told_against_the_journal_and_survives_a_restart(tmp_path: Path) -> None:
    clock = Clock()
    with serving(tmp_path / "shop.db", Settings(kernel="numpy", clock=clock), watched()) as service:
        for number in range(300):
            clock.now += timedelta(minutes=1)
            late = number >= 150
            service.decide(f"r-{number}", context={"minutes": float(number % 10) + (300.0 if late else 0.0)})
    with serving(tmp_path / "shop.db", Settings(kernel="numpy", clock=clock), watched()) as service:
        found = report(service)

    drifting = by_name(found)["context.minutes"]
    assert drifting["drift"] > 1.0
    assert drifting["unseen"] == 1.0
    assert {("context.minutes", "drift"), ("context.minutes", "unseen")} <= {
        (one["input"], one["kind"]) for one in found["concerns"]
    }
    assert (found["processes"], found["decisions"]) == (0, 150)


def test_a_store_says_what_its_service_counted(tmp_path: Path, run: Run) -> None:
    path = tmp_path / "shop.db"
    with serving(path, of=watched()) as service:
        visit(service, 240)
        served = msgspec.convert(report(service), DataReport)
    told = run("data", "report", "--store", path, "--html", tmp_path / "data.html")
    data = msgspec.convert(run("data", "report", "--store", path, "--json").json, DataReport)

    assert told.code == 0
    assert "customer.age is missing in" in told.out
    assert (tmp_path / "data.html").read_text(encoding="utf-8").startswith("<!doctype html>")
    assert data.processes == 0
    assert data.decisions == served.decisions_now == 240
    assert {one.input: one.drift for one in data.inputs} == {one.input: one.drift for one in served.inputs}


def test_old_values_are_named_from_the_moment_on_that_the_project_says(tmp_path: Path) -> None:
    clock = Clock()
    fresh = files()["attributes.yaml"].replace("[0, 120]}", "[0, 120], fresh_for: {hours: 2}}")
    with serving(tmp_path / "shop.db", Settings(kernel="numpy", clock=clock), watched(attributes=fresh)) as service:
        service.call("PUT", "/v1/customers/c-1", {"attributes": {"age": 40}})
        service.call("PUT", "/v1/customers/c-2", {"attributes": {"member": True}})
        started = datetime.now(UTC)
        doubts = []
        for hours, customer in ((0.0, "c-1"), (1.9, "c-1"), (2.1, "c-1"), (0.0, "c-2"), (9.0, None)):
            clock.now = started + timedelta(hours=hours)
            told = service.decide(f"r-{hours}-{customer}", customer=customer)
            kept = service.call("GET", f"/v1/decisions/{told['id']}").json()
            doubts.append(kept["decision"].get("doubts", []))
        told_again = service.call("PUT", "/v1/customers/c-1", {"attributes": {"age": 41}}).status_code
        clock.now = datetime.now(UTC)
        renewed = service.decide("r-renewed", customer="c-1")
        after = service.call("GET", f"/v1/decisions/{renewed['id']}").json()["decision"].get("doubts", [])
        counts = service.runtime.quality.counts

    assert doubts == [[], [], ["customer.age: stale"], ["customer.age: missing"], []]
    assert (told_again, after) == (200, [])
    assert counts.doubts == {"stale": {"customer.age": 1}}


def test_of_who_objects_to_profiling_no_attribute_is_in_doubt(tmp_path: Path) -> None:
    fresh = files()["attributes.yaml"].replace("[0, 120]}", "[0, 120], fresh_for: {hours: 2}}")
    asked = "profiling: {basis: objection, profiling: true}\n"
    with serving(tmp_path / "shop.db", of=watched(attributes=fresh, consents=asked)) as service:
        service.call("PUT", "/v1/customers/c-1", {"attributes": {"member": True}})
        before = service.decide("r-1", customer="c-1")
        said = service.call("PUT", "/v1/customers/c-1/consents", {"purpose": "profiling", "given": False})
        after = service.decide("r-2", customer="c-1")
        doubts = [
            service.call("GET", f"/v1/decisions/{one['id']}").json()["decision"].get("doubts", [])
            for one in (before, after)
        ]

    assert said.status_code == 200, said.text
    assert doubts == [["customer.age: missing"], []]


def test_who_objects_to_profiling_lacks_nothing(tmp_path: Path, run: Run) -> None:
    path = tmp_path / "shop.db"
    asked = "profiling: {basis: objection, profiling: true}\n"
    with serving(path, of=watched(consents=asked)) as service:
        service.call("PUT", "/v1/customers/c-1", {"attributes": {"member": True}})
        service.decide("r-1", customer="c-1")
        service.call("PUT", "/v1/customers/c-1/consents", {"purpose": "profiling", "given": False})
        for number in range(3):
            service.decide(f"after-{number}", customer="c-1")
        counts = service.runtime.quality.counts
    told = msgspec.convert(run("data", "report", "--store", path, "--json").json, DataReport)

    assert (counts.decisions, counts.known) == (4, 1)
    assert counts.absent["customer.age"] == 1
    assert "customer.member" not in counts.absent
    assert (told.decisions, told.known) == (2, 0)
    assert {one.missing for one in told.inputs if one.input.startswith("customer.")} == {None}
