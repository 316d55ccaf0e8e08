"""What predictors contribute, and why some are left out, as the report says it."""

from __future__ import annotations

from dataclasses import replace

import msgspec

from opportune.evaluate.model_report import ModelReport, page_of
from opportune.evaluate.model_report.findings import findings
from opportune.evaluate.model_report.parts import ModelHealth, PredictorHealth
from opportune.evaluate.model_report.performance import performance
from opportune.evaluate.model_report.predictors import with_predictors
from opportune.learning import ModelSpec
from opportune.outcomes import new_model
from tests.worlds import Item, World


def of(report: ModelReport, model: str) -> ModelHealth:
    return next(one for one in report.models if one.model == model)


def by_name(model: ModelHealth) -> dict[str, PredictorHealth]:
    return {one.predictor: one for one in model.predictors}


def test_every_attribute_says_whether_it_is_used_or_why_not(report: ModelReport) -> None:
    found = {name: one.selection for name, one in by_name(of(report, "young")).items()}

    assert found["customer.age"] == "used"
    assert found["customer.income"] == "never-seen"
    assert found["context.minutes"] == "hidden"
    assert found["customer.name"] == "barred"


def test_what_matters_stands_first_with_its_figures(report: ModelReport) -> None:
    main = of(report, "main")
    first, last = main.predictors[0], main.predictors[-1]

    assert first.predictor in ("customer.age", "customer.city")
    assert first.share is not None
    assert first.gain is not None
    assert first.information is not None
    assert first.information > 0.0
    assert first.seen == 1_200
    assert last.selection == "barred"
    assert last.share is None
    assert abs(sum(one.share or 0.0 for one in main.predictors) - 1.0) < 1e-9


def test_only_the_champion_moves_what_is_shown(report: ModelReport) -> None:
    assert all(one.share is None for one in of(report, "young").predictors)


def test_what_never_had_a_value_moves_nothing(report: ModelReport) -> None:
    assert by_name(of(report, "main"))["customer.income"].share is None


def test_of_a_model_without_evidence_the_decisions_of_late_say_what_never_has_a_value() -> None:
    world = World([Item("loan")]).plan()
    plan = replace(world, models=(ModelSpec("main", "bayes", world.predictors),))
    models = new_model(plan, "numpy")
    models.learn({"customer.age": 40, "customer.city": "Oslo"}, 0, 0, True)
    (health, *_) = performance(models.scoreboard, {"main": "bayes"}, "main")

    found = by_name(with_predictors(health, models, plan, [({"customer.city": "Oslo"}, 0)], (), {"customer.income"}))

    assert {name: one.selection for name, one in found.items() if one.selection != "used"} == {
        "customer.income": "never-seen"
    }
    assert found["customer.income"].share is None
    assert found["customer.city"].share == 1.0


def test_interactions_are_named_and_counted(report: ModelReport) -> None:
    main, young = of(report, "main"), of(report, "young")

    assert ("customer.city", "customer.age") in {
        tuple(sorted((p.first, p.second), reverse=True)) for p in main.interactions
    }
    assert (main.pairs_examined, main.pairs_possible) == (15, 15)
    assert young.pairs_possible is None
    page = page_of(report)
    assert "15 of 15 pairs of predictors were looked at" in page
    assert "This model does not look for pairs" in page


def test_a_predictor_that_knows_the_answer_is_to_be_looked_at(report: ModelReport) -> None:
    main = of(report, "main")
    leak = msgspec.structs.replace(main.predictors[0], too_good=True, auc=0.93)
    (found,) = findings([msgspec.structs.replace(main, answers=10, actions=(), predictors=(leak,))], [], [], 0)

    assert (found.code, found.subject, found.value) == ("knows-answer", leak.predictor, 0.93)
    assert findings([msgspec.structs.replace(main, answers=10, actions=())], [], [], 0) == []
