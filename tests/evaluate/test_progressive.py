"""Progressive validation and its pictures."""

from xml.etree import ElementTree

import numpy as np
import pytest

from opportune.evaluate import progress, report
from opportune.evaluate.pictures import Line, chart
from opportune.outcomes import Learner, Lesson, new_model
from opportune.records import Sign
from opportune.storage.standing import Report
from tests.worlds import Item, World


def stream(count):
    """Answers that depend on age alone: the old say yes."""
    rng = np.random.default_rng(3)
    for number in range(1, count + 1):
        age = int(rng.integers(18, 90))
        outcome = "accept" if rng.random() < (0.9 if age > 50 else 0.1) else "reject"
        action = "ab"[int(rng.integers(2))]
        sign = Sign.POSITIVE if outcome == "accept" else Sign.NEGATIVE
        report = Report(f"o-{number}", action, "card", outcome, sign, number)
        yield Lesson(number, f"d-{number}", number, "", {"customer.age": age}, "desk", (), report, (report,))


def judged(count):
    plan = World([Item("a"), Item("b")]).plan()
    return report(progress(Learner(plan, new_model(plan, "numpy")), stream(count)))


def test_a_model_that_sees_the_cause_beats_its_baselines():
    figures = judged(1500)

    assert figures.answers == 1500
    assert figures.auc_pooled > 0.75
    assert figures.auc_within > 0.75
    assert figures.log_loss < figures.log_loss_base_rate - 0.1


def test_the_same_journal_gives_the_same_figures():
    assert judged(300) == judged(300)


def test_an_answer_that_took_the_place_of_silence_counts_once_as_it_turned_out():
    learner = Learner(plan := World([Item("a")]).plan(), new_model(plan, "numpy"))
    silence = Report("s", "a", "card", "reject", Sign.NEGATIVE, 1, expiry=True)
    other = Report("n", "a", "card", "reject", Sign.NEGATIVE, 2)
    late = Report("y", "a", "card", "accept", Sign.POSITIVE, 3)
    facts = {"customer.age": 40}
    lessons = [
        Lesson(1, "d-1", 1, "", facts, "desk", (), silence, (silence,)),
        Lesson(2, "d-2", 2, "", facts, "desk", (), other, (other,)),
        Lesson(3, "d-1", 1, "", facts, "desk", (silence,), late, (silence, late)),
    ]

    trail = progress(learner, lessons)

    assert trail.happened.tolist() == [True, False]
    assert trail.predicted[0] == pytest.approx(0.2)
    assert trail.predicted[1] < 0.2
    assert trail.actions == ("a", "a")


def test_a_chart_is_well_formed_and_says_what_it_shows():
    picture = chart("Title <1>", "What it says", "x", "y", [Line("a & b", [(0, 1), (1, 2)], dots=True)])

    root = ElementTree.fromstring(picture)

    assert root.attrib["role"] == "img"
    assert "What it says" in picture
    assert "a &amp; b" in picture
