"""Kinds of models whose package is not installed: where `check` says so, and what to do."""

from __future__ import annotations

import pytest

from opportune.errors import ProjectError
from opportune.strategy import check_files
from opportune.strategy.files import read_texts
from opportune.strategy.starter import STARTER

VOWPAL_WABBIT = "main: {}\nteam:\n  hides: []\n  kind: vowpal_wabbit\n"
ONNX = "main: {}\nteam:\n  kind: onnx\n  settings: {file: models/a.onnx, inputs: {x: customer.monthly_bill}}\n"


def problem(models: str) -> str:
    files, _ = read_texts(STARTER)
    files["models.yaml"] = models
    files["models/a.onnx"] = "AAAA"
    files["project.yaml"] += "\nchampion: main\n"
    with pytest.raises(ProjectError) as caught:
        check_files(files)
    return "\n".join(str(one) for one in caught.value.problems if one.code == "missing-package")


@pytest.mark.parametrize(
    ("models", "place", "package", "extra"),
    [(VOWPAL_WABBIT, "4:9", "vowpalwabbit", "vw"), (ONNX, "3:9", "onnxruntime", "onnx")],
)
def test_a_missing_package_is_told_at_the_kind_that_needs_it(
    monkeypatch: pytest.MonkeyPatch, models: str, place: str, package: str, extra: str
) -> None:
    monkeypatch.setattr("opportune.learning.vowpal_wabbit.has_vowpal_wabbit", lambda: False)
    monkeypatch.setattr("opportune.learning.onnx_model.has_onnxruntime", lambda: False)

    assert problem(models) == (
        f"models.yaml:{place}: team.kind: the package {package} is not installed; "
        f"install opportune[{extra}], or choose another kind"
    )
