"""Previews heed what people said: in recorded contacts what was said by then, of imagined people everything."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from msgspec import structs

from opportune.decide import Standing
from opportune.decide.limits.consents import all_given, said_of
from opportune.evaluate.foresight import Case
from opportune.evaluate.foresight.recorded import _as_seen, with_history
from opportune.records import Consent, Hold
from opportune.storage import RecordConsent, SqliteStorage, Storage
from tests.customers.consent.asked import asking, request
from tests.worlds import NOON

HOUR = timedelta(hours=1)


@pytest.fixture(scope="module")
def plan():
    return asking().plan


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[Storage]:
    """A store of one who agreed three hours ago and withdrew one hour ago."""
    with SqliteStorage(tmp_path / "s.db", clock=lambda: NOON) as one:
        for given, ago in ((True, 3), (False, 1)):
            one.write(
                [
                    RecordConsent(
                        id=str(given),
                        identifier="c-1",
                        channel="*",
                        purpose="marketing",
                        given=given,
                        occurred_at=NOON - ago * HOUR,
                    )
                ]
            )
        yield one


def contact(at, holds: tuple[Hold, ...] = ()) -> Case:
    return Case("d", "p", request(), {}, at, "seed", _as_seen(holds))


def allowed(case: Case) -> bool | None:
    said = said_of(case.standing.consents or (), "marketing", "call_centre")
    return None if said is None else said.given


def test_a_contact_after_the_withdrawal_is_previewed_without_consent(plan, storage: Storage) -> None:
    (case,) = with_history(storage, [contact(NOON)], [plan])

    assert allowed(case) is False


def test_a_contact_before_it_is_previewed_as_it_was_held_back_or_not(plan, storage: Storage) -> None:
    early = NOON - 2 * HOUR
    held = Hold("marketing", "consent", "channel:call_centre", 0, 1, 0, since=0)

    free, kept = with_history(storage, [contact(early), contact(early, (held,))], [plan])

    assert allowed(free) is True
    assert allowed(kept) is False


def test_somebody_who_said_nothing_said_nothing(plan, storage: Storage) -> None:
    stranger = replace(contact(NOON), request=structs.replace(request(), customer="c-2"))

    (case,) = with_history(storage, [stranger], [plan])

    assert allowed(case) is None
    assert case.standing.consents == []


def test_people_whom_nobody_asked_allow_everything(plan) -> None:
    assert Standing().consents is None
    assert [one.given for one in all_given(plan.limits)] == [True, True, True]
    assert all(isinstance(one, Consent) for one in all_given(plan.limits))
