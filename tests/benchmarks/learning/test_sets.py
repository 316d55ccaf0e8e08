"""Readers of the open data: what their descriptions warn of is heeded."""

from __future__ import annotations

import gzip
import json
import os
from datetime import datetime
from pathlib import Path

import numpy as np
import polars
import pytest

from benchmarks.learning.sets import (
    STREAMS,
    bank_marketing,
    complete_journey,
    in_vehicle_coupon,
    optdigits,
    starbucks_offers,
    telco_churn,
)


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder of open data."""
    monkeypatch.setenv("OPPORTUNE_DATA", str(tmp_path))
    return tmp_path


def write(folder: Path, name: str, lines: list[str]) -> None:
    folder.mkdir(exist_ok=True)
    with gzip.open(folder / name, "wt") as file:
        file.write("\n".join(lines) + "\n")


def test_without_a_folder_of_data_the_message_names_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPPORTUNE_DATA", raising=False)

    with pytest.raises(FileNotFoundError, match="OPPORTUNE_DATA is not set"):
        bank_marketing.read()


def test_a_folder_without_the_set_is_told_from_no_folder(data: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"has no bank_marketing/bank-additional-full\.csv\.gz"):
        bank_marketing.read()


def test_bank_calls_have_no_duration_and_their_words_for_missing_give_no_fact(data: Path) -> None:
    columns = [*bank_marketing.TYPES, "duration", "y"]
    row = dict.fromkeys(bank_marketing.WORDS, "unknown") | dict.fromkeys(bank_marketing.NUMBERS, "1")
    cells = row | {"pdays": "999", "job": "retired", "duration": "261", "y": "yes"}
    lines = [";".join(f'"{name}"' for name in columns), ";".join(f'"{cells[name]}"' for name in columns)]
    write(data / "bank_marketing", "bank-additional-full.csv.gz", lines)

    stream = bank_marketing.read()

    known = stream.answers[0].facts
    assert not any("duration" in name for name in [*known, *(p.name for p in stream.predictors)])
    assert known["customer.job"] == "retired"
    assert "customer.marital" not in known
    assert "customer.pdays" not in known
    assert stream.answers[0].happened
    assert stream.ordered


def test_coupons_are_bundled_and_have_ten_actions_in_five_groups() -> None:
    stream = in_vehicle_coupon.read()

    assert len(stream.answers) == 12_684
    assert stream.happened.mean() == pytest.approx(0.5684, abs=0.0001)
    assert len(stream.candidates) == 10
    assert len({key.group for key in stream.candidates}) == 5
    assert not {"customer.coupon", "customer.expiration", "customer.Y"} & {p.name for p in stream.predictors}


def test_customers_of_telco_have_no_id_and_a_blank_total_is_missing(data: Path) -> None:
    columns = ["customerID", *telco_churn.TYPES, "Churn"]
    row = dict.fromkeys(telco_churn.WORDS, "No") | {"tenure": "0", "MonthlyCharges": "20", "SeniorCitizen": "1"}
    cells = row | {"customerID": "7590-VHVEG", "TotalCharges": " ", "Churn": "Yes"}
    write(data / "telco_churn", "Telco-Customer-Churn.csv.gz", [",".join(columns), ",".join(cells[c] for c in columns)])

    stream = telco_churn.read()

    known = stream.answers[0].facts
    assert "customer.TotalCharges" not in known
    assert known["customer.SeniorCitizen"] is True
    assert "7590-VHVEG" not in known.values()


def test_the_right_digit_alone_is_accepted(data: Path) -> None:
    header = ",".join([*(f"x{i}" for i in range(64)), "label"])
    write(data / "multiclass_bandit", "optdigits.csv.gz", [header, ",".join([*(["3"] * 64), "7"])])

    rounds = optdigits.read()

    assert rounds.rewards.tolist() == [[0, 0, 0, 0, 0, 0, 0, 1, 0, 0]]


OFFERS = [
    {"id": "b", "offer_type": "bogo", "reward": 5, "difficulty": 5, "duration": 1.0},
    {"id": "i", "offer_type": "informational", "reward": 0, "difficulty": 0, "duration": 3.0},
]
EVENTS: list[tuple[str, str, int, str | None, float | None]] = [
    ("ann", "offer received", 0, "b", None),
    ("ann", "transaction", 6, None, 12.0),
    ("ann", "offer completed", 6, "b", None),
    ("ann", "offer received", 168, "b", None),
    ("bob", "offer received", 168, "i", None),
    ("ann", "offer completed", 200, "b", None),
]


@pytest.fixture
def offers(data: Path) -> Path:
    folder = data / "starbucks_offers"
    write(
        folder, "profile.csv.gz", ["id,gender,age,income,became_member_on", "ann,,118,,20180101", "bob,M,40,9,20180101"]
    )
    (folder / "portfolio.json").write_text("\n".join(map(json.dumps, OFFERS)))
    names = ["person", "event", "time", "offer_id", "amount"]
    polars.DataFrame(EVENTS, schema=names, orient="row").write_parquet(folder / "transcript.parquet")
    return folder


def test_an_offer_that_was_completed_too_late_was_not_accepted(offers: Path) -> None:
    answers = starbucks_offers.read().answers

    assert [answer.happened for answer in answers] == [True, False]


def test_facts_of_an_offer_are_what_happened_before_it(offers: Path) -> None:
    first, second = starbucks_offers.read().answers

    assert first.facts["customer.purchases"] == 0.0
    assert "customer.hours_since_purchase" not in first.facts
    assert second.facts["customer.spent"] == 12.0
    assert second.facts["customer.hours_since_purchase"] == 162.0
    assert second.facts["customer.offers_completed"] == 1.0


def test_informational_offers_are_no_actions_and_age_118_is_missing(offers: Path) -> None:
    stream = starbucks_offers.read()

    assert [key.action for key in stream.candidates] == ["bogo 5/5 1d"]
    assert "customer.age" not in stream.answers[0].facts


def test_a_replay_knows_the_reward_of_the_offer_that_was_sent_alone(offers: Path) -> None:
    rounds = starbucks_offers.replayed(starbucks_offers.read())

    assert rounds.logged is not None
    assert rounds.logged.tolist() == [0, 0]
    assert rounds.rewards.tolist() == [[1.0], [0.0]]


def test_a_household_is_known_by_what_it_did_before_the_campaign(data: Path) -> None:
    folder = data / "complete_journey"
    folder.mkdir()
    march, june = datetime(2017, 3, 1), datetime(2017, 6, 1)  # noqa: DTZ001
    tables = {
        "campaign_descriptions": {
            "campaign_id": [1, 2],
            "campaign_type": ["Type A", "Type B"],
            "start_date": [june, march],
        },
        "campaigns": {"campaign_id": [1, 2], "household_id": [7, 7]},
        "coupon_redemptions": {"household_id": [7], "campaign_id": [2], "redemption_date": [datetime(2017, 4, 1)]},  # noqa: DTZ001
        "demographics": {"household_id": [7], **{name: ["x"] for name in complete_journey.DEMOGRAPHICS}},
        "transactions": {
            "household_id": [7, 7],
            "basket_id": [1, 2],
            "sales_value": [10.0, 90.0],
            "retail_disc": [0.0, 0.0],
            "coupon_disc": [0.0, 0.0],
            "transaction_timestamp": [datetime(2017, 2, 20, 9), datetime(2017, 6, 1, 9)],  # noqa: DTZ001
        },
    }
    for name, columns in tables.items():
        polars.DataFrame(columns).write_parquet(folder / f"{name}.parquet")

    first, second = complete_journey.read().answers

    assert (first.happened, second.happened) == (True, False)
    assert first.facts["customer.redemptions"] == 0.0
    assert first.facts["customer.spent_28_days"] == 10.0
    assert second.facts["customer.redemptions"] == 1.0
    assert second.facts["customer.campaigns"] == 1.0
    assert second.facts["customer.spent"] == 10.0
    assert second.facts["customer.spent_28_days"] == 0.0


@pytest.mark.full
@pytest.mark.skipif("OPPORTUNE_DATA" not in os.environ, reason="needs the open data")
@pytest.mark.parametrize(
    ("name", "answers", "rate"),
    [("bank", 41_188, 0.1127), ("telco", 7_043, 0.2654), ("starbucks", 48_785, 0.5497), ("journey", 6_589, 0.1202)],
)
def test_rates_are_those_of_the_descriptions(name: str, answers: int, rate: float) -> None:
    stream = STREAMS[name]()

    assert len(stream.answers) == answers
    assert float(np.mean(stream.happened)) == pytest.approx(rate, abs=0.002)
