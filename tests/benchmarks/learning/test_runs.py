"""Who meets which answer when: orders, delays, replays, late actions."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from benchmarks.learning.contenders.base import Chooser, Scorer
from benchmarks.learning.late import introduced_late, young_actions
from benchmarks.learning.runs import choose, order_of, predict
from benchmarks.learning.stream import Answer, Rounds, Stream, content_digest, key
from benchmarks.learning.tasks import TASKS, Choosing
from opportune.records import Facts

CANDIDATES = (key("g", "a"), key("g", "b"), key("h", "c"))


def stream_of(*candidates: int, ordered: bool = False) -> Stream:
    answers = [Answer({"customer.row": float(row)}, c, row % 2 == 0) for row, c in enumerate(candidates)]
    return Stream((), CANDIDATES, answers, ordered=ordered)


def rounds_of(size: int, logged: list[int] | None = None) -> Rounds:
    facts: list[Facts] = [{"customer.row": float(row)} for row in range(size)]
    rewards = np.tile(np.array([0.0, 1.0, 0.5], dtype=np.float32), (size, 1))
    return Rounds((), CANDIDATES, facts, rewards, None if logged is None else np.array(logged))


class Diary(Scorer, Chooser):
    """Notes what it was asked and taught; always chooses the second candidate."""

    def __init__(self) -> None:
        self.notes: list[tuple[str, float]] = []

    def predict(self, facts: Facts, candidate: int) -> float:
        self.notes.append(("asked", float(str(facts["customer.row"]))))
        return 0.5

    def choose(self, facts: Facts, u: float) -> tuple[int, float]:
        self.notes.append(("asked", float(str(facts["customer.row"]))))
        return 1, 0.25

    def learn(self, facts: Facts, *answer: object) -> None:
        self.notes.append(("taught", float(str(facts["customer.row"]))))


def play(delay: int = 0) -> Callable[..., dict[str, list[object]]]:
    return partial(choose, task=Choosing("x", "", "", lambda: rounds_of(1), delay=delay), seed=0)


def test_every_answer_is_predicted_before_it_is_learned() -> None:
    diary = Diary()

    predict(diary, stream_of(0, 1).answers)

    assert diary.notes == [("asked", 0), ("taught", 0), ("asked", 1), ("taught", 1)]


def test_a_delayed_answer_is_learned_so_many_rounds_later() -> None:
    diary = Diary()

    play(delay=2)(diary, data=rounds_of(4))

    assert [note for note in diary.notes if note[0] == "taught"] == [("taught", 0), ("taught", 1)]
    assert diary.notes.index(("taught", 0)) > diary.notes.index(("asked", 2))


def test_the_worth_of_a_choice_is_its_chance_of_acceptance() -> None:
    assert play()(Diary(), data=rounds_of(3)) == {"rounds": [0, 1, 2], "worth": [1.0, 1.0, 1.0]}


def test_in_a_replay_only_choices_that_equal_the_log_count_and_teach() -> None:
    diary = Diary()

    result = play()(diary, data=rounds_of(4, logged=[0, 1, 2, 1]))

    assert result["rounds"] == [1, 3]
    assert [row for what, row in diary.notes if what == "taught"] == [1, 3]


def test_the_first_seed_keeps_the_order_of_the_file_and_others_shuffle_what_may_be_shuffled() -> None:
    free, fixed = stream_of(*[0] * 50), stream_of(*[0] * 50, ordered=True)

    assert order_of(free, 0).tolist() == list(range(50))
    assert order_of(free, 1).tolist() != list(range(50))
    assert sorted(order_of(free, 1).tolist()) == list(range(50))
    assert order_of(fixed, 1).tolist() == list(range(50))


def test_rounds_are_shuffled_within_their_blocks_alone() -> None:
    rounds = rounds_of(6)
    blocked = Rounds((), CANDIDATES, rounds.facts, rounds.rewards, block=np.array([0, 0, 0, 1, 1, 1]))

    order = order_of(blocked, 2).tolist()

    assert sorted(order[:3]) == [0, 1, 2]
    assert sorted(order[3:]) == [3, 4, 5]


def test_more_rounds_than_data_go_over_the_data_again() -> None:
    assert np.bincount(order_of(rounds_of(4), 1, rounds=10)).sum() == 10
    assert sorted(order_of(rounds_of(4), 1, rounds=10)[:8].tolist()) == sorted([*range(4)] * 2)


def test_late_actions_have_no_answers_before_their_time_and_their_first_are_counted() -> None:
    stream = introduced_late(stream_of(1, 0, 1, 0, 1, 1, 2, 1), counted=2)

    assert stream.shown.tolist() == [0, 0, 1, 1, 2, 1]
    assert stream.counted is not None
    assert stream.counted.tolist() == [False, False, True, True, False, False]


def test_of_young_actions_all_but_the_first_of_a_group_are_counted() -> None:
    counted = young_actions(stream_of(0, 1, 2, 1, 1), counted=2).counted

    assert counted is not None
    assert counted.tolist() == [False, True, False, True, False]


def test_other_answers_have_another_digest() -> None:
    assert content_digest(stream_of(0, 1)) == content_digest(stream_of(0, 1))
    assert content_digest(stream_of(0, 1)) != content_digest(stream_of(1, 0))


def test_tasks_are_named_after_their_sets() -> None:
    assert {task.set for task in TASKS.values()} == {"bank", "coupon", "telco", "starbucks", "journey", "optdigits"}
