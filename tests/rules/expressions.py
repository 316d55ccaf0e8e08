"""Made-up rules and customers for property tests."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import numpy as np

from opportune.records import Facts, Value, ValueType
from opportune.rules import Column, Rule, Schema, check
from opportune.rules.engine import Engine, EngineError, engine_for, is_missing

NUMBERS = (0.0, -0.0, 1.0, 2.5, 18.0, 17.999999, 65.0, 1e9, -3.25, math.nan, math.inf, -math.inf)
INTEGERS = (0, 1, 2, 3, 7, 18, -1, -5, 100, 2**53 + 1, 2**63 - 1, -(2**63))
TEXTS = ("a", "b", "ab", "", "Łódź", "x y", "12", "A", "it's", "1.5")
PATTERNS = ('"^a"', '"[0-9]+"', '"(a|b)$"', "context.topic")
ENTRIES = ("card", "loan", "phone", "tv")
HOURS = (0, 1, 5, 24, 24 * 30, -24 * 400)
MOMENTS = tuple(datetime(2024, 1, 1, tzinfo=UTC) + timedelta(hours=hours) for hours in HOURS)
NUDGES = tuple(timedelta(microseconds=count) for count in (-1, 0, 0, 1, 10**9))
ZONES = ("Europe/Warsaw", "UTC", "America/New_York", "Asia/Kolkata")

TYPES = {
    "customer.age": ValueType.NUMBER,
    "customer.income": ValueType.NUMBER,
    "customer.visits": ValueType.INTEGER,
    "customer.calls": ValueType.INTEGER,
    "customer.city": ValueType.TEXT,
    "context.topic": ValueType.TEXT,
    "customer.vip": ValueType.BOOLEAN,
    "context.open": ValueType.BOOLEAN,
    "customer.since": ValueType.TIMESTAMP,
    "customer.seen": ValueType.TIMESTAMP,
    "customer.products": ValueType.TEXTS,
}


def schema() -> Schema:
    """Give the names of the made-up world, with two segments."""
    plain = Schema(TYPES)
    grown = check("customer.age >= 18 || customer.vip", plain)
    return Schema(TYPES, {"grown": grown, "busy": check("customer.visits / customer.calls > 2", plain)})


def _of(kind: ValueType) -> list[str]:
    return [name for name, other in TYPES.items() if other is kind]


class Writer:
    """Writes rules at random."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._pick = random.choice

    def boolean(self, depth: int) -> str:
        if depth <= 0 or self._random.random() < 0.15:
            return f"({self.atom(depth)})"
        a, b = self.boolean(depth - 1), self.boolean(depth - 1)
        joined = (f"({a} && {b})", f"({a} || {b})")
        others = (f"!({a})", f"({a} ? {b} : {self.boolean(depth - 1)})", f"({a} == {b})", f"({a} != {b})")
        return self._pick((*joined, *joined, *others))

    def conjunction(self, atoms: int) -> str:
        return " && ".join(self._pick(("", "", "!")) + f"({self.atom(0)})" for _ in range(atoms))

    def atom(self, depth: int) -> str:
        kinds = (self._number_atom, self._text_atom, self._list_atom, self._time_atom, self._flag_atom)
        return self._pick(kinds)(depth)

    def _number_atom(self, depth: int) -> str:
        sign = self._pick(("<", "<=", ">", ">=", "==", "!="))
        variable = self._pick(_of(ValueType.NUMBER))
        whole = self._pick(_of(ValueType.INTEGER))
        return self._pick(
            (
                f"{variable} {sign} {self._number()}",
                f"{variable} {sign} {self._pick((0, 18, 65, -3))}",
                f"{self._pick((0, 18, 65))} {sign} {variable}",
                f"{variable} in [{self._number()}, {self._number()}, 18]",
                f"{whole} {sign} {self._pick(INTEGERS[:9])}",
                f"{whole} in [{self._pick(INTEGERS[:9])}, 3]",
                f"{self.number(depth)} {sign} {self.number(depth)}",
                f"{self.integer(depth)} {sign} {self.integer(depth)}",
                f"{self.integer(depth)} {sign} {self._pick(INTEGERS[:9])}",
            )
        )

    def _text_atom(self, depth: int) -> str:
        variable, text = self._pick(_of(ValueType.TEXT)), self._text()
        return self._pick(
            (
                f"{variable} == {text}",
                f"{variable} != {text}",
                f"{variable} in [{text}, {self._text()}]",
                f"{variable}.{self._pick(('startsWith', 'endsWith', 'contains'))}({text})",
                f"{variable}.matches({self._pick(PATTERNS)})",
                f"{variable} {self._pick(('<', '>='))} {text}",
                f"{self.text(depth)} == {self.text(depth)}",
            )
        )

    def _list_atom(self, depth: int) -> str:
        entry = f"'{self._pick(ENTRIES)}'"
        inner = self._pick((f"p == {entry}", "p.startsWith('c')", "p.size() > 4", "p == customer.city", "1 / 0 == 1"))
        macro = self._pick(("exists", "all", "exists_one"))
        return self._pick(
            (
                f"owns({entry})",
                f"{entry} in customer.products",
                f"owns({self.text(0)})",
                f"customer.products.{macro}(p, {inner})",
                f"customer.products.filter(p, {inner}).size() > 1",
                f"customer.products.map(p, p + 'x') == [{entry}]",
                f"size(customer.products) > {self._pick((0, 1, 2))}",
                f"customer.products[{self.integer(0)}] == {entry}",
            )
        )

    def _time_atom(self, depth: int) -> str:
        moment = self._pick(_of(ValueType.TIMESTAMP))
        sign = self._pick(("<", "<=", ">", ">=", "=="))
        return self._pick(
            (
                f"{moment} {sign} timestamp('{self._pick(MOMENTS).isoformat()}')",
                f"days_since({moment}) {sign} {self._pick((0, 1, 30, -1))}",
                f"now - {moment} {sign} duration('{self._pick(('24h', '90m', '1.5s'))}')",
                f"{moment} {sign} {self._pick(_of(ValueType.TIMESTAMP))}",
                f"{moment}.getDayOfWeek() {sign} 3",
                f"local_hour() {sign} {self._pick((0, 9, 18))}",
                f"local_weekday() {sign} {self._pick((1, 5))}",
            )
        )

    def _flag_atom(self, depth: int) -> str:
        flag = self._pick(_of(ValueType.BOOLEAN))
        return self._pick(
            (
                flag,
                f"!{flag}",
                f"{flag} == {self._pick(('true', 'false'))}",
                f"known({self._pick(list(TYPES))})",
                f"segment.{self._pick(('grown', 'busy'))}",
                f"within_km(customer.age, 21, 52.2, customer.income, {self._pick((1, 100, 20000))})",
                self._pick(("true", "false", "1 / 0 == 1")),
            )
        )

    def number(self, depth: int) -> str:
        if depth <= 0:
            return self._pick((self._number(), *_of(ValueType.NUMBER)))
        a, b = self.number(depth - 1), self.number(depth - 1)
        ternary = f"({self.boolean(0)} ? {a} : {b})"
        operation = f"({a} {self._pick('+-*/')} {b})"
        return self._pick((operation, operation, ternary, f"double({self.integer(0)})", f"-({a})", f"({a} + 1)"))

    def integer(self, depth: int) -> str:
        if depth <= 0:
            return self._pick((str(self._pick(INTEGERS[:9])), *_of(ValueType.INTEGER)))
        a, b = self.integer(depth - 1), self.integer(depth - 1)
        operation = f"({a} {self._pick('+-*/%')} {b})"
        read = f"int({self._pick(_of(ValueType.TEXT))})"
        others = (f"size({self.text(0)})", f"int({self.number(0)} * 2.0)", read, f"-({a})", f"[1, 2, 3][{a}]")
        return self._pick((operation, operation, f"({self.boolean(0)} ? {a} : {b})", *others))

    def text(self, depth: int) -> str:
        if depth <= 0:
            return self._pick((self._text(), *_of(ValueType.TEXT)))
        a, b = self.text(depth - 1), self.text(depth - 1)
        return self._pick((f"({a} + {b})", f"string({self.number(0)})", f"string({self.integer(0)})", a))

    def _number(self) -> str:
        value = self._pick(NUMBERS)
        return repr(value) if math.isfinite(value) else f'double("{value}")'

    def _text(self) -> str:
        return '"' + self._pick(TEXTS) + '"'


