"""`opportune funnel`: of a strategy, and of another engine's rows."""

from __future__ import annotations

import pytest

from tests.cli.test_diff import folder
from tests.evaluate.off_policy.recorded import CHANNELS, exploring, record

MAPPING = "{decision: call, action: offer, stage: step, returned: {column: kind, is: [shown]}}\n"
ROWS = "call,offer,step,kind\nd1,card,age,dropped\nd1,loan,end,shown\nd2,card,age,dropped\n"


@pytest.fixture
def shop(tmp_path):
    return folder(tmp_path / "shop", channels=CHANNELS.format(floor=0.5))


def test_imagined_contacts_fall_through_a_strategy(run, shop):
    ended = run("funnel", shop, "--count", 80, "--at", "2026-05-04T12:00:00Z")

    assert ended.code == 0
    assert "160 contacts of 80 persons" in ended.out
    assert "action coffee, eligibility: customer.age >= 18" in ended.out


def test_recorded_decisions_fall_through_a_strategy(run, shop, tmp_path):
    record(tmp_path / "shop.db", exploring(), 60)

    told = run("funnel", shop, "--store", tmp_path / "shop.db", "--json").json

    assert told["contacts"] == 60
    assert sum(stage["dropped"] for stage in told["stages"]) + told["returned"] == told["candidates"]


def test_rows_of_another_engine_are_counted(run, tmp_path):
    (tmp_path / "rows.csv").write_text(ROWS)
    (tmp_path / "mapping.yaml").write_text(MAPPING)

    ended = run("funnel", "rows.csv", "--mapping", "mapping.yaml")

    assert "2 contacts, 3 candidates" in ended.out
    assert "1 contact (50.0%) ends with nothing" in ended.out


@pytest.mark.parametrize(
    ("mapping", "message"),
    [("", "mapping"), ("{decision: [", "expected YAML"), (MAPPING.replace("step", "stepp"), "no such column")],
)
def test_a_mapping_that_does_not_fit_is_refused(run, tmp_path, mapping, message):
    (tmp_path / "rows.csv").write_text(ROWS)
    (tmp_path / "mapping.yaml").write_text(mapping)

    ended = run("funnel", "rows.csv", "--mapping", "mapping.yaml")

    assert ended.code in (1, 2)
    assert message in ended.err


def test_a_file_without_a_mapping_is_refused(run, tmp_path):
    (tmp_path / "rows.csv").write_text(ROWS)

    assert "need --mapping" in run("funnel", "rows.csv").err


def test_a_page_is_written(run, shop, tmp_path):
    ended = run("funnel", shop, "--count", 20, "--html", tmp_path / "funnel.html", "--language", "pl")

    assert "The page is" in ended.out
    assert '<html lang="pl">' in (tmp_path / "funnel.html").read_text(encoding="utf-8")
