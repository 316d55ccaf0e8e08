"""Rows of the coupon survey become contacts without losing or inventing anything."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from itertools import pairwise

import pytest

from examples.coupons.data_mapping import Contact, rows


@pytest.fixture(scope="module")
def contacts() -> list[Contact]:
    return list(rows())


def test_every_answer_of_the_survey_is_a_contact(contacts: list[Contact]) -> None:
    assert len(contacts) == 12_684
    assert Counter(contact.outcome for contact in contacts) == {"accept": 7_210, "reject": 5_474}


def test_all_ten_coupons_were_shown(contacts: list[Contact]) -> None:
    shown = Counter(contact.action for contact in contacts)

    assert len(shown) == 10
    assert shown["coffee_2h"] == 2_227
    assert shown["bar_2h"] == 461


def test_rows_with_the_same_driver_columns_share_a_customer(contacts: list[Contact]) -> None:
    described = {contact.customer: contact.attributes for contact in contacts}

    assert len(described) == 567
    assert contacts[0].customer == contacts[21].customer == "driver-001"
    assert all(described[contact.customer] == contact.attributes for contact in contacts)


def test_an_empty_cell_is_a_missing_value(contacts: list[Contact]) -> None:
    first = contacts[0].attributes

    assert "coffee_house_visits" in first
    assert "takeaway_visits" not in first
    assert "car" not in first


def test_the_first_row_reads_as_in_the_survey(contacts: list[Contact]) -> None:
    first = contacts[0]

    assert first.action == "diner_1d"
    assert first.outcome == "accept"
    assert first.attributes["age_at_least"] == 21
    assert first.attributes["income_at_least"] == 37_500
    assert first.context == {
        "destination": "No Urgent Place",
        "passenger": "Alone",
        "weather": "Sunny",
        "temperature": 55,
        "hour": 14,
        "minutes_to_shop": 5,
        "same_direction": False,
    }


def test_contacts_keep_their_order_one_minute_apart(contacts: list[Contact]) -> None:
    assert all(later.at - earlier.at == timedelta(minutes=1) for earlier, later in pairwise(contacts))