def facts(random: Random) -> dict[str, Value]:
    """Give a customer of whom about one value in five is missing."""
    values: dict[ValueType, Any] = {
        ValueType.NUMBER: lambda: random.choice((*NUMBERS, 18, 64, random.uniform(-5, 100))),
        ValueType.INTEGER: lambda: random.choice(INTEGERS),
        ValueType.TEXT: lambda: random.choice(TEXTS),
        ValueType.BOOLEAN: lambda: random.random() < 0.5,
        ValueType.TIMESTAMP: lambda: random.choice(MOMENTS) + random.choice(NUDGES),
        ValueType.TEXTS: lambda: random.sample(ENTRIES, random.randrange(4)),
    }
    known = {name: values[kind]() for name, kind in TYPES.items() if random.random() < 0.8}
    always = {"now": random.choice(MOMENTS), "zone": random.choice(ZONES)}
    return {**known, **{name: value for name, value in always.items() if random.random() < 0.95}}


_KINDS: dict[ValueType, Any] = {
    ValueType.NUMBER: (np.float64, 0.0),
    ValueType.INTEGER: (np.int64, 0),
    ValueType.TEXT: (object, ""),
    ValueType.BOOLEAN: (np.bool_, False),
    ValueType.TIMESTAMP: ("datetime64[us]", datetime(1970, 1, 1)),  # noqa: DTZ001
    ValueType.TEXTS: (object, ()),
}


def columns(rows: list[dict[str, Value]]) -> dict[str, Column]:
    """Give the same customers as a table."""
    table = {}
    for name, kind in {**TYPES, "now": ValueType.TIMESTAMP, "zone": ValueType.TEXT}.items():
        dtype, filler = _KINDS[kind]
        values = np.empty(len(rows), dtype=dtype)
        for i, row in enumerate(rows):
            value: Any = row.get(name, filler)
            values[i] = value.replace(tzinfo=None) if isinstance(value, datetime) else value
        table[name] = Column(values, np.array([name not in row for row in rows]))
    return table


def oracle(rule: Rule, row: Facts) -> tuple[str, Any]:
    """Ask CEL's engine: ("value", v), ("unknown", name) or ("failed", message)."""
    engine: Engine = engine_for(frozenset(rule.types.items()))
    try:
        return "value", engine.evaluate(_plain(rule, row), row)
    except EngineError as error:
        missing = is_missing(error)
        return ("unknown", missing) if missing else ("failed", str(error))


def _plain(rule: Rule, row: Facts) -> str:
    """Write segments out, and answer known() as only the facts can."""
    text = re.sub(r"segment\.(\w+)", lambda found: f"({rule.segments[found.group(1)].plain})", rule.plain)
    return re.sub(r'known\("([^"]+)"\)', lambda found: "true" if found.group(1) in row else "false", text)
