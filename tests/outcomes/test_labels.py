"""What one outcome teaches."""

import pytest

from opportune.outcomes import Report, answers, happened
from opportune.records import Sign

SIGNS = {
    "seen": Sign.NEUTRAL,
    "click": Sign.POSITIVE,
    "buy": Sign.POSITIVE,
    "reject": Sign.NEGATIVE,
    "silence": Sign.NEGATIVE,
}
HEADS = ("click", "buy", "reject")


@pytest.mark.parametrize(
    ("earlier", "outcome", "taught"),
    [
        ([], "seen", {}),
        ([], "click", {"click": True, "reject": False}),
        (["click"], "buy", {"buy": True}),
        ([], "reject", {"click": False, "buy": False, "reject": True}),
        ([], "silence", {"click": False, "buy": False, "reject": False}),
        (["click"], "silence", {"buy": False}),
        (["click", "silence"], "buy", {}),
        (["seen"], "click", {"click": True, "reject": False}),
        ([], "never_heard_of", {}),
    ],
)
def test_an_outcome_answers_each_head_once(earlier, outcome, taught):
    before = answers(HEADS, SIGNS, earlier)
    after = answers(HEADS, SIGNS, [*earlier, outcome])

    assert {HEADS[head]: happened for head, happened in after.items() if head not in before} == taught
    assert before.items() <= after.items()


def test_what_a_channel_does_not_report_is_not_answered_there():
    assert answers((*HEADS, "visit"), SIGNS, ["silence"]) == {0: False, 1: False, 2: False}


@pytest.mark.parametrize(
    ("outcomes", "named"),
    [
        (["seen"], {"seen"}),
        (["buy"], {"click", "buy"}),
        (["click", "silence"], {"click"}),
        (["silence"], {"silence"}),
        (["seen", "silence"], {"seen", "silence"}),
        (["silence", "reject"], {"reject"}),
        (["click", "reject"], {"click", "reject"}),
    ],
)
def test_what_happened_is_all_that_was_said_and_what_came_before_it(outcomes, named):
    reports = [
        Report(f"o-{n}", "card", "main", outcome, SIGNS[outcome], n, expiry=outcome == "silence")
        for n, outcome in enumerate(outcomes)
    ]

    assert happened(reports, {"buy": "click"}) == {("card", "main"): named}
