"""The route table: dispatch and OpenAPI follow from it."""

from __future__ import annotations

from functools import cache
from typing import Any

from opportune.customers.intake import Event
from opportune.evaluate.data_report import DataReport
from opportune.evaluate.model_report import LANGUAGES, ModelReport
from opportune.records import DecisionRequest, Outcome
from opportune.service.consents import Said
from opportune.service.contests import Changed, Comparison
from opportune.service.deciding import AnswerBody
from opportune.service.erasing import Erased
from opportune.service.export import PersonExport
from opportune.service.http import (
    consents,
    events,
    handlers,
    identity,
    limits,
    models,
    persons,
    quality,
    revisions,
    sessions,
)
from opportune.service.http.call import JSON, NDJSON, Call, Reply
from opportune.service.http.openapi import describe
from opportune.service.http.records import (
    BatchAnswer,
    CustomerAnswer,
    CustomerChange,
    CustomerRow,
    DecisionRecord,
    Health,
    HistoryAnswer,
    ModelsAnswer,
    ProfileAnswer,
    Taken,
)
from opportune.service.http.route import IMPORT_BYTES_MAX, Parameter, Route
from opportune.service.limits import LimitsReport
from opportune.service.publishing import Published
from opportune.service.rebuilder import Rebuild, RebuildProgress
from opportune.service.releasing import RevisionRecord
from opportune.service.session_intake import SessionKnown, SessionNews
from opportune.service.status import Status
from opportune.service.visibility import ROLES

__all__ = ["DEADLINE", "FOR", "IDEMPOTENCY_KEY", "MODE", "ROUTES"]

DEADLINE = Parameter(
    "Opportune-Deadline-Ms",
    "header",
    "Time for this decision in milliseconds, in place of the strategy's; then the fallback answers.",
    {"type": "number", "minimum": 1, "maximum": 60000},
)
IDEMPOTENCY_KEY = Parameter(
    "Idempotency-Key",
    "header",
    "The same key with the same body has one effect; with another body it is refused. In a bulk import it stands for"
    " all rows.",
    {"type": "string", "minLength": 1, "maxLength": 200},
)
MODE = Parameter(
    "mode",
    "query",
    "Whether attributes that a row does not name are kept (merge, the default) or dropped (replace).",
    {"type": "string", "enum": ["merge", "replace"], "default": "merge"},
)
FOR = Parameter(
    "for",
    "query",
    "Leave out what the strategy does not let this role see; everything is given if left out.",
    {"type": "string", "enum": list(ROLES)},
)
CONSENT_PURPOSE = Parameter(
    "purpose",
    "query",
    "Purpose of the strategy.",
    {"type": "string", "minLength": 1, "maxLength": 100},
)
CONSENT_CHANNEL = Parameter(
    "channel",
    "query",
    "Where it holds; everywhere if left out.",
    {"type": "string", "minLength": 1, "maxLength": 256, "default": "*"},
)
CONSENT_SOURCE = Parameter(
    "source",
    "query",
    "How it was said, such as web form; for the proof.",
    {"type": "string", "maxLength": 200},
)
LIMIT = Parameter(
    "limit",
    "query",
    "How many entries at most.",
    {"type": "integer", "minimum": 1, "maximum": handlers.HISTORY_MAX, "default": handlers.HISTORY_DEFAULT},
)
BEFORE = Parameter(
    "before",
    "query",
    "Only entries with a smaller sequence; the answer before says which.",
    {"type": "integer", "minimum": 1, "maximum": 2**63 - 1},
)
LANGUAGE = Parameter(
    "language",
    "query",
    "Language of the page.",
    {"type": "string", "enum": list(LANGUAGES), "default": LANGUAGES[0]},
)
TIMING = Parameter(
    "Server-Timing",
    "header",
    "Milliseconds of deciding and of waiting until the record was durable.",
    {"type": "string"},
)


async def _get_openapi(call: Call) -> Reply:
    """Describe all routes."""
    return Reply(_openapi())


