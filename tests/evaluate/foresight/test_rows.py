"""The funnel of another engine's rows: a small sample by hand, a real one with its published counts."""

from __future__ import annotations

import time

import polars as pl
import pytest

from opportune.errors import InputError
from opportune.evaluate.foresight.funnel import StageFall
from opportune.evaluate.foresight.rows import funnel_of_rows, read_row_mapping

MAPPING = {
    "decision": "call",
    "customer": "who",
    "action": "offer",
    "stage": "step",
    "order": "number",
    "component": "rule",
    "returned": {"column": "kind", "is": ["shown"]},
    "names": {"s1": "Eligibility"},
}
ROWS = [
    # call, who, offer, step, number, rule, kind
    ("d1", "c1", "card", "s1", 10, "age", "dropped"),
    ("d1", "c1", "loan", "s2", 20, "rest", "dropped"),
    ("d1", "c1", "gift", "end", 90, "end", "shown"),
    ("d2", "c2", "card", "s1", 10, "age", "dropped"),
    ("d2", "c2", "loan", "s1", 10, "city", "dropped"),
    ("d2", "c2", "gift", "s2", 20, "rest", "dropped"),
    ("d3", "c2", "card", "s1", 10, "age", "dropped"),
]
COLUMNS = ("call", "who", "offer", "step", "number", "rule", "kind")


@pytest.fixture(params=["parquet", "csv", "jsonl"])
def sample(request, tmp_path):
    path = tmp_path / f"rows.{request.param}"
    table = pl.DataFrame(ROWS, schema=COLUMNS, orient="row")
    {"parquet": table.write_parquet, "csv": table.write_csv, "jsonl": table.write_ndjson}[request.param](path)
    return path


def test_rows_are_counted_whatever_the_format(sample):
    funnel = funnel_of_rows(sample, read_row_mapping(MAPPING))

    assert (funnel.contacts, funnel.persons, funnel.candidates, funnel.returned, funnel.empty) == (3, 2, 7, 1, 2)
    assert funnel.stages == (
        StageFall(stage="Eligibility", dropped=4, left=3),
        StageFall(stage="s2", dropped=2, left=1),
    )
    assert [(one.policy.owner, one.policy.stage, one.dropped) for one in funnel.policies] == [
        ("component:age", "Eligibility", 3),
        ("component:rest", "s2", 2),
        ("component:city", "Eligibility", 1),
    ]
    assert funnel.furthest == (("Eligibility", 1), ("s2", 1))
    assert [(one.action, one.candidates, one.shown, one.most_dropped) for one in funnel.actions] == [
        ("card", 3, 0, 3),
        ("gift", 2, 1, 1),
        ("loan", 2, 0, 1),
    ]
    assert {one.subject for one in funnel.conflicts} == {"action:card", "action:loan"}


@pytest.mark.parametrize("named", [MAPPING.keys(), MAPPING.keys() - {"order"}])
def test_stages_that_are_alike_stay_apart_and_what_was_shown_was_not_dropped(named, tmp_path):
    fallen = [(f"d{n}", "c", "card", "zest", 0, "", "dropped") for n in (1, 2, 3)]
    fallen += [("d4", "c", "card", "low", 0, "", "dropped"), ("d5", "c", "card", "mid", 0, "", "dropped")]
    shown = [(f"d{n}", "c", "gift", "mid", 0, "", "shown") for n in range(6, 16)]
    pl.DataFrame([*fallen, *shown], schema=COLUMNS, orient="row").write_csv(tmp_path / "rows.csv")

    funnel = funnel_of_rows(tmp_path / "rows.csv", read_row_mapping({key: MAPPING[key] for key in named}))

    assert dict(funnel.furthest) == {"zest": 3, "low": 1, "mid": 1}


def test_what_was_shown_at_a_stage_does_not_bring_it_forward(tmp_path):
    rows = [("d1", "c", "card", "zest", 0, "", "dropped"), ("d2", "c", "card", "zest", 0, "", "dropped")]
    rows += [("d3", "c", "card", "end", 0, "", "dropped")]
    rows += [(f"d{n}", "c", "gift", "end", 0, "", "shown") for n in range(4, 9)]
    pl.DataFrame(rows, schema=COLUMNS, orient="row").write_csv(tmp_path / "rows.csv")
    unordered = {key: value for key, value in MAPPING.items() if key != "order"}

    funnel = funnel_of_rows(tmp_path / "rows.csv", read_row_mapping(unordered))

    assert [one.stage for one in funnel.stages] == ["zest", "end"]


def test_without_an_order_the_stage_that_drops_most_comes_first(sample):
    unordered = {key: value for key, value in MAPPING.items() if key != "order"}

    funnel = funnel_of_rows(sample, read_row_mapping(unordered))

    assert [one.stage for one in funnel.stages] == ["Eligibility", "s2"]


def test_columns_that_are_not_there_are_told_at_once(sample):
    wrong = read_row_mapping(MAPPING | {"decision": "calls", "customer": "whom"})

    with pytest.raises(InputError) as found:
        funnel_of_rows(sample, wrong)

    assert [problem.where for problem in found.value.problems] == ["mapping, decision", "mapping, customer"]


@pytest.mark.parametrize(
    "mapping",
    [None, {}, {**MAPPING, "stages": "step"}, {**MAPPING, "returned": "kind"}],
    ids=["nothing", "no keys", "an unknown key", "a wrong type"],
)
def test_a_mapping_that_cannot_be_read_is_refused(mapping):
    with pytest.raises(InputError):
        read_row_mapping(mapping)


def test_a_file_that_is_not_what_its_name_says_is_refused(tmp_path):
    path = tmp_path / "rows.parquet"
    path.write_text("no rows")

    with pytest.raises(InputError):
        funnel_of_rows(path, read_row_mapping(MAPPING))


def test_rows_without_a_decision_are_refused(tmp_path):
    path = tmp_path / "rows.parquet"
    pl.DataFrame([*ROWS, (None, *ROWS[0][1:])], schema=COLUMNS, orient="row").write_parquet(path)

    with pytest.raises(InputError, match="1 rows have no value"):
        funnel_of_rows(path, read_row_mapping(MAPPING))


VENDOR = {
    "decision": "pxInteractionID",
    "customer": "Primary_pySubjectID",
    "action": "pyName",
    "group": "pyGroup",
    "placement": "Primary_ContainerPayload_ContainerName",
    "stage": "Stage_pyName",
    "order": "Stage_pyOrder",
    "part_of": "Stage_pyStageGroup",
    "component": "pxComponentName",
    "returned": {"column": "pxRecordType", "is": ["OUTPUT"]},
}


@pytest.mark.full
def test_a_million_real_rows_give_their_published_counts(public_data):
    begin = time.perf_counter()
    path = public_data / "vendor_decision_logs" / "decision_funnel.parquet"
    funnel = funnel_of_rows(path, read_row_mapping(VENDOR))
    seconds = time.perf_counter() - begin

    assert [stage.dropped for stage in funnel.stages] == [1_063_843, 47_425, 131_950, 69_984, 24_207, 4_838]
    assert funnel.candidates == 1_342_623
    assert funnel.returned == 376
    assert funnel.contacts == 7_069
    assert len(funnel.actions) == 29
    assert sum(one.dropped for one in funnel.policies) == 1_342_247
    assert seconds <= 30
