"""One function per route: from a call to a reply."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import repeat
from typing import Any, TypeVar

import msgspec

from opportune.errors import InputError
from opportune.records import DecisionRequest, Outcome
from opportune.service.history import told
from opportune.service.http.call import NDJSON, Call, Reply, chosen, whole_number
from opportune.service.http.problems import PROBLEMS_MAX, Refusal, refusal_of
from opportune.service.http.records import (
    BatchAnswer,
    CustomerAnswer,
    CustomerChange,
    CustomerRow,
    DecisionRecord,
    Health,
    HistoryAnswer,
    ItemAnswer,
    ModelsAnswer,
    ProfileAnswer,
    Taken,
)
from opportune.service.http.strict import is_plain, read_as, read_json
from opportune.service.intake import Taken as Result
from opportune.service.slices import in_slices
from opportune.service.visibility import ROLES, Sight
from opportune.storage import Receipt

__all__ = [
    "BATCH_MAX",
    "answer_batch",
    "answer_one",
    "create_decision",
    "create_outcomes",
    "get_customer",
    "get_decision",
    "get_health",
    "get_history",
    "get_metrics",
    "get_models",
    "get_readiness",
    "get_status",
    "import_customers",
    "patch_customer",
    "put_customer",
    "too_many",
]

BATCH_MAX = 1_000
"""Outcomes or events in one request."""
ROWS_MAX = 10_000
"""Customers in one request."""
HISTORY_MAX = 1_000
HISTORY_DEFAULT = 100
"""Entries of a history in one answer."""
DEADLINE_HEADER = "Opportune-Deadline-Ms"
_DEADLINE = DEADLINE_HEADER.lower().encode()

T = TypeVar("T")

_decode_request = msgspec.json.Decoder(DecisionRequest).decode


async def create_decision(call: Call) -> Reply:
    """Decide what is best to offer or do now."""
    deadline = call.header_number(DEADLINE_HEADER, 1, 60_000) if _DEADLINE in call.headers else None
    request = _read_request(call.body)
    answer = await call.runtime.decide(request, deadline, call.waited)
    if answer.degraded is None:
        call.metrics.undegraded.inc()
    else:
        call.metrics.decisions.labels(answer.degraded).inc()
    _count_ignored(call, answer.ignored)
    timing = b"decide;dur=%.3f, commit;dur=%.3f" % (answer.deciding * 1e3, answer.committing * 1e3)
    return Reply(answer.body, headers=((b"server-timing", timing),))


def _read_request(body: bytes) -> DecisionRequest:
    """Read a decision request; nearly all are plain, and read in one go."""
    try:
        request = _decode_request(body)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        # Read once more for what is to be said of it.
        return read_as(read_json(body), DecisionRequest)
    if request.events or request.text:
        return read_as(read_json(body), DecisionRequest)
    keys = 3 + sum(text is not None for text in (request.customer, request.session, request.language, request.zone))
    for wanted in request.placements:
        keys += 1 if wanted.size is None else 2
    if request.identifiers:
        keys += 1 + len(request.identifiers)
    if request.context:
        keys += 1 + len(request.context)
    return request if is_plain(body, keys, request.context.values()) else read_as(read_json(body), DecisionRequest)


async def get_decision(call: Call) -> Reply:
    """Give a decision as kept, and explain it."""
    sight = _sight(call)
    found = await call.runtime.recall(call.path["id"])
    decision, explanation, withheld = found.decision, found.explanation, 0
    if sight is not None:
        decision, explanation, withheld = sight.decision(decision, explanation, found.text_facts)
    return Reply.of(
        DecisionRecord(
            decision=decision,
            explanation=explanation,
            outcomes=found.outcomes,
            reportable=found.reportable,
            withheld=withheld,
        )
    )


async def create_outcomes(call: Call) -> Reply:
    """Record one outcome, or a list of them."""
    value = read_json(call.body)
    if not isinstance(value, list):
        (result,) = await call.runtime.record_outcomes([read_as(value, Outcome)])
        return answer_one(call, "outcome", result)
    outcomes, refused = await _read_items(value, Outcome)
    return answer_batch(call, "outcome", _merge(refused, await call.runtime.record_outcomes(outcomes)))


async def put_customer(call: Call) -> Reply:
    """Replace what is known of a customer."""
    return await _change(call, replace=True)


async def patch_customer(call: Call) -> Reply:
    """Set some attributes of a customer; null removes one."""
    return await _change(call, replace=False)


async def get_customer(call: Call) -> Reply:
    """Give what is stored of a customer."""
    sight = _sight(call)
    profile = await call.runtime.profile(call.path["customer"])
    if profile is None:
        raise Refusal("not-found", "no profile is stored under this identifier")
    attributes, withheld = profile.attributes, 0
    if sight is not None:
        attributes, withheld = sight.attributes(attributes)
    return Reply.of(ProfileAnswer(version=profile.version, attributes=attributes, withheld=withheld))


async def get_history(call: Call) -> Reply:
    """Give what happened to a customer, newest first."""
    values = call.query_values("for", "limit", "before")
    sight = _sight_of(call, chosen(values, "for", ROLES))
    limit = whole_number(values, "limit", 1, HISTORY_MAX) or HISTORY_DEFAULT
    before = whole_number(values, "before", 1, 2**63 - 1)
    entries = await call.runtime.history(call.path["customer"], limit, before)
    if entries is None:
        raise Refusal("not-found", "nobody is known under this identifier")
    return Reply.of(
        HistoryAnswer(
            entries=tuple(told(entry, sight) for entry in entries),
            before=entries[-1].sequence if len(entries) == limit else None,
        )
    )


async def import_customers(call: Call) -> Reply:
    """Write many profiles, as a list or one JSON object per line."""
    mode = call.query_choice("mode", ("merge", "replace"))
    value = _lines(call.body) if call.media == NDJSON else read_json(call.body)
    if not isinstance(value, list):
        raise InputError.of("body", "expected a list of customers")
    rows, refused = await _read_items(value, CustomerRow, ROWS_MAX)
    key = call.idempotency_key()
    writes = [(row.id, row.attributes, None if key is None else f"{key}/{number}") for number, row in enumerate(rows)]
    saved = await call.runtime.save_profiles(writes, mode == "replace")
    _count_ignored(call, sum(len(ignored) for _, ignored in saved))
    names = iter([ignored for _, ignored in saved])
    items = _merge(refused, [result for result, _ in saved])
    return answer_batch(call, "customer", items, [next(names) if error is None else () for error in refused])


async def get_models(call: Call) -> Reply:
    """Say what the models have learned."""
    report = call.runtime.model_report()
    return Reply.of(ModelsAnswer(models=() if report is None else (report,)))


async def get_status(call: Call) -> Reply:
    """Say which processes there are, and whether all is well."""
    return Reply.of(await call.runtime.status())


async def get_health(call: Call) -> Reply:
    """Say that the process lives."""
    return Reply.of(_health(call))


async def get_readiness(call: Call) -> Reply:
    """Say whether requests are taken."""
    if not call.runtime.ready:
        raise Refusal("not-ready", "the service is starting or stopping", headers={"Retry-After": "1"})
    return Reply.of(_health(call))


async def get_metrics(call: Call) -> Reply:
    """Give counters and timings for Prometheus."""
    return Reply(call.metrics.text(), media=b"text/plain; version=0.0.4; charset=utf-8")


def _sight(call: Call) -> Sight | None:
    """Say what the role may see for whom the caller asks; None where it asks for nobody and gets everything."""
    return _sight_of(call, call.query_choice("for", ROLES))


def _sight_of(call: Call, role: str | None) -> Sight | None:
    return None if role is None else Sight(call.runtime.strategy.registries.customer, role)


def _health(call: Call) -> Health:
    runtime = call.runtime
    return Health(
        status="ok" if runtime.ready else "starting",
        revision=runtime.strategy.plan.revision,
        at=runtime.settings.clock(),
    )


async def _change(call: Call, replace: bool) -> Reply:
    change = read_as(read_json(call.body), CustomerChange)
    receipt, ignored = await call.runtime.save_profile(
        call.path["customer"], change.attributes, replace=replace, write_id=call.idempotency_key()
    )
    _count_ignored(call, len(ignored))
    return Reply.of(CustomerAnswer(version=receipt.version, repeated=receipt.repeated, ignored=ignored))


def _count_ignored(call: Call, count: int) -> None:
    if count:
        call.metrics.ignored.inc(count)


def _lines(body: bytes) -> list[Any]:
    """Read one JSON value per line; a wrong line stands as its error."""
    lines = [line for line in body.split(b"\n") if line.strip()]
    if len(lines) > ROWS_MAX:
        raise too_many(ROWS_MAX)
    values: list[Any] = []
    for line in lines:
        try:
            values.append(read_json(line))
        except InputError as error:
            values.append(error)
    return values


async def _read_items(
    values: list[Any], type_: type[T], limit: int = BATCH_MAX
) -> tuple[list[T], list[InputError | None]]:
    """Read the items of a batch.

    Returns:
        those that fit, and per item its refusal, None where it fits.
    """
    if len(values) > limit:
        raise too_many(limit)
    read = await in_slices(values, lambda value: read_as(value, type_))
    items = [item for item in read if not isinstance(item, InputError)]
    return items, [item if isinstance(item, InputError) else None for item in read]


def too_many(limit: int) -> Refusal:
    """Refuse a request of more items than that."""
    return Refusal("too-large", f"expected at most {limit} items in one request; send several requests")


def _merge(refused: list[InputError | None], results: Sequence[Result]) -> list[Result]:
    rest = iter(results)
    return [next(rest) if error is None else error for error in refused]


def answer_one(call: Call, kind: str, result: Result, ignored: tuple[str, ...] = ()) -> Reply:
    """Answer a request of one item; what was refused is raised."""
    if isinstance(result, InputError):
        call.metrics.items.labels(kind, "refused").inc()
        raise result
    status = _status(result)
    call.metrics.items.labels(kind, status).inc()
    return Reply.of(Taken(status=status, sequence=result.sequence, ignored=ignored))


def answer_batch(
    call: Call, kind: str, results: Sequence[Result], ignored: Sequence[tuple[str, ...]] | None = None
) -> Reply:
    """Answer a request of many items."""
    items: list[ItemAnswer] = []
    left = PROBLEMS_MAX
    for result, names in zip(results, ignored or repeat(()), strict=False):
        # Of each refused item one problem is told at least.
        items.append(_item(result, names, max(left, 1)))
        left -= len(items[-1].problems)
    statuses = [item.status for item in items]
    counts = {status: statuses.count(status) for status in ("recorded", "repeated", "refused")}
    for status, count in counts.items():
        call.metrics.items.labels(kind, status).inc(count)
    return Reply.of(BatchAnswer(items=tuple(items), **counts), 207 if counts["refused"] else 200)


def _item(result: Result, ignored: tuple[str, ...], most: int) -> ItemAnswer:
    if isinstance(result, InputError):
        refusal = refusal_of(result, most)
        return ItemAnswer(status="refused", code=refusal.code, problems=refusal.problems)
    return ItemAnswer(status=_status(result), sequence=result.sequence, ignored=ignored)


def _status(receipt: Receipt) -> str:
    return "repeated" if receipt.repeated else "recorded"
