"""Offers of a rewards app, sent at random in six waves; accepted where completed within their time.

Starbucks Capstone Challenge data, simulated for a course; no licence stated, so they are never bundled.
Facts are the profile and what the customer did before the wave; age 118 is a missing age. Informational offers cannot
be completed and are left out. A completion needs no view: it is no proof of effect.
"""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date

import numpy as np
import polars

from benchmarks.learning.sets.folder import find, predictors_of, table
from benchmarks.learning.stream import Answer, Rounds, Stream, key
from opportune.records import Value, ValueType

__all__ = ["read", "replayed"]

TYPES = {
    "gender": ValueType.TEXT,
    "age": ValueType.NUMBER,
    "income": ValueType.NUMBER,
    "member_days": ValueType.NUMBER,
    "spent": ValueType.NUMBER,
    "purchases": ValueType.NUMBER,
    "spent_per_purchase": ValueType.NUMBER,
    "largest_purchase": ValueType.NUMBER,
    "hours_since_purchase": ValueType.NUMBER,
    "offers_received": ValueType.NUMBER,
    "offers_viewed": ValueType.NUMBER,
    "offers_completed": ValueType.NUMBER,
    "hours_since_start": ValueType.NUMBER,
}
NO_AGE = 118
LAST_DAY = date(2018, 7, 26)
"""The latest day on which a customer of the file became a member; membership is counted from there."""


@dataclass
class Past:
    """What one customer did so far."""

    amounts: list[float] = field(default_factory=list)
    last_purchase: int = 0
    received: int = 0
    viewed: int = 0
    completed: int = 0

    def facts(self, now: int) -> dict[str, Value]:
        """Give what is known at hour `now`; of purchases that never were, nothing."""
        known: dict[str, Value] = {
            "customer.spent": sum(self.amounts),
            "customer.purchases": float(len(self.amounts)),
            "customer.offers_received": float(self.received),
            "customer.offers_viewed": float(self.viewed),
            "customer.offers_completed": float(self.completed),
            "customer.hours_since_start": float(now),
        }
        if self.amounts:
            known["customer.spent_per_purchase"] = sum(self.amounts) / len(self.amounts)
            known["customer.largest_purchase"] = max(self.amounts)
            known["customer.hours_since_purchase"] = float(now - self.last_purchase)
        return known


@dataclass
class Sent:
    """One offer that was sent and may still be completed."""

    facts: dict[str, Value]
    candidate: int
    ends: float
    happened: bool = False


def read() -> Stream:
    """Read every offer sent, in the order of the transcript."""
    offers = _offers()
    candidates = tuple(key(str(offer["offer_type"]), name) for name, offer in offers.items())
    answers = [Answer(sent.facts, sent.candidate, sent.happened) for sent in _sent(offers)]
    return Stream(predictors_of(TYPES), candidates, answers, ordered=True)


def replayed(stream: Stream) -> Rounds:
    """Give the same as rounds: a choice that equals the random log is answered, another is not."""
    rewards = np.full((len(stream.answers), len(stream.candidates)), np.nan, dtype=np.float32)
    rewards[np.arange(len(stream.answers)), stream.shown] = stream.happened
    facts = [answer.facts for answer in stream.answers]
    waves = np.array([round(float(str(known["customer.hours_since_start"]))) for known in facts], dtype=np.intp)
    return Rounds(stream.predictors, stream.candidates, facts, rewards, logged=stream.shown, block=waves)


def _offers() -> dict[str, dict[str, object]]:
    lines = find("starbucks_offers", "portfolio.json").read_text().splitlines()
    offers = (json.loads(line) for line in lines if line.strip())
    return {
        f"{offer['offer_type']} {offer['reward']}/{offer['difficulty']} {offer['duration']:.0f}d": offer
        for offer in sorted(offers, key=lambda offer: offer["id"])
        if offer["offer_type"] != "informational"
    }


def _profiles() -> dict[str, dict[str, Value]]:
    profiles = {}
    for row in table(find("starbucks_offers", "profile.csv.gz")):
        joined = row["became_member_on"]
        day = date(int(joined[:4]), int(joined[4:6]), int(joined[6:]))
        facts: dict[str, Value] = {"customer.member_days": float((LAST_DAY - day).days)}
        if row["gender"]:
            facts["customer.gender"] = row["gender"]
        if row["income"]:
            facts["customer.income"] = float(row["income"])
        if int(row["age"]) != NO_AGE:
            facts["customer.age"] = float(row["age"])
        profiles[row["id"]] = facts
    return profiles


def _sent(offers: dict[str, dict[str, object]]) -> list[Sent]:
    profiles = _profiles()
    place = {str(offer["id"]): number for number, offer in enumerate(offers.values())}
    hours = {str(offer["id"]): 24.0 * float(str(offer["duration"])) for offer in offers.values()}
    pasts: dict[str, Past] = defaultdict(Past)
    running: dict[tuple[str, str], list[Sent]] = defaultdict(list)
    found: list[Sent] = []
    for person, event, time, offer, amount in _events():
        past = pasts[person]
        if event == "transaction":
            past.amounts.append(amount)
            past.last_purchase = time
        elif event == "offer received":
            if offer in place:
                facts = profiles[person] | past.facts(time)
                found.append(Sent(facts, place[offer], time + hours[offer]))
                running[person, offer].append(found[-1])
            past.received += 1
        elif event == "offer viewed":
            past.viewed += 1
        else:
            past.completed += 1
            _complete(running[person, offer], time)
    return found


def _complete(sent: list[Sent], time: int) -> None:
    """Mark the oldest of the same offers that still runs; a completion after the end of all counts for none.

    Whoever completes two of the same offer at once has two equal rows, so that rows which repeat are no mistake.
    """
    for one in sent:
        if not one.happened and time <= one.ends:
            one.happened = True
            return


def _events() -> list[tuple[str, str, int, str, float]]:
    frame = polars.read_parquet(find("starbucks_offers", "transcript.parquet"))
    return frame.select("person", "event", "time", "offer_id", "amount").rows()
