"""Taking in what happened: each item judged by itself, all of a request written as one, acknowledged when durable."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial

from opportune.customers.intake import Event, Names, ProfileNews, Told
from opportune.errors import InputError
from opportune.service.event_writes import event_write, ids_wrong, refuse_if
from opportune.service.live import Live
from opportune.service.profiles import key_of
from opportune.service.slices import in_slices
from opportune.service.standings import Standings
from opportune.storage import GroupWriter, MergePersons, Receipt, RecordEvent, SaveProfile, Write
from opportune.strategy.compile import Registries

__all__ = ["EventIntake", "Taken"]

ALIAS = "alias"
"""Author of merges that were reported as events."""
Taken = Receipt | InputError
"""What became of one item."""


class EventIntake:
    """Turns what happened into writes; lives in the event loop's thread."""

    def __init__(self, live: Live, writer: GroupWriter, standings: Standings) -> None:
        self._live = live
        self._writer = writer
        self._standings = standings

    @property
    def names(self) -> Names:
        """What the strategy calls what others name in their own way."""
        return self._live.current.strategy.registries.names

    async def take(self, items: Sequence[Told | InputError]) -> list[Taken]:
        """Record what was read; what was refused before stays so.

        Raises:
            StoreError: not all was acknowledged; the same call may be repeated.
        """
        registries = self._live.current.strategy.registries
        return await self._commit(await in_slices(items, partial(_write, registries), self._writer.calm))

    async def events(self, events: Sequence[Event | InputError]) -> list[Taken]:
        """As `take`, for items that are all of our own shape."""
        registries = self._live.current.strategy.registries
        return await self._commit(await in_slices(events, partial(event_write, registries), self._writer.calm))

    async def _commit(self, prepared: Sequence[Write | InputError]) -> list[Taken]:
        writes = [item for item in prepared if not isinstance(item, InputError)]
        try:
            results = iter(await self._writer.write_many(writes) if writes else ())
        finally:
            # What failed may be there all the same.
            self.forget(writes)
        return [item if isinstance(item, InputError) else next(results) for item in prepared]

    def forget(self, writes: Iterable[Write]) -> None:
        """Forget what is known of persons of whom something was reported."""
        profiles = self._live.current.profiles
        for write in writes:
            match write:
                case RecordEvent(identifier=str(identifier), identifier_kind=kind):
                    profiles.forget_nobody(kind, identifier)
                    self._standings.went_on(key_of(kind, identifier))
                case SaveProfile(identifier=identifier, identifier_kind=kind):
                    profiles.forget(key_of(kind, identifier))
                case MergePersons():
                    profiles.forget_all()


def _write(registries: Registries, told: Told) -> Write:
    item = told.item
    if isinstance(item, Event):
        return event_write(registries, item)
    if isinstance(item, ProfileNews):
        return _profile(registries, item)
    refuse_if(ids_wrong(messageId=item.id, userId=item.customer, previousId=item.other))
    return MergePersons(
        id=item.id,
        identifier=item.customer,
        identifier_kind=item.kind,
        other=item.other,
        other_kind=item.other_kind,
        author=ALIAS,
        # Nobody has proven it: a visitor who is known as another customer stays that one.
        common=registries.identifiers.common,
    )


def _profile(registries: Registries, news: ProfileNews) -> SaveProfile:
    problems = ids_wrong(messageId=news.id, userId=news.customer)
    try:
        attributes, _ = registries.customer.typed(news.attributes, is_profile=True)
    except InputError as error:
        raise InputError([*problems, *error.problems], "invalid-attribute") from None
    refuse_if(problems)
    return SaveProfile(
        id=news.id,
        identifier=news.customer,
        identifier_kind=news.kind,
        attributes=dict(attributes),
        replace=False,
    )
