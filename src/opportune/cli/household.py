"""`opportune household`: who belongs to one household, or to another unit of the strategy's levels."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import uuid4

import typer
from rich.markup import escape

from opportune.cli.identity import named, strategy_of, written
from opportune.cli.output import FOUND, JsonOption, fail, failures, out, print_json
from opportune.cli.releases import OnlyStoreOption, opened
from opportune.customers.identity import Identifier
from opportune.storage import JoinUnit, Storage

__all__ = ["household"]


def household(
    unit: Annotated[str, typer.Argument(help="Identifier of the household.")],
    join: Annotated[
        list[str] | None,
        typer.Option(help="Customer who belongs to it from now on, or KIND:VALUE; several times."),
    ] = None,
    leave: Annotated[
        list[str] | None, typer.Option(help="Customer who belongs to it no longer; several times.")
    ] = None,
    level: Annotated[str, typer.Option(help="Another level of the strategy, such as account.")] = "household",
    store: OnlyStoreOption = "",
    as_json: JsonOption = False,
) -> None:
    """Say who belongs to a household; let people join or leave.

    Telling works beside a running service. On SQLite customers join and leave over HTTP there: PUT
    /v1/customers/CUSTOMER/units.
    """
    joining, leaving = join or [], leave or []
    tells = not (joining or leaving)
    with failures(as_json), opened(store, read_only=tells, otherwise="PUT /v1/customers/CUSTOMER/units") as storage:
        strategy = strategy_of(storage)
        if strategy is None or level not in strategy.registries.levels:
            fail(f"the strategy of the store has no level '{level[:100]}'; declare it in levels.yaml and publish")
        names = named(storage, *joining, *leaving)
        units = [unit] * len(joining) + [None] * len(leaving)
        for customer, one, now in zip(joining + leaving, names, units, strict=True):
            if now is None and getattr(storage.units(one.value, one.kind).get(level), "unit", None) != unit:
                fail(f"{customer}: does not belong to {level} {unit}", FOUND)
            written(
                storage,
                JoinUnit(id=uuid4().hex, identifier=one.value, identifier_kind=one.kind, level=level, unit=now),
            )
        found = _told(storage, level, unit)
    if as_json:
        print_json(found)
        return
    out.print(
        escape(f"{level} {unit}: {', '.join(f'{k} {v}' for k, v in found['attributes'].items()) or 'no attributes'}")
    )
    for names in found["members"]:
        out.print(escape(f"  {', '.join(names)}"))
    if not found["members"]:
        out.print("  nobody belongs to it")


def _told(storage: Storage, level: str, unit: str) -> dict[str, Any]:
    profile = storage.profile(unit, level)
    members = [[str(Identifier(*name)) for name in names] for names in storage.member_identifiers(level, unit)]
    return {
        "level": level,
        "unit": unit,
        "attributes": {} if profile is None else profile.attributes,
        "members": members,
    }
