"""Prints one digest over many decisions on the coupon example, for comparison between processes.

Usage: python -m tests.decide.many_decisions COUNT KERNEL [restart]
With "restart" the model is saved after half of its lessons and goes on as a new one that restored the state.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from datetime import timedelta
from hashlib import blake2b
from pathlib import Path
from typing import Any

from opportune.decide import Draws, State, canonical, decide, seed_of
from opportune.learning import from_bytes, to_bytes
from opportune.outcomes import Learner, Lesson, new_model
from opportune.records import Decision, DecisionRequest, PlacementRequest, Sign
from opportune.storage.entries import to_microseconds
from opportune.storage.standing import Report
from opportune.strategy import check, compile_plan, load, registries

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "coupons"
LESSONS = 400


def lesson(sequence: int, decision: Decision, contact: Any, signs: Mapping[str, Sign]) -> Lesson:
    """What the set says of the action that was really offered."""
    sign = signs[contact.outcome]
    report = Report(f"o-{sequence}", contact.action, contact.treatment, contact.outcome, sign, sequence)
    at = to_microseconds(decision.at)
    return Lesson(sequence, decision.id, at, "", decision.facts, contact.channel, (), report, (report,))


def digest_of_decisions(count: int, kernel: str, restarts: bool) -> str:
    """Learn a little, then decide `count` times with fixed ids and moments."""
    sys.path.insert(0, str(EXAMPLE))
    import data_mapping

    project = load(EXAMPLE)
    plan, read = compile_plan(check(project)), registries(project)
    contacts = list(data_mapping.rows())
    model = new_model(plan, kernel)
    learner = Learner(plan, model)
    digest = blake2b(digest_size=16)
    for number in range(count):
        contact = contacts[number % len(contacts)]
        profile, _ = read.customer.read(contact.attributes)
        asked = DecisionRequest(
            id=f"r-{number}",
            channel=contact.channel,
            placements=(PlacementRequest(name=contact.placement),),
            context=contact.context,
        )
        state = State(model=model, position=learner.position, person=contact.customer, profile=profile)
        moment = contact.at + timedelta(days=number // len(contacts))
        decision = decide(plan, state, asked, moment, Draws(seed_of(plan, state, asked)))
        digest.update(canonical(decision))
        if number < LESSONS:
            learner.learn(lesson(number + 1, decision, contact, plan.channels[contact.channel].outcomes))
        if restarts and number == LESSONS // 2:
            saved = to_bytes(model.snapshot())
            model = new_model(plan, kernel)
            model.restore(from_bytes(saved))
            learner = Learner(plan, model, learner.position)
    return digest.hexdigest()


if __name__ == "__main__":
    print(digest_of_decisions(int(sys.argv[1]), sys.argv[2], "restart" in sys.argv))
