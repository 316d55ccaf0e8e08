"""Models that stand in files of a project, or on other packages: what `check` says of them."""

from __future__ import annotations

import base64
from pathlib import Path

import numpy as np
import pytest

from opportune.errors import ProjectError
from opportune.learning import make_contest
from opportune.strategy import check_directory, check_files, compile_plan
from opportune.strategy.files import read_texts
from opportune.strategy.starter import STARTER

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")
helper, kinds = onnx.helper, onnx.TensorProto

MODELS = """
main:
  kind: bayes
scorecard:
  kind: onnx
  settings:
    file: models/scorecard.onnx
    inputs:
      x: [customer.monthly_bill, customer.data_used_percent]
"""


def scorecard() -> bytes:
    weights = onnx.numpy_helper.from_array(np.array([[0.01], [0.02]], dtype=np.float32), "w")
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["sum"]), helper.make_node("Sigmoid", ["sum"], ["p"])],
        "scorecard",
        [helper.make_tensor_value_info("x", kinds.FLOAT, [None, 2])],
        [helper.make_tensor_value_info("p", kinds.FLOAT, [None, 1])],
        [weights],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return bytes(model.SerializeToString())


def project(models: str = MODELS, data: bytes | None = None) -> dict[str, str]:
    files, _ = read_texts(STARTER)
    files["models.yaml"] = models
    files["project.yaml"] += "\nchampion: main\n"
    files["models/scorecard.onnx"] = base64.b64encode(scorecard() if data is None else data).decode()
    return files


def complaint(files: dict[str, str]) -> str:
    with pytest.raises(ProjectError) as caught:
        check_files(files)
    (problem,) = caught.value.problems
    return str(problem)


def test_a_file_of_the_project_becomes_a_model_of_its_plan() -> None:
    plan = compile_plan(check_files(project()))
    contest = make_contest(plan.models, plan.champion, plan.outcomes, "numpy")
    contest.bind(plan.candidates)

    chance = contest.models["scorecard"].foresee({"customer.monthly_bill": 50, "customer.data_used_percent": 25}, 0, 0)

    assert abs(chance - 1.0 / (1.0 + np.exp(-1.0))) < 1e-6


def test_a_folder_is_read_with_its_models_and_hashed_with_them(tmp_path: Path) -> None:
    for path, text in project().items():
        target = tmp_path / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(base64.b64decode(text) if path.endswith(".onnx") else text.encode())
    first = compile_plan(check_directory(tmp_path)).revision
    assert first == compile_plan(check_files(project())).revision

    (tmp_path / "models" / "scorecard.onnx").write_bytes(scorecard()[:-1] + b"\x12")

    assert read_texts(tmp_path)[0] != project()


@pytest.mark.parametrize(
    ("edit", "expected"),
    [
        (("models/scorecard.onnx\n", "models/scorecards.onnx\n"), "did you mean 'models/scorecard.onnx'?"),
        (("models/scorecard.onnx\n", "../scorecard.onnx\n"), "file: expected a path such as models/churn.onnx"),
        (("      x: [", "      y: ["), "inputs: the file has no input 'y'; it has x"),
        (("customer.monthly_bill, ", ""), "inputs: 'x' takes 2 columns, found 1"),
        (("customer.monthly_bill", "customer.age"), "'customer.age' is neither an attribute that the model sees"),
        (("    inputs:", "    scale: percent\n    inputs:"), "scale: expected probability or log_odds"),
        (("    inputs:", "    recalibrate: 7\n    inputs:"), "expected true or false, found a number"),
        (
            ("    file: models/scorecard.onnx\n", ""),
            "kind 'onnx' needs the setting 'file'; add it, see docs/guides/models.md",
        ),
    ],
)
def test_what_does_not_fit_is_said_with_its_place(edit: tuple[str, str], expected: str) -> None:
    assert edit[0] in MODELS

    said = complaint(project(MODELS.replace(*edit)))

    assert said.startswith("models.yaml:")
    assert expected in said


def test_a_file_that_is_no_model_is_refused() -> None:
    assert "cannot load it" in complaint(project(data=b"not a model"))


def test_a_class_that_is_not_installed_is_refused() -> None:
    models = "main:\n  kind: python\n  settings:\n    place: no_such_package:Model\n"
    files, _ = read_texts(STARTER)
    files["models.yaml"] = models

    said = complaint(files)

    assert "place: module no_such_package cannot be imported" in said


@pytest.mark.parametrize("kind", ["naive_bayes", "trees", "vowpal_wabbit"])
def test_other_kinds_need_no_settings(kind: str) -> None:
    files, _ = read_texts(STARTER)
    files["models.yaml"] = f"main:\n  kind: {kind}\n"

    assert compile_plan(check_files(files)).models[0].kind == kind
