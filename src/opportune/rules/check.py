"""Check a rule: parse, type-check, bound its cost; say all that is wrong with it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Set

from opportune.errors import Problem, RuleError
from opportune.records import ValueType
from opportune.rules import domain
from opportune.rules.complaints import Place, problem_of, unknown_name
from opportune.rules.cost import COST_MAX, SIZE_MAX, bound
from opportune.rules.engine import EngineError, engine_for
from opportune.rules.functions import FUNCTIONS
from opportune.rules.prepare import dotted, promote, spell_out
from opportune.rules.rule import Rule, Schema
from opportune.rules.text import text_of
from opportune.rules.tokens import Edits, Token
from opportune.rules.tree import (
    Call,
    Comprehension,
    Const,
    Ident,
    Node,
    Select,
    TooDeepError,
    decode,
    depth_of,
    free_variables,
    transform,
    walk,
)
from opportune.rules.values import Failed, Timestamp

__all__ = ["check"]

SOURCE_MAX = 10_000
"""Characters that a rule may have."""
NESTING_MAX = 150
"""Levels that a rule may have with its segments in place; evaluating takes several frames of Python per level."""

_RESULTS = {
    "bool": ValueType.BOOLEAN,
    "int": ValueType.INTEGER,
    "double": ValueType.NUMBER,
    "string": ValueType.TEXT,
    "timestamp": ValueType.TIMESTAMP,
    "list(string)": ValueType.TEXTS,
}


def check(source: str, schema: Schema, expects: ValueType = ValueType.BOOLEAN) -> Rule:
    """Give the checked rule.

    Args:
        expects: type of the result; where a number is expected, a whole number is taken as one.

    Raises:
        RuleError: with all problems; line and column lie inside `source`.
    """
    if len(source) > SOURCE_MAX:
        message = f"expected at most {SOURCE_MAX} characters, found {len(source)}"
        raise RuleError([Problem("", 1, 1, "", message, "split the rule into segments", "too-expensive")])
    if broken := re.search("[\ud800-\udfff]", source):
        message = "expected characters, found half a surrogate pair"
        raise RuleError([Place(source, broken.start()).problem(message, "write the text again", "syntax")])
    types = schema.types()
    spelled, asked = spell_out(source)
    problems = _problems_of_known(source, asked, schema)
    plain, tree, origins = _checked(source, spelled, schema, types, problems)
    problems += _problems_of_constants(source, tree, origins)
    problems += _problems_of_loops(source, tree, origins, {name.partition(".")[0] for name in types})
    place = Place(source, 0)
    found = _RESULTS.get(tree.type)
    if found is ValueType.INTEGER and expects is ValueType.NUMBER:
        tree, plain, found = Call("double", (tree,), "double", tree.at), f"double({plain})", expects
    if found is not expects:
        words = found.value if found else tree.type
        problems.append(place.problem(f"expected a result of type {expects.value}, found {words}", "", "wrong-type"))
        raise RuleError(problems)
    tree = transform(tree, lambda node: _put_in(node, schema.segments))
    if depth_of(tree) > NESTING_MAX:
        problems.append(place.problem("the rule nests too deep", "let segments use fewer others", "too-expensive"))
        raise RuleError(problems)
    need = bound(tree)
    if need.steps > COST_MAX:
        message = f"expected at most {COST_MAX} steps, found up to {need.steps}"
        problems.append(place.problem(message, "use fewer nested loops over lists", "too-expensive"))
    if need.size > SIZE_MAX:
        message = f"expected values of at most {SIZE_MAX} characters or entries, found one of up to {need.size}"
        problems.append(place.problem(message, "join fewer texts and lists, above all in loops", "too-expensive"))
    if problems:
        raise RuleError(problems)
    return Rule(source, expects, free_variables(tree), need.steps, tree, plain, types, schema.segments)


def _checked(
    source: str, spelled: Edits, schema: Schema, types: dict[str, ValueType], problems: list[Problem]
) -> tuple[str, Node, list[Edits]]:
    """Give the text that CEL's engine saw, its tree, and the edits that lead from the source to the text."""
    engine = engine_for(frozenset(types.items()))
    text = spelled.apply()
    edits: list[Edits] = [spelled]
    is_known_told = bool(problems)
    try:
        parsed = decode(engine.parse(text))
        problems += _problems_of_has(source, parsed, spelled, schema)
        promoted = promote(text, parsed, types)
        edits.append(promoted)
        plain = promoted.apply()
        return plain, decode(engine.check(plain)), edits
    except EngineError as error:
        seen = edits[-1].apply()
        complaints = error.complaints
        if any("Syntax error" in complaint.text for complaint in complaints):
            complaints = complaints[:1]  # the parser's later ones follow from the first
        for complaint in complaints:
            if f"'{domain.KNOWN}'" in complaint.text and is_known_told:
                continue  # said in other words by _problems_of_known
            problem = problem_of(complaint, seen, edits, source, schema)
            if problem not in problems:
                problems.append(problem)
        raise RuleError(sorted(problems)) from error
    except (TooDeepError, RecursionError) as error:
        problems.append(Place(source, 0).problem("the rule nests too deep", "split it into segments", "too-expensive"))
        raise RuleError(problems) from error


