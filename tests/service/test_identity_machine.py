"""Decisions, outcomes, events, consents, merges, splits and households in any order, against a plain model.

The model keeps per identifier what came under it and which merges stand; whoever these link is one person. After every
step the service has to agree: features are those of all who are one, caps are single, the last word counts, and in the
end nothing is lost, nothing counted twice, and the journal proves itself.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from opportune.service import Settings
from opportune.service.revisions import Strategy, strategy_from_files
from opportune.storage import Kind, SqliteStorage, Storage, open_storage, verify_storage
from tests.postgres import need_postgres

from .shop import Service, files, serving

COFFEES, WINES = 3, 4
NAMES = {"customer": 6, "email": 4, "cookie": 5}
TRUST = ("customer", "email", "cookie")
"""The most trusted first; an email is only claimed."""


def strategy() -> Strategy:
    texts = files(
        identifiers="email: {normalize: email, trust: claimed}\ncookie: {trust: anonymous}\n",
        levels="household: {attributes: {size: {type: integer}}}\n",
        consents="news: {basis: consent, kinds: [service]}\n",
        features=(
            "calls: {count: call_ended, within: {days: 30}}\n"
            "minutes: {sum: call_ended.minutes, within: {days: 30}}\n"
            "accepts: {count: accept, over: contacts, within: {days: 30}}\n"
        ),
        contact_policies=(
            f"coffees: {{at_most: {COFFEES}, within: {{days: 30}}, actions: [coffee]}}\n"
            f"wines: {{at_most: {WINES}, within: {{days: 30}}, over: household, actions: [wine]}}\n"
        ),
    )
    for action in ("coffee", "wine"):
        path = f"actions/drinks/{action}.yaml"
        texts[path] = "\n".join(line for line in texts[path].splitlines() if not line.startswith("eligibility")) + "\n"
    texts["project.yaml"] += "\nlearning: {person_answers: 0, person_chance: 0}\n"
    return strategy_from_files(texts)[0]


Name = tuple[str, str]


@dataclass
class Atom:
    """What came under one identifier."""

    calls: list[int] = field(default_factory=list)
    shown: Counter[str] = field(default_factory=Counter)
    accepts: int = 0
    consent: tuple[int, bool] | None = None
    unit: tuple[int, str | None] | None = None


class Model:
    """The plain model."""

    def __init__(self) -> None:
        self.atoms: dict[Name, Atom] = {}
        self.links: dict[int, tuple[Name, Name]] = {}
        """Entries of merges that stand."""
        self.decisions: dict[str, Name | None] = {}

    def one(self, name: Name) -> list[Name]:
        """All identifiers that lead to the same person."""
        found = [name]
        for one in found:
            for link in self.links.values():
                if one in link:
                    found += [other for other in link if other not in found]
        return found

    def of(self, name: Name) -> list[Atom]:
        return [self.atoms[one] for one in self.one(name)]

    def unit(self, name: Name) -> str | None:
        return max((atom.unit for atom in self.of(name) if atom.unit), default=(0, None), key=lambda said: said[0])[1]

    def household(self, name: Name) -> list[Atom]:
        """All who are in one household with somebody, or the person alone."""
        unit = self.unit(name)
        return self.of(name) if unit is None else [self.atoms[one] for one in self.atoms if self.unit(one) == unit]

    def who(self, names: list[Name]) -> Name | None:
        """Whose data decide: see docs/concepts/identity.md."""
        ranked = sorted(names, key=lambda name: TRUST.index(name[0]))
        known = [name for name in ranked if name in self.atoms]
        opened = [self.one(name) for name in known if name[0] != "email"]
        strangers = {kind for kind, _ in ranked if kind == "customer"} - {kind for kind, _ in known}
        for name in known:
            kinds = {kind for kind, _ in self.one(name)}
            claimed = name[0] == "email" and "customer" in kinds and not any(name in union for union in opened)
            if not claimed and not strangers & kinds:
                return name
        unknown = [name for name in ranked if name not in self.atoms]
        return unknown[0] if unknown else None

    def guarded(self, names: list[Name]) -> Name | None:
        """Whose protections hold although nothing proves that it is them, and whose contact it is then."""
        who = self.who(names)
        if who is not None and (who in self.atoms or who[0] == "customer"):
            return None
        # Nobody else is led to, so that nobody opens it.
        claimed = [name for name in names if name[0] == "email" and name in self.atoms]
        return next((name for name in claimed if "customer" in {kind for kind, _ in self.one(name)}), None)


class Machine:
    """Takes random steps and compares."""

    def __init__(self, service: Service, seed: int) -> None:
        self.service, self.draw, self.model = service, random.Random(seed), Model()
        self.step = self.answered = 0
        self.open: list[tuple[str, str]] = []
        self.done: Counter[str] = Counter()

    def run(self, steps: int) -> None:
        chances = {
            self.decide: 40, self.happen: 20, self.answer: 15, self.merge: 8, self.split: 7, self.join: 5, self.say: 5
        }  # fmt: skip
        for take in self.draw.choices(list(chances), list(chances.values()), k=steps):
            self.step += 1
            take()
            self.done[take.__name__] += 1

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        # A busy machine is no reason to fall back.
        response = self.service.call(method, path, body, opportune_deadline_ms="30000")
        assert response.status_code == 200, (method, path, body, response.text)
        return response.json()

    def name(self) -> Name:
        kind = self.draw.choice(list(NAMES))
        number = self.draw.randrange(NAMES[kind])
        return kind, f"{number}@example.com" if kind == "email" else f"{kind[0]}-{number}"

    def known(self) -> Name | None:
        return self.draw.choice(sorted(self.model.atoms)) if self.model.atoms else None

    def path(self, name: Name) -> str:
        return name[1] if name[0] == "customer" else f"{name[0]}:{name[1]}"

    def decide(self) -> None:
        names = list(dict([self.name() for _ in range(self.draw.choice((1, 1, 2, 3)))]).items())
        guarded = self.model.guarded(names)
        who = guarded or self.model.who(names)
        body = {"id": f"r{self.step}", "channel": "till", "placements": [{"name": "receipt"}]}
        answer = self.ask("POST", "/v1/decisions", {**body, "identifiers": dict(names)})
        assert answer["degraded"] is None
        shown = [one["action"] for slot in answer["placements"] for one in slot["actions"]]
        if who is not None:
            atom = self.model.atoms.setdefault(who, Atom())
            if guarded is None:
                self.compare(answer, who)
            self.cap(who, shown)
            atom.shown.update(shown)
        self.model.decisions[answer["id"]] = who
        self.open += [(answer["id"], action) for action in shown]

    def compare(self, answer: dict[str, Any], who: Name) -> None:
        """Features are those of all who are one."""
        stored = self.service.runtime.storage.decision(answer["id"])
        assert stored is not None
        union, facts = self.model.of(who), stored.decision.facts
        assert facts.get("feature.calls", 0) == sum(len(atom.calls) for atom in union), (self.step, who)
        assert facts.get("feature.minutes", 0) == sum(sum(atom.calls) for atom in union)
        assert facts.get("feature.accepts", 0) == sum(atom.accepts for atom in union)

    def cap(self, who: Name, shown: list[str]) -> None:
        """Caps are single."""
        union = self.model.of(who)
        coffees = sum(atom.shown["coffee"] for atom in union)
        wines = sum(atom.shown["wine"] for atom in self.model.household(who))
        assert "coffee" not in shown or coffees < COFFEES, (self.step, who)
        assert "wine" not in shown or wines < WINES, (self.step, who)
        self.done["capped"] += coffees >= COFFEES
        self.done["household capped"] += wines >= WINES and self.model.unit(who) is not None

    def happen(self) -> None:
        name, minutes = self.name(), self.draw.randrange(1, 60)
        body = {"id": f"e{self.step}", "type": "call_ended", "attributes": {"minutes": float(minutes)}}
        self.ask("POST", "/v1/events", {**body, "identifiers": dict([name])})
        self.model.atoms.setdefault(name, Atom()).calls.append(minutes)

    def answer(self) -> None:
        if not self.open:
            return
        decision, action = self.open.pop(self.draw.randrange(len(self.open)))
        outcome = self.draw.choice(("accept", "reject"))
        body = {"id": f"o{self.step}", "decision": decision, "action": action, "outcome": outcome}
        self.ask("POST", "/v1/outcomes", body)
        self.answered += 1
        who = self.model.decisions[decision]
        if who is not None and outcome == "accept":
            self.model.atoms[who].accepts += 1

    def merge(self) -> None:
        one, other = self.known(), self.name()
        if one is None or one == other:
            return
        body = {"id": f"m{self.step}", "other": self.path(other), "author": "test", "reason": str(self.step)}
        answer = self.ask("POST", f"/v1/customers/{self.path(one)}/merge", body)
        self.model.atoms.setdefault(other, Atom())
        assert answer["status"] == ("repeated" if other in self.model.one(one) else "recorded")
        merges = self.ask("GET", f"/v1/customers/{self.path(one)}/merges")["merges"]
        entry = next(line["entry"] for line in merges if line["reason"] == str(self.step))
        self.model.links[entry] = (one, other)

    def split(self) -> None:
        if not self.model.links:
            return
        entry = self.draw.choice(sorted(self.model.links))
        one = self.draw.choice(self.model.links[entry])
        self.ask("POST", f"/v1/customers/{self.path(one)}/split", {"id": f"s{self.step}", "merge": entry})
        del self.model.links[entry]

    def join(self) -> None:
        name = self.known()
        if name is not None:
            unit = self.draw.choice(("h-1", "h-2", None))
            body = {"id": f"j{self.step}", "level": "household", "unit": unit}
            self.ask("PUT", f"/v1/customers/{self.path(name)}/units", body)
            self.model.atoms[name].unit = self.step, unit
            units = self.ask("GET", f"/v1/customers/{self.path(name)}/units")["units"]
            assert [one["unit"] for one in units] == [one for one in [self.model.unit(name)] if one]

    def say(self) -> None:
        name = self.known()
        if name is not None:
            given = self.draw.random() < 0.5
            path = f"/v1/customers/{self.path(name)}/consents"
            self.ask("PUT", path, {"purpose": "news", "given": given})
            self.model.atoms[name].consent = self.step, given
            said = self.service.runtime.storage.consents(name[1], name[0])
            last = max(atom.consent for atom in self.model.of(name) if atom.consent)
            assert [consent.given for consent in said] == [last[1]]

    def conserve(self) -> None:
        """Everything is there, once, with the person whom it belongs to; every answer taught."""
        storage, seen = self.service.runtime.storage, 0
        unions = {min(self.model.one(name)): self.model.one(name) for name in self.model.atoms}
        for name, union in unions.items():
            found = storage.history(name[1], name[0], limit=100_000)
            events = sum(entry.kind is Kind.EVENT for entry in found)
            assert events == sum(len(self.model.atoms[one].calls) for one in union)
            seen += events
            assert storage.identifiers(name[1], name[0]) == sorted(union)
        assert seen == sum(len(atom.calls) for atom in self.model.atoms.values()) == storage.counts().events
        assert len(list(storage.people())) - 2 <= len(unions) <= len(list(storage.people()))
        for _ in range(200):
            if self.service.runtime.learning().lag == 0:
                break
            self.service.wait(0.02)
        assert self.service.runtime.learning().learned == self.answered
        assert list(verify_storage(storage)) == []


@contextmanager
def _store(kind: str, folder: Path) -> Iterator[Storage]:
    yield SqliteStorage(folder / "shop.db") if kind == "sqlite" else open_storage(need_postgres().database())


def _walk(kind: str, folder: Path, steps: int, seed: int) -> Counter[str]:
    with _store(kind, folder) as store, serving(store, Settings(kernel="numpy"), strategy()) as service:
        machine = Machine(service, seed)
        machine.run(steps)
        machine.conserve()
        return machine.done


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_any_order_of_steps_agrees_with_the_model(tmp_path: Path, kind: str) -> None:
    done = _walk(kind, tmp_path, 350, 1)
    assert done["capped"] > 5
    assert done["household capped"] > 2


@pytest.mark.full
@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_ten_thousand_steps_agree_with_the_model(tmp_path: Path, kind: str, seed: int) -> None:
    done = _walk(kind, tmp_path, 1_050, seed)
    print(dict(done))
    assert min(done.values()) > 20


def test_a_model_that_forgets_merges_is_caught(tmp_path: Path) -> None:
    """The control: the same steps fail against a model in which nobody is one with anybody."""
    with serving(tmp_path / "shop.db", Settings(kernel="numpy"), strategy()) as service:
        machine = Machine(service, 1)
        machine.model.one = lambda name: [name]  # type: ignore[method-assign]
        with pytest.raises(AssertionError):
            machine.run(350)
