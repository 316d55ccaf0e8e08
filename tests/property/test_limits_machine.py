"""Any sequence of reserving, confirming, releasing, expiring and merging counts as a plain model in memory says.

One person has one cap, whatever identifiers it came under and whenever they were merged.
"""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import ClassVar

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from opportune.errors import ConflictError, SoldOutError, StaleError
from opportune.records import Sign
from opportune.storage import (
    Contacts,
    Receipt,
    ReleaseLeases,
    SqliteStorage,
    Storage,
    Write,
    open_storage,
    verify_storage,
)
from opportune.storage.books import answers
from opportune.storage.entries import to_microseconds
from opportune.testing.storage import NOON, accept, merge, reservation, reserving, save_profile, withdraw
from tests.postgres import need_postgres

CAP = 3
LIMITS = {"headsets": 3, "minutes": 8}
PERIODS = {"headsets": "", "minutes": "2026-03-02T12"}
CUSTOMERS = ["c-0", "c-1", "c-2"]
LEASE = timedelta(minutes=10)
MEMORY = Path("/dev/shm")


@dataclass
class Reservation:
    stock: str
    units: int
    lease: datetime
    state: str = "reserved"
    said: dict[str, str] = field(default_factory=dict)

    @property
    def takes(self) -> int:
        return self.units if self.state in ("reserved", "confirmed") else 0


@dataclass
class Person:
    shown: int = 0
    newest: int = 0


@dataclass
class Model:
    """What the store should hold, written in the most obvious way."""

    entries: int = 0
    reservations: dict[str, Reservation] = field(default_factory=dict)
    owners: dict[str, str] = field(default_factory=dict)
    persons: dict[str, Person] = field(default_factory=dict)
    leads: dict[str, str] = field(default_factory=dict)

    def person(self, customer: str) -> Person:
        return self.persons[self.leads[customer]]

    def append(self) -> int:
        self.entries += 1
        return self.entries

    def taken(self, stock: str, state: str = "") -> int:
        return sum(
            one.takes for one in self.reservations.values() if one.stock == stock and one.state in (state or one.state)
        )

    def decide(self, customer: str, decision: str, stock: str, units: int, seen: int, now: datetime) -> type | None:
        person = self.person(customer)
        if person.newest > seen:
            return StaleError
        if self.taken(stock) + units > LIMITS[stock]:
            return SoldOutError
        assert person.shown < CAP, "the cap of a person is broken"
        person.shown += 1
        person.newest = self.append()
        self.owners[decision] = customer
        self.reservations[decision] = Reservation(stock, units, now + LEASE)
        return None

    def say(self, decision: str, report: str, outcome: str, now: datetime) -> None:
        """Take a report: an outcome, or that another report never was."""
        self.person(self.owners[decision]).newest = self.append()
        one = self.reservations[decision]
        one.said[report] = outcome
        withdrawn = set(one.said.values())
        stands = {outcome for report, outcome in one.said.items() if report not in withdrawn}
        others = self.taken(one.stock) - one.takes
        fits = others + one.units <= LIMITS[one.stock]
        if "accept" in stands:
            one.state = "confirmed" if fits else "unmet"
        elif "reject" in stands:
            one.state = "released"
        elif one.state not in ("reserved", "expired"):
            one.state = "reserved" if fits and now < one.lease else "expired"

    def due(self, now: datetime) -> set[str]:
        return {name for name, one in self.reservations.items() if one.state == "reserved" and one.lease <= now}

    def merge(self, customer: str, other: str) -> None:
        kept, absorbed = self.leads[customer], self.leads[other]
        sequence = self.append()
        if kept != absorbed:
            gone = self.persons.pop(absorbed)
            self.persons[kept].shown += gone.shown
            for name, person in self.leads.items():
                if person == absorbed:
                    self.leads[name] = kept
        self.persons[kept].newest = sequence


