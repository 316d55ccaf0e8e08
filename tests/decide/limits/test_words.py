"""What explanations say of limits, word by word."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest

from opportune.decide import Draws, Standing, State, attempt_of, decide, explain, fallback, holds_of
from opportune.decide.fallback import Reason, standing_answers
from opportune.decide.limits.limits import Apart, AtMost, Limits, Quiet, Rest, Scope
from opportune.decide.limits.windows import Length, micros
from opportune.records import Contact
from tests.worlds import NOON, Item, World, model_of, replace, request

SCOPE = Scope(np.ones(2, dtype=bool), frozenset({"card", "loan"}), {"things": 2}, None, True)
WEEK = Length(7)


def plan_with(*policies):
    plan = World([Item("card"), Item("loan", value=2.0)], fallback=["loan"]).plan()
    actions = {name: (slice(n, n + 1), "things", "offer") for n, name in enumerate(("card", "loan"))}
    return replace(plan, limits=Limits("UTC", policies, {}, actions, {"things": slice(0, 2)}, {}, 2, 1))


def ago(what, **length):
    return Contact(micros(NOON - timedelta(**length)), what, "loan", "card", "desk", "main", "d")


def why(plan, standing):
    holds = holds_of(plan, standing, {"zone": "Europe/Warsaw"}, NOON)
    decision = decide(plan, State(model_of(plan), 0, holds=holds), request(zone="Europe/Warsaw"), NOON, Draws("x"))
    found = {one.action: one for one in explain(plan, decision).placements[0].candidates}
    return found["loan"].stage, found["loan"].reason


@pytest.mark.parametrize(
    ("policy", "history", "words"),
    [
        (
            Rest("calm", SCOPE, "seen", 3, WEEK, "accept", Length(10), "action"),
            [ago("seen", days=5), ago("seen", days=4), ago("seen", days=1)],
            "calm: action loan rested until 13 May 2026, 14:00 after seen 3 times since 29 April 2026, 14:00",
        ),
        (
            Rest("no", SCOPE, "reject", 1, None, None, Length(90), "group", "Refused lately"),
            [ago("reject", days=1)],
            "Refused lately (no: group things rested until 1 August 2026, 14:00 after reject 3 May 2026, 14:00)",
        ),
        (
            AtMost("week", SCOPE, 2, WEEK, frozenset({"shown"}), "person"),
            [ago("shown", days=6), ago("shown", hours=3)],
            "week: 2 of 2 in 7 days; again from 5 May 2026, 14:00",
        ),
        (
            AtMost("each", SCOPE, 1, Length(1, 7_200), frozenset({"shown"}), "action"),
            [ago("shown", hours=3)],
            "each: 1 of 1 for action loan in 1 day 2 hours; again from 5 May 2026, 13:00",
        ),
        (Quiet("noon", SCOPE, 720, 900, frozenset(range(7))), [], "noon: quiet hours until 4 May 2026, 15:00"),
        (
            Apart("breath", SCOPE, Length(0, 14_400)),
            [ago("shown", hours=1)],
            "breath: last contact 4 May 2026, 13:00, at least 4 hours apart; again from 4 May 2026, 17:00",
        ),
    ],
)
def test_a_refusal_names_limit_counter_window_and_end(policy, history, words):
    assert why(plan_with(policy), Standing(history)) == ("limited", words)


def test_a_switch_is_named_and_holds_for_fallbacks_too():
    plan, off = plan_with(), frozenset({"action:loan"})

    assert why(plan, Standing(switched_off=off)) == ("limited", "action loan was switched off for all")
    answer = fallback(plan, request(), {"zone": "UTC"}, NOON, Reason.STORE_SLOW, off)
    assert answer.placements[0].actions == ()
    assert explain(plan, answer).placements[0].candidates[1].reason == "action loan was switched off for all"
    assert standing_answers(plan, NOON)["desk"][0].actions
    assert not standing_answers(plan, NOON, off)["desk"][0].actions


def test_fallbacks_keep_quiet_hours():
    plan = plan_with(Quiet("noon", SCOPE, 720, 900, frozenset(range(7))))

    assert fallback(plan, request(), {"zone": "Europe/Warsaw"}, NOON, Reason.STORE_SLOW).placements[0].actions == ()
    assert fallback(plan, request(), {"zone": "Asia/Tokyo"}, NOON, Reason.STORE_SLOW).placements[0].actions
    assert not standing_answers(plan, NOON)["desk"][0].actions


def test_a_second_attempt_draws_anew_and_keeps_the_first():
    plan = plan_with()
    first = decide(plan, State(model_of(plan), 0), request(), NOON, Draws("x"))

    lost = attempt_of(first, "pens", "loan")
    second = decide(plan, State(model_of(plan), 0), request(), NOON, Draws("x"), redrawn=(lost,))

    assert second.redrawn == (lost,)
    assert lost.chosen == tuple(trace.chosen for trace in first.traces)
    assert lost.chances == tuple(tuple(one.selection_probability for one in p.actions) for p in first.placements)
    assert first.traces[0].uniforms != second.traces[0].uniforms