def _problems_of_known(source: str, asked: list[tuple[str, Token]], schema: Schema) -> list[Problem]:
    problems = []
    for path, token in asked:
        place = Place(source, token.at)
        if not path or path.startswith("segment."):
            message = "expected the name of an attribute in known(...)"
            problems.append(place.problem(message, "write known(customer.age), for example", "wrong-type"))
        elif path not in schema.types():
            problems.append(unknown_name(place, path, schema))
    return problems


def _problems_of_has(source: str, tree: Node, spelled: Edits, schema: Schema) -> list[Problem]:
    """Find has() of an attribute, which CEL's engine takes for the attribute itself.

    Args:
        tree: unchecked.
    """
    problems = []
    for node in walk(tree):
        if isinstance(node, Select) and node.test:
            path = f"{dotted(node.operand)}.{node.field}"
            if path in schema.types():
                place = Place(source, spelled.origin(node.at))
                remedy = "" if path.startswith("segment.") else f"write known({path})"
                message = f"expected a field of a map in has(...), found {path}"
                problems.append(place.problem(message, remedy, "wrong-type"))
    return problems


def _problems_of_constants(source: str, tree: Node, edits: list[Edits]) -> list[Problem]:
    """Find literals that can never be read: a wrong date, duration, number, time zone or regular expression."""
    problems = []
    for node in walk(tree):
        match node:
            case Call(function="matches", args=(_, Const(value=str()) as literal)):
                result = FUNCTIONS["matches", 2]("", literal.value)
            case Call(function="timestamp" | "duration" | "int" | "double" | "bool", args=(Const() as literal,)):
                result = FUNCTIONS[node.function, 1](literal.value)
            case Call(function=function, args=(_, Const(value=str()) as literal)) if function.startswith("get"):
                result = FUNCTIONS[function, 2](Timestamp(0), literal.value)
            case _:
                continue
        if isinstance(result, Failed):
            message = f"expected a value that {node.function}() can read, found {text_of(literal)}: {result.error}"
            problems.append(_place(source, literal, edits).problem(message, "", "invalid-value"))
    return problems


def _problems_of_loops(source: str, tree: Node, edits: list[Edits], taken: Set[str]) -> list[Problem]:
    """Find loops whose entry hides a variable, which local_hour() and the like would read in its place.

    Args:
        taken: first words of all variables.
    """
    problems = []
    for node in walk(tree):
        if isinstance(node, Comprehension) and node.variable in taken:
            message = f"expected a name of its own for the entries of the loop, found {node.variable}"
            problems.append(_place(source, node, edits).problem(message, "name them x, for example", "invalid-value"))
    return problems


def _place(source: str, node: Node, edits: list[Edits]) -> Place:
    offset = node.at
    for edit in reversed(edits):
        offset = edit.origin(offset)
    return Place(source, offset)


def _put_in(node: Node, segments: Mapping[str, Rule]) -> Node:
    """Give known() its variable back, and segments their trees."""
    match node:
        case Call(function=domain.KNOWN, args=(Const(value=str(path)),)):
            return Call(domain.KNOWN, (Ident(path, "dyn", node.at),), "bool", node.at)
        case Ident(name=name) if name.startswith("segment."):
            return segments[name.removeprefix("segment.")].tree
        case _:
            return node
