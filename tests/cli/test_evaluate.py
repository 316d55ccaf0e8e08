"""`opportune evaluate`: another strategy judged from a store."""

import pytest

from tests.evaluate.off_policy.recorded import exploring, record
from tests.service.shop import files


@pytest.fixture(scope="module")
def log(tmp_path_factory):
    path = tmp_path_factory.mktemp("evaluate") / "shop.db"
    record(path, exploring(), 800)
    return path


@pytest.fixture(scope="module")
def segmented(tmp_path_factory):
    path = tmp_path_factory.mktemp("segments") / "shop.db"
    record(
        path, exploring(segments="young: customer.age < 45\nold: customer.age >= 45\nnobody: customer.age > 110\n"), 500
    )
    return path


def test_every_segment_has_its_figures(run, segmented):
    ended = run("evaluate", "--store", segmented, "--json")

    parts = {part["segment"]: part for part in ended.json["parts"]}
    assert list(parts) == [None, "young", "old", "nobody"]
    assert parts["young"]["choices"] + parts["old"]["choices"] == 500
    assert parts["nobody"]["rewards"]["accept"]["verdict"] == "refused"
    assert parts["young"]["rewards"]["accept"]["verdict"] == "told"


def test_a_segment_of_nobody_has_no_figures(run, segmented):
    ended = run("evaluate", "--store", segmented)

    assert "\nSegment nobody, 0 choices\n" in ended.out
    assert "nan" not in ended.out


def test_one_segment_can_be_judged_alone(run, segmented):
    ended = run("evaluate", "--store", segmented, "--segment", "young")

    assert ended.code == 0
    assert "Segment young" in ended.out
    assert "All customers" not in ended.out


def folder(place, **changed):
    for path, text in files(**changed).items():
        (place / path).parent.mkdir(parents=True, exist_ok=True)
        (place / path).write_text(text)
    return place


def test_the_strategy_in_use_earns_what_was_earned(run, log):
    ended = run("evaluate", "--store", log, "--json")

    whole = ended.json["parts"][0]
    accept = whole["rewards"]["accept"]
    assert ended.code == 0
    assert ended.json["decisions"] == 800
    assert accept["verdict"] == "told"
    assert accept["estimates"]["ips"]["value"] == pytest.approx(accept["observed"]["value"], rel=1e-5)
    assert accept["gain"]["value"] == pytest.approx(0, abs=1e-6)


def test_served_decisions_are_judged_with_the_model_as_it_was(run, store):
    ended = run("evaluate", "--store", store, "--json", "--kernel", "numpy")

    accept = ended.json["parts"][0]["rewards"]["accept"]
    assert accept["overlap"]["mean_weight"] == pytest.approx(1, abs=1e-4)
    assert accept["overlap"]["unused"] == 0


def test_another_weight_or_model_or_folder_can_be_judged(run, log, tmp_path):
    other = folder(tmp_path / "other", goals="profit: {unit: EUR, currency: EUR, weight: 2}\n")

    for options in (("--weight", "profit=3"), ("--model", "bayes"), ("--strategy", other), ("--strategy", "1")):
        ended = run("evaluate", "--store", log, *options)

        assert ended.code in (0, 1), ended.err
        assert "decisions decided again" in ended.out


def test_the_table_says_in_words_what_can_be_said(run, log):
    ended = run("evaluate", "--store", log)

    assert ended.code == 0
    assert "800 decisions decided again" in ended.out
    assert "doubly robust" in ended.out
    assert "both choose alike" in ended.out


def test_too_few_decisions_give_no_number(run, log):
    ended = run("evaluate", "--store", log, "--to", "2026-05-04T08:30:00Z")

    assert ended.code == 1
    assert "accept: no number, since only 30 choices; at least 100 are needed." in ended.out


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--strategy", "7"), "the store has no revision 7"),
        (("--strategy", "nowhere"), "expected the folder of a strategy"),
        (("--model", "byes"), "did you mean 'bayes'?"),
        (("--model", "onnx"), "kind 'onnx' needs settings; describe such a model in models.yaml"),
        (("--model", "python"), "kind 'python' needs settings"),
        (("--model", "?"), "known: main, bayes, evidence, joint, mixture, naive_bayes, pairs, trees, vowpal_wabbit"),
        (("--weight", "profits=2"), "did you mean 'profit'?"),
        (("--weight", "profit=much"), "expected a goal, '=' and a number"),
        (("--weight", "profit=-1"), "at least 0"),
        (("--segment", "young"), "the strategy has no such segment"),
        (("--from", "yesterday"), "--from: expected a date or a moment"),
        (
            ("--from", "2031-01-01"),
            "--from: no decision was made then; the journal has those of 2026-05-04 08:00:00 to",
        ),
        (("--to", "2020-01-01"), "--to: no decision was made then; the journal has those of 2026-05-04 08:00:00 to"),
        (("--from", "2026-05-05", "--to", "2026-05-04"), "--from: expected a moment before that of --to"),
        (("--kernel", "cuda"), "--kernel: expected auto, numpy or numba"),
    ],
)
def test_wrong_use_is_told_in_words(run, log, options, message):
    ended = run("evaluate", "--store", log, *options)

    assert ended.code in (1, 2)
    assert message in ended.err
    assert ended.out == ""
