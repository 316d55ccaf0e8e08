"""What a decision request says beside its questions: what just happened, and what the session is to keep or forget."""

from __future__ import annotations

from datetime import datetime

from opportune.customers.identity import CUSTOMER, Identifier
from opportune.customers.intake import Event
from opportune.decide.pipeline import decision_id
from opportune.records import DecisionRequest, Happened
from opportune.service.drawing import Drawing
from opportune.service.event_writes import event_write
from opportune.service.profiles import parted
from opportune.service.sessions import SAID, said_attributes
from opportune.service.speakers import note_id
from opportune.storage import RecordEvent
from opportune.strategy.compile import Registries

__all__ = ["cleared_in", "happened_in", "note_of"]


def happened_in(
    registries: Registries, request: DecisionRequest, whose: Identifier | None, now: datetime | None
) -> tuple[RecordEvent, ...]:
    """Give the events of a request that was checked, as they are recorded; of several with one id the first.

    Args:
        now: when those happened that do not say it; None is the moment of their recording.
    """
    name = decision_id(request)
    is_other = whose is not None and whose.kind != CUSTOMER
    events: dict[str, Happened] = {}
    for place, event in enumerate(request.events or (), start=1):
        events.setdefault(event.id or f"{name}/{place}", event)
    return tuple(
        event_write(
            registries,
            Event(
                id=id,
                type=event.type,
                customer=None if whose is None or is_other else whose.value,
                identifiers={whose.kind: whose.value} if whose is not None and is_other else {},
                session=request.session,
                attributes=event.attributes,
                occurred_at=event.occurred_at or now,
            ),
        )
        for id, event in events.items()
    )


def cleared_in(registries: Registries, request: DecisionRequest) -> tuple[str, ...]:
    """Name the attributes that the session keeps and the request, as it came, says are not known any more."""
    return tuple(name for name, value in request.context.items() if value is None and name in registries.kept)


def note_of(drawing: Drawing) -> RecordEvent | None:
    """Give what the session is to keep of a request beside its context; None where that is nothing."""
    request, kept = drawing.request, drawing.serving.strategy.registries.kept
    if request.session is None:
        return None
    said = {name: value for name, value in drawing.found.said.items() if name in kept and name not in request.context}
    if not said and not drawing.cleared:
        return None
    key = parted(drawing.key) if drawing.key is not None and drawing.profile.person is not None else None
    return RecordEvent(
        id=note_id(decision_id(request)),
        type=SAID,
        identifier=None if key is None else key[0],
        identifier_kind=CUSTOMER if key is None else key[1],
        attributes=said_attributes(said, drawing.cleared),
        session=request.session,
    )