class LimitsMachine(RuleBasedStateMachine):
    """Drives a store and the model side by side."""

    storage: Storage
    steps: ClassVar[int] = 0

    def make(self) -> Storage:
        """Open an empty store whose clock is `self.now`."""
        raise NotImplementedError

    def __init__(self) -> None:
        super().__init__()
        self.model = Model()
        self.now = NOON
        self.number = 0
        self.read: dict[str, Contacts] = {}

    @initialize()
    def begin(self) -> None:
        self.storage = self.make()
        for customer in CUSTOMERS:
            self.write(save_profile(customer, customer))
            self.model.append()
            self.model.leads[customer] = customer
            self.model.persons[customer] = Person()
            self.look(customer)

    def write(self, write: Write) -> Receipt | Exception:
        (result,) = self.storage.write([write])
        return result

    def name(self) -> str:
        self.number += 1
        return f"k{self.number}"

    @rule(customer=st.sampled_from(CUSTOMERS))
    def look(self, customer: str) -> None:
        """Read a history, to be decided by now or later."""
        self.read[customer] = self.storage.contacts(customer, NOON - timedelta(days=1))

    @rule(customer=st.sampled_from(CUSTOMERS), what=st.sampled_from(["headsets", "minutes"]), fresh=st.booleans())
    def decide(self, customer: str, what: str, fresh: bool) -> None:
        if fresh:
            self.look(customer)
        contacts = self.read[customer]
        if sum(contact.what == "shown" for contact in contacts.contacts) >= CAP:
            return
        key, units = self.name(), {"headsets": 1, "minutes": 3}[what]
        lease = to_microseconds(self.now + LEASE)
        taken = reservation(units, LIMITS[what], stock=what, period=PERIODS[what], lease_until=lease)
        person = self.storage.person_of(customer)
        expected = self.model.decide(customer, f"d-{key}", what, units, contacts.last, self.now)
        result = self.write(reserving(key, taken, seen=contacts.last, person=person, at=self.now))
        assert type(result) is (expected or Receipt), result

    @rule(which=st.integers(0, 99), outcome=st.sampled_from(["accept", "reject", "click"]))
    def report(self, which: int, outcome: str) -> None:
        if not self.model.reservations:
            return
        decision = sorted(self.model.reservations)[which % len(self.model.reservations)]
        signs = {"accept": Sign.POSITIVE, "reject": Sign.NEGATIVE}
        key = self.name()
        assert isinstance(self.write(accept(key, decision, outcome, signs.get(outcome, Sign.NEUTRAL))), Receipt)
        self.model.say(decision, key, outcome, self.now)

    @rule(which=st.integers(0, 99))
    def take_back(self, which: int) -> None:
        told = [(name, report) for name, one in sorted(self.model.reservations.items()) for report in one.said]
        if not told:
            return
        decision, report = told[which % len(told)]
        key = self.name()
        if self.model.reservations[decision].said[report] not in ("accept", "reject", "click"):
            return
        assert isinstance(self.write(withdraw(key, decision, report)), Receipt)
        self.model.say(decision, key, report, self.now)

    @rule(minutes=st.sampled_from([1, 5, 11]))
    def wait(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)

    @rule(most=st.integers(1, 9))
    def expire(self, most: int) -> None:
        due = self.model.due(self.now)
        found = {lease.decision for lease in self.storage.due_leases(self.now, most)}
        assert found <= due
        assert len(found) == min(most, len(due))
        result = self.write(ReleaseLeases(id=self.name(), decisions=tuple(found), until=self.now))
        assert type(result) is (Receipt if found else ConflictError)
        self.model.entries += bool(found)
        for decision in found:
            self.model.reservations[decision].state = "expired"

    @rule(customer=st.sampled_from(CUSTOMERS), other=st.sampled_from(CUSTOMERS))
    def merge(self, customer: str, other: str) -> None:
        result = self.write(merge(self.name(), customer, other))
        assert isinstance(result, Receipt)
        self.model.merge(customer, other)

    @invariant()
    def counts_agree(self) -> None:
        type(self).steps += 1
        for count in self.storage.stocks([(stock, PERIODS[stock]) for stock in LIMITS]):
            assert count.taken <= LIMITS[count.stock]
            assert count.taken == self.model.taken(count.stock)
            assert count.confirmed == self.model.taken(count.stock, "confirmed")
        found = {row.decision: row.state for stock in LIMITS for row in self.storage.reservations(stock)}
        assert found == {name: one.state for name, one in self.model.reservations.items()}

    @invariant()
    def histories_agree(self) -> None:
        for customer in CUSTOMERS:
            person, found = self.model.person(customer), self.storage.contacts(customer, NOON - timedelta(days=1))
            assert found.last == person.newest
            assert sum(contact.what == "shown" for contact in found.contacts) == person.shown

    def teardown(self) -> None:
        with self.storage:
            assert verify_storage(self.storage) == []


class SqliteLimits(LimitsMachine):
    def make(self) -> Storage:
        # In memory: thousands of flushes prove nothing here.
        self.folder = Path(tempfile.mkdtemp(prefix="opportune-limits-", dir=MEMORY if MEMORY.is_dir() else None))
        return SqliteStorage(self.folder / "store.db", clock=lambda: self.now)

    def teardown(self) -> None:
        super().teardown()
        shutil.rmtree(self.folder)

    @rule()
    def verify(self) -> None:
        assert verify_storage(self.storage) == []


class PostgresLimits(LimitsMachine):
    def make(self) -> Storage:
        self.server = need_postgres()
        self.url = self.server.schema()
        storage = open_storage(self.url)
        storage._clock = lambda: self.now
        return storage

    def teardown(self) -> None:
        super().teardown()
        schema = self.url.rpartition("%3D")[2]
        self.server.execute(f"drop schema {schema} cascade")


def _run(machine: type[LimitsMachine], examples: int, steps: int, **more: bool) -> int:
    """Run a machine; give the number of steps."""
    machine.steps = 0
    rules = settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate],
        **more,
    )
    run_state_machine_as_test(machine, settings=rules)
    return machine.steps


@pytest.mark.parametrize(
    ("examples", "steps", "least"), [(5, 25, 0), pytest.param(220, 60, 10_000, marks=pytest.mark.full)]
)
@pytest.mark.parametrize("machine", [SqliteLimits, PostgresLimits])
def test_what_is_counted_agrees_with_a_plain_model(
    machine: type[LimitsMachine], examples: int, steps: int, least: int
) -> None:
    assert _run(machine, examples, steps) >= least


def test_a_store_that_does_not_check_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers, "check_limits", lambda ledger, write: None)

    with pytest.raises(AssertionError):
        _run(SqliteLimits, 50, 30, derandomize=True)