@cache
def _openapi() -> bytes:
    return describe(ROUTES)


_NAMES = ("invalid-request", "id-conflict")
_CUSTOMER = ("invalid-request", "invalid-identifier")
_STORE = ("store-busy", "store-unavailable")

ROUTES: tuple[Route, ...] = (
    Route(
        "POST",
        "/v1/decisions",
        handlers.create_decision,
        "Decide what is best to offer or do now",
        {200: AnswerBody},
        takes=DecisionRequest,
        refuses=(
            *_NAMES,
            "invalid-identifier",
            "invalid-attribute",
            "unknown-channel",
            "unknown-placement",
            "unknown-event-type",
            "invalid-header",
        ),
        parameters=(DEADLINE,),
        answer_headers=(TIMING,),
    ),
    Route(
        "POST",
        "/v1/outcomes",
        handlers.create_outcomes,
        "Record what happened to a shown action, one or a list",
        {200: (Taken, BatchAnswer), 207: BatchAnswer},
        takes=Outcome,
        takes_list=True,
        refuses=(
            *_NAMES,
            *_STORE,
            "unknown-decision",
            "unknown-channel",
            "unknown-action",
            "unknown-treatment",
            "unknown-placement",
            "unknown-outcome",
            "invalid-token",
            "expired-token",
            "too-many-reports",
        ),
        body_bytes_max=IMPORT_BYTES_MAX,
    ),
    Route(
        "POST",
        "/v1/events",
        events.create_events,
        "Record something that happened, one or a list; CloudEvents and Segment calls too",
        {200: (Taken, BatchAnswer), 207: BatchAnswer},
        takes=Event,
        takes_list=True,
        shapes=events.SHAPES,
        refuses=(
            *_NAMES,
            *_STORE,
            "invalid-identifier",
            "invalid-attribute",
            "unknown-event-type",
            "unknown-customer",
        ),
        media=events.MEDIA,
        body_bytes_max=IMPORT_BYTES_MAX,
    ),
    Route(
        "POST",
        "/v1/sessions/{session}",
        sessions.add_to_session,
        "Add what an agent or a page learned in a conversation since its last decision",
        {200: SessionKnown},
        takes=SessionNews,
        refuses=(*_NAMES, *_STORE, "invalid-identifier", "invalid-attribute", "unknown-event-type"),
    ),
    Route(
        "GET",
        "/v1/decisions/{id}",
        handlers.get_decision,
        "Give a decision as kept, and explain every candidate",
        {200: DecisionRecord},
        refuses=("not-found", "invalid-query", *_STORE),
        parameters=(FOR,),
    ),
    Route(
        "POST",
        "/v1/customers",
        handlers.import_customers,
        "Write many profiles, as a list or one JSON object per line",
        {200: BatchAnswer, 207: BatchAnswer},
        takes=CustomerRow,
        takes_one=False,
        takes_list=True,
        refuses=(*_NAMES, *_STORE, "invalid-identifier", "invalid-attribute", "invalid-header", "invalid-query"),
        parameters=(MODE, IDEMPOTENCY_KEY),
        media=(JSON, NDJSON),
        body_bytes_max=IMPORT_BYTES_MAX,
    ),
    Route(
        "POST",
        "/v1/units/{level}/{unit}/erasure",
        persons.erase_unit,
        "Forget a household, say, for good; its members stay",
        {200: Erased},
        takes=persons.ErasureRequest,
        refuses=(*_NAMES, "unknown-customer", "unknown-level", *_STORE),
    ),
    *identity.routes(IDEMPOTENCY_KEY),
    Route(
        "GET",
        "/v1/customers/{customer}/consents",
        consents.get_consents,
        "Say what a customer allows, by purpose and channel",
        {200: consents.ConsentsAnswer},
        refuses=(*_CUSTOMER, *_STORE),
    ),
    Route(
        "PUT",
        "/v1/customers/{customer}/consents",
        consents.put_consent,
        "Record what a customer said of a purpose; the next decision obeys",
        {200: Taken},
        takes=Said,
        refuses=(*_NAMES, *_CUSTOMER, *_STORE, "unknown-purpose", "unknown-channel", "unknown-text", "invalid-header"),
        parameters=(IDEMPOTENCY_KEY,),
    ),
    Route(
        "DELETE",
        "/v1/customers/{customer}/consents",
        consents.withdraw_consent,
        "Record that a customer withdraws, refuses or objects; the next decision obeys",
        {200: Taken},
        refuses=(*_NAMES, *_CUSTOMER, *_STORE, "unknown-purpose", "unknown-channel", "invalid-header", "invalid-query"),
        parameters=(IDEMPOTENCY_KEY, CONSENT_PURPOSE, CONSENT_CHANNEL, CONSENT_SOURCE),
    ),
    Route(
        "GET",
        "/v1/customers/{customer}/export",
        persons.get_export,
        "Tell all that is kept about a customer",
        {200: PersonExport},
        refuses=(*_CUSTOMER, "unknown-customer", *_STORE),
    ),
    Route(
        "GET",
        "/v1/customers/{customer}/export.html",
        persons.get_export_page,
        "The same as a page for the customer",
        {200: "text/html"},
        refuses=(*_CUSTOMER, "invalid-query", "unknown-customer", *_STORE),
        parameters=(LANGUAGE,),
    ),
    Route(
        "POST",
        "/v1/customers/{customer}/erasure",
        persons.erase_person,
        "Forget a customer for good",
        {200: Erased},
        takes=persons.ErasureRequest,
        refuses=(*_NAMES, *_CUSTOMER, "unknown-customer", *_STORE),
    ),
    Route(
        "GET",
        "/v1/customers/{customer}/history",
        handlers.get_history,
        "Give what happened to a customer, newest first",
        {200: HistoryAnswer},
        refuses=(*_CUSTOMER, "not-found", "invalid-query", *_STORE),
        parameters=(FOR, LIMIT, BEFORE),
    ),
    Route(
        "PUT",
        "/v1/customers/{customer}",
        handlers.put_customer,
        "Replace what is known of a customer",
        {200: CustomerAnswer},
        takes=CustomerChange,
        refuses=(*_NAMES, *_CUSTOMER, *_STORE, "invalid-attribute", "invalid-header"),
        parameters=(IDEMPOTENCY_KEY,),
    ),
    Route(
        "PATCH",
        "/v1/customers/{customer}",
        handlers.patch_customer,
        "Set some attributes of a customer; null removes one",
        {200: CustomerAnswer},
        takes=CustomerChange,
        refuses=(*_NAMES, *_CUSTOMER, *_STORE, "invalid-attribute", "invalid-header"),
        parameters=(IDEMPOTENCY_KEY,),
    ),
    Route(
        "GET",
        "/v1/customers/{customer}",
        handlers.get_customer,
        "Give what is stored of a customer",
        {200: ProfileAnswer},
        refuses=(*_CUSTOMER, "not-found", "invalid-query", *_STORE),
        parameters=(FOR,),
    ),
    Route(
        "GET",
        "/v1/status",
        handlers.get_status,
        "Say which processes there are, and whether all is well",
        {200: Status},
        refuses=_STORE,
    ),
    Route(
        "GET",
        "/v1/limits",
        limits.get_limits,
        "Say how stocks stand, how long they last, and what is switched off",
        {200: LimitsReport},
        refuses=_STORE,
    ),
    Route(
        "POST",
        "/v1/limits/switches",
        limits.switch_action,
        "Switch an action or a group off at once, or on again",
        {200: limits.SwitchAnswer},
        takes=limits.SwitchRequest,
        refuses=(*_NAMES, "unknown-action", *_STORE),
    ),
    Route("GET", "/v1/models", handlers.get_models, "Say what was learned", {200: ModelsAnswer}),
    Route(
        "GET",
        "/v1/models/report",
        models.get_report,
        "Judge champion and challengers, their predictors and inputs",
        {200: ModelReport},
        refuses=("not-found", *_STORE),
    ),
    Route(
        "GET",
        "/v1/models/report.html",
        models.get_report_page,
        "The same as a page with pictures",
        {200: "text/html"},
        refuses=("not-found", "invalid-query", *_STORE),
        parameters=(LANGUAGE,),
    ),
    Route(
        "GET",
        "/v1/data-quality",
        quality.get_data_quality,
        "Judge the inputs of decisions: missing, stale, late, unfit, never seen before, drifting",
        {200: DataReport},
        refuses=_STORE,
    ),
    Route(
        "GET",
        "/v1/data-quality.html",
        quality.get_data_page,
        "The same as a page with pictures",
        {200: "text/html"},
        refuses=("invalid-query", *_STORE),
        parameters=(LANGUAGE,),
    ),
    Route(
        "GET",
        "/v1/models/comparison",
        models.get_comparison,
        "Compare champion and challengers",
        {200: Comparison},
        refuses=("not-found",),
    ),
    Route(
        "POST",
        "/v1/models/promotions",
        models.promote_model,
        "Let a model decide",
        {200: Changed},
        takes=models.PromotionRequest,
        refuses=(*_NAMES, "not-found", *_STORE),
    ),
    Route(
        "GET",
        "/v1/models/versions",
        models.get_versions,
        "List kept versions of what the models learned",
        {200: models.VersionsAnswer},
        refuses=_STORE,
    ),
    Route(
        "POST",
        "/v1/models/restorations",
        models.restore_version,
        "Go back to a kept version of what the models learned",
        {200: Changed},
        takes=models.RestorationRequest,
        refuses=(*_NAMES, "not-found", *_STORE),
    ),
    Route(
        "GET",
        "/v1/models/rebuilds",
        models.get_rebuild_progress,
        "Say how far a rebuild of the models is",
        {200: RebuildProgress},
    ),
    Route(
        "POST",
        "/v1/models/rebuilds",
        models.rebuild_models,
        "Learn all final truths anew, in the order of the decisions",
        {200: Rebuild},
        takes=models.RebuildRequest,
        refuses=("invalid-request", "not-found", "rebuild-running", *_STORE),
    ),
    Route(
        "POST",
        "/v1/revisions",
        revisions.publish_revision,
        "Check a strategy, publish it and serve it",
        {200: Published},
        takes=revisions.PublishRequest,
        refuses=("invalid-request", "project-refused", "revision-superseded", *_STORE),
        body_bytes_max=IMPORT_BYTES_MAX,
    ),
    Route(
        "POST",
        "/v1/revisions/rollback",
        revisions.rollback_revision,
        "Publish an earlier revision again and serve it",
        {200: Published},
        takes=revisions.RollbackRequest,
        refuses=("invalid-request", "not-found", "project-refused", "revision-superseded", *_STORE),
    ),
    Route(
        "GET",
        "/v1/revisions",
        revisions.get_revisions,
        "List all revisions, with who published them, why, and what changed",
        {200: revisions.RevisionsAnswer},
        refuses=_STORE,
    ),
    Route(
        "GET",
        "/v1/revisions/{number}",
        revisions.get_revision,
        "Give one revision with its files",
        {200: RevisionRecord},
        refuses=("not-found", *_STORE),
    ),
    Route("GET", "/healthz", handlers.get_health, "Say that the process lives", {200: Health}, before_ready=True),
    Route(
        "GET",
        "/readyz",
        handlers.get_readiness,
        "Say whether requests are taken",
        {200: Health},
        refuses=("not-ready",),
        before_ready=True,
    ),
    Route(
        "GET",
        "/metrics",
        handlers.get_metrics,
        "Counters and timings for Prometheus",
        {200: "text/plain"},
    ),
    Route(
        "GET",
        "/openapi.json",
        _get_openapi,
        "This description",
        {200: dict[str, Any]},
        before_ready=True,
    ),
)
