"""Every page, with every part that it may have; what a user wrote begins with "qz"."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from math import nan

from opportune.customers.quality import KINDS
from opportune.evaluate import data_report, model_report
from opportune.evaluate.data_report import Concern, DataReport, InputQuality
from opportune.evaluate.foresight.change import KINDS as CHANGES
from opportune.evaluate.foresight.funnel import ActionFall, Conflict, Funnel, PolicyFall, Served, StageFall, Want
from opportune.evaluate.foresight.funnel_page import funnel_page
from opportune.evaluate.foresight.outlook import ActionShift, Changed, Effect, Flow, Outlook, SegmentShift
from opportune.evaluate.foresight.outlook_page import outlook_page
from opportune.evaluate.foresight.proposal import Proposal, Threshold
from opportune.evaluate.foresight.reasons import ORDER
from opportune.evaluate.foresight.rulebook import Policy
from opportune.evaluate.goals.asked import Asked
from opportune.evaluate.goals.tradeoff import Exchange, Point, Tradeoff
from opportune.evaluate.goals.tradeoff_page import tradeoff_page
from opportune.evaluate.model_report.parts import (
    ActionHealth,
    Bin,
    Finding,
    InputHealth,
    ModelHealth,
    ModelReport,
    Pair,
    PredictorHealth,
)
from opportune.evaluate.off_policy import Interval
from opportune.evaluate.speech import Language
from opportune.records import Stage
from opportune.service import export_page
from opportune.service.consents import ConsentLine
from opportune.service.export import ExportedDecision, ExportedEntry, Named, PersonExport, Reason, Taught
from tests.service.shop import strategy

__all__ = ["FINDINGS", "PAGES", "TYPES"]

AT = datetime(2026, 5, 4, tzinfo=UTC)
REFUSED = "only 12 choices; at least 100 are needed"
TYPES = ("number", "integer", "text", "texts", "boolean", "timestamp")
CODES = (
    ("never-mandatory", ("`qz` can never be true",)),
    ("never-bundled", ("`qz` and `qz2` exclude each other",)),
    ("never-best", ("qz-films",)),
    ("never-passed", ("group:qz-fun", "eligibility")),
    ("never-shown", ()),
    ("rule-idle", ("not_valid",)),
    ("limit-idle", ()),
    ("limit-unreachable", ("limit:qz-week",)),
)
POLICIES = tuple(
    Policy(stage, owner, rule)
    for stage, owner, rule in (
        ("eligibility", "group:qz-fun", "`qz`"),
        ("applicability", "action:qz-films", "`qz`"),
        ("limited", "limit:qz-week", ""),
        ("limited", "switch:action:qz-films", ""),
        ("linked", "bundle:qz-start", ""),
        ("not_valid", "component:qz-other", ""),
    )
)


def funnel() -> Funnel:
    stages = tuple(
        StageFall(stage=stage.name.lower(), dropped=12_345 + number, left=1_234) for number, stage in enumerate(ORDER)
    )
    return Funnel(
        source="decided",
        contacts=54_321,
        persons=1,
        candidates=123_456,
        returned=2_345,
        empty=2,
        stages=stages,
        policies=tuple(PolicyFall(policy=one, dropped=12, alone=3) for one in POLICIES),
        actions=tuple(
            ActionFall(action=f"qz-{n}", group="qz-fun", candidates=9, passed=3, shown=1, most=POLICIES[n % 6])
            for n in range(103)
        ),
        served=(Served(placement="qz-place", contacts=20_000, nothing=4, few=6, left=(4, 2, 7)),),
        wants=(
            Want(policies=POLICIES[:2], contacts=4, persons=3, names=("imagined 7 (qz)", "imagined 8", "qz-customer")),
            Want(policies=(), contacts=1, persons=1, names=("qz-customer",)),
        ),
        furthest=tuple((stage.name.lower(), 3) for stage in ORDER),
        conflicts=tuple(
            Conflict(code=code, subject="action:qz-films", detail=detail, number=22, certain=certain)
            for code, detail in CODES
            for certain in (True, False)
        ),
    )


def plan(language: Language) -> str:
    seen = Outlook(
        contacts=54_321,
        persons=40_000,
        first=AT,
        last=AT,
        changed=103,
        changed_persons=22,
        kinds={kind: number for number, kind in enumerate(CHANGES, start=1)},
        refused_before=2,
        refused_after=5,
        empty_before=1,
        empty_after=3,
        emptied=2,
        wants=funnel().wants,
        actions=(
            ActionShift(
                action="qz-films",
                group="qz-fun",
                before=12_000,
                after=9,
                gained=4,
                lost=7,
                share_before=0.25,
                share_after=0.125,
            ),
        ),
        flows=(Flow(before="", after="qz-films", contacts=3),),
        segments=(SegmentShift(segment="qz-young", contacts=10, changed=3),),
        effects=tuple(
            Effect(
                goal="qz-profit",
                unit="EUR",
                told_by=told_by,
                before=1.25,
                after=1.5,
                gain=Interval(0.25, -0.125, 0.5),
                remarks=(REFUSED,),
            )
            for told_by in ("model", "journal")
        ),
        funnel_before=funnel(),
        funnel_after=funnel(),
        changes=tuple(
            Changed(name=f"imagined {n}", kind=CHANGES[n % len(CHANGES)], before=(), after=("qz-place: qz-films",))
            for n in range(103)
        ),
    )
    thresholds = tuple(Threshold(name=name, most=0.005, found=0.0125) for name in ("changed", "empty", "emptied"))
    pages = [
        outlook_page(
            Proposal(
                project="qz-shop",
                before="revision 3",
                after="qz-folder",
                differences=differences,
                source=source,
                left_out=2,
                seed=1,
                thresholds=thresholds,
                outlook=seen,
            ),
            language,
        )
        for source in ("decisions", "profiles", "file", "imagined")
        for differences in ((), ("goal 'qz-profit', qz-weight: none → 3", "action 'qz-films' removed"))
    ]
    return "".join(pages)


def goals(language: Language) -> str:
    points = tuple(
        Point(
            factor=factor,
            weight=factor * 0.5,
            amounts={"qz-profit": Interval(9 - factor, 8.0, 10.5), "qz-loyalty": Interval(factor, nan, nan)},
            changed=int(40_000 * factor),
        )
        for factor in (0.0, 1.0, 2.5)
    )
    known = Exchange(goal="qz-profit", low=0.0, high=2.5, each=Interval(-1.25, -1.5, -0.5))
    unknown = Exchange(goal="qz-profit", low=1.0, high=2.5, each=Interval(nan, nan, nan))
    told = {"qz-profit": "answers", "qz-loyalty": "model", "qz-minutes": "untaught"}
    pages = [
        tradeoff_page(
            Asked(project="qz-shop", source=source, model="qz-main", position=12_345, seed=1, left_out=2),
            Tradeoff(
                goal="qz-loyalty",
                direction=direction,
                units={"qz-profit": "EUR", "qz-loyalty": "qz-points"},
                contacts=20_000,
                persons=150,
                refused=1,
                told_by=told,
                remarks={"qz-profit": (REFUSED,)},
                points=points,
                present=(known, unknown),
                exchanges=(known, unknown),
            ),
            language,
        )
        for source in ("decisions", "profiles", "file", "imagined")
        for direction in ("more", "less")
    ]
    return "".join(pages)


def data(language: Language) -> str:
    inputs = tuple(
        InputQuality(
            input=f"qz.{name}",
            type=name,
            decisions=14_321,
            missing=0.1234,
            stale=0.05,
            late=0.0,
            unfit=None,
            refused=3,
            unseen=None,
            drift=0.3456,
            groups=groups_of(name),
        )
        for name in TYPES
    )
    concerns = tuple(Concern(input="qz.text", kind=kind, value=0.625, threshold=0.125) for kind in KINDS)
    pages = [
        data_report.page_of(
            DataReport(
                project="qz-shop",
                revision="qz",
                at=AT,
                since=since,
                processes=processes,
                decisions=50_000,
                known=14_321,
                decisions_before=2_000,
                decisions_now=1_000,
                inputs=inputs,
                concerns=found,
            ),
            language,
        )
        for since, processes, found in ((AT, 2, concerns), (AT, 0, ()), (None, 0, ()))
    ]
    return "".join(pages)


def groups_of(of_type: str) -> tuple[tuple[str, float, float], ...]:
    if of_type in ("number", "integer", "timestamp"):
        return (("< 1.5", 0.25, 0.5), ("≥ 12,345", 0.75, 0.5))
    if of_type == "boolean":
        return (("true", 0.25, 0.5), ("false", 0.75, 0.5))
    return (("qz-value", 0.25, 0.5), ("…", 0.75, 0.5))


FINDINGS = (
    "set-aside",
    "worse-than-constant",
    "calibration",
    "no-discrimination",
    "too-good",
    "knows-answer",
    "drift",
    "missing",
    "never-seen",
)


def models(language: Language) -> str:
    actions = tuple(
        ActionHealth(
            action="qz-films",
            answers=12_000,
            happened=300,
            rate=0.025,
            auc=0.625,
            log_loss=0.5,
            log_loss_constant=0.625,
            calibration_error=0.125,
            calibration_chance=0.0625,
            maturity=maturity,
        )
        for maturity in ("new", "growing", "mature")
    )
    predictors = tuple(
        PredictorHealth(predictor=f"qz.{number}", type="text", selection=selection, share=0.5, like="qz.age")
        for number, selection in enumerate(("used", "says-little", "one-value", "never-seen", "hidden", "barred"))
    )
    found = [
        ModelHealth(
            model="qz-main",
            kind="mixture",
            is_champion=number == 0,
            outcome="qz-accept",
            answers=12_000,
            happened=300,
            rate=0.025,
            auc_pooled=0.75,
            auc_within=0.625,
            log_loss=0.5,
            log_loss_constant=0.625,
            calibration_error=0.125,
            calibration_chance=0.0625,
            reliability=(Bin(propensity=0.125, rate=0.25, answers=100), Bin(propensity=0.5, rate=0.5, answers=100)),
            gains=((0.0, 0.0), (0.5, 0.75), (1.0, 1.0)),
            lift=2.5,
            trend=((5_000, 0.75), (20_000, 0.5)),
            actions=actions,
            predictors=predictors,
            interactions=tuple(
                Pair(first="qz.age", second="qz.city", per_action=per, score=4.5) for per in (True, False)
            ),
            pairs_examined=examined,
            pairs_possible=examined,
        )
        for number, examined in enumerate((22_222, None))
    ]
    told = tuple(
        Finding(
            code=code, model="qz-main" * (number > 5), outcome="qz-accept", subject="qz", value=0.625, threshold=0.5
        )
        for number, code in enumerate(FINDINGS)
    )
    inputs = tuple(
        InputHealth(
            predictor=f"qz.{name}",
            type=name,
            missing_before=0.125,
            missing_now=0.25,
            never_seen=0.0,
            drift=0.5,
            groups=groups_of(name),
        )
        for name in TYPES
    )
    pages = [
        model_report.page_of(
            ModelReport(
                project="qz-shop",
                revision="qz",
                at=AT,
                position=12_345,
                models=tuple(judged),
                decisions_before=20_000,
                decisions_now=2,
                inputs=inputs,
                person_answers=5,
                person_days=28,
                failed={"qz-other": "it foresaw what is no number"},
                findings=looked_at,
            ),
            language,
        )
        for judged, looked_at in ((found, told), ([], ()))
    ]
    return "".join(pages)


ENTRIES = (
    ("event", {"type": "qz-call"}, {"attributes": {"qzminutes": 2.5, "qznew": True}}),
    ("outcome", {"outcome": "qz-accept", "action": "qz-films", "amount": 12.5, "expiry": True}, None),
    ("outcome", {"outcome": "", "action": "qz-films"}, None),
    ("profile", {}, {"attributes": {"qzcity": None}, "removed": ["qzage"]}),
    ("consent", {"purpose": "qz-news", "channel": "*", "given": False}, {"source": "qz-phone"}),
    ("member", {"level": "qz-home"}, {"unit": None}),
    ("merge", {}, {"identifier_kind": "customer", "identifier": "qz-1", "other_kind": "qz-mail", "other": "qz-2"}),
    ("split", {}, {"identifier_kind": "customer", "identifier": "qz-1"}),
)


def person(language: Language) -> str:
    facts = {"now": AT, "zone": "qz", **{f"session.{name}": ["qz"] for name in ("shown", "accepted", "rejected")}}
    decisions = tuple(
        ExportedDecision(
            id="qz",
            at=AT,
            channel="qz-app",
            session=None,
            customer="qz-1",
            context={"qz": 0.5},
            facts={**facts, "session.turn": 2, "session.minutes": 1.5},
            shown={"qz-place": [{"action": "qz-films", "content": {"text": "qz"}}]},
            degraded=degraded,
            control=None,
            reasons=tuple(
                Reason(
                    placement="qz-place",
                    action="qz-films",
                    treatment="qz",
                    stage=stage.name.lower(),
                    reason="",
                    because=("qz",),
                    values={"qz": 0.25},
                )
                for stage in Stage
            ),
            profiling=profiling,
            erased=erased,
        )
        for degraded, profiling, erased in ((None, "", False), ("qz", "qz", True))
    )
    entries = tuple(
        ExportedEntry(
            sequence=number,
            kind=kind,
            id="qz",
            occurred_at=AT,
            recorded_at=AT,
            session=None,
            decision=None,
            details=details,
            personal=personal,
        )
        for number, (kind, details, personal) in enumerate(ENTRIES)
    )
    allowed = tuple(
        ConsentLine(purpose="qz-news", channel="*", basis="consent", allowed=yes, at=AT, source="qz")
        for yes in (True, False)
    )
    pages = [
        export_page.page_of(
            PersonExport(
                made_at=AT,
                identifiers=(Named(name="customer", value="qz-1"),),
                profile=(Named(name="qzage", value=2.5, at=AT),) if one else (),
                consents=allowed[:one],
                memberships={"qz-home": {"attributes": {"qzsize": 2}}},
                features=(Named(name="qzcalls", value=None),),
                decisions=decisions[:one],
                outcomes=entries[1:3],
                events=entries[:1],
                changes=entries[3:],
                taught=(Taught(decision="qz", action="qz-films", outcome="qz-accept", at=AT, inputs={"qz": 1.5}),),
            ),
            language,
            strategy().project,
        ).decode()
        for one in (0, 2)
    ]
    return "".join(pages)


PAGES: dict[str, Callable[[Language], str]] = {
    "plan": plan,
    "funnel": lambda language: funnel_page(funnel(), "qz-shop", language),
    "goals": goals,
    "data": data,
    "models": models,
    "person": person,
}
"""Page → what writes it in a language."""
