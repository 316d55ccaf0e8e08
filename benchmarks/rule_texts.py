"""The same rules in the languages of the contenders."""

from __future__ import annotations

from collections.abc import Callable

from benchmarks.world import Atom, Rule

__all__ = ["cel", "python_source", "zen"]


def cel(rule: Rule) -> str:
    """Write a rule in CEL."""
    return _join(rule, _cel_atom, " && ", " || ")


def zen(rule: Rule) -> str:
    """Write a rule in the expression language of zen-engine."""
    return _join(rule, _zen_atom, " and ", " or ")


def python_source(rules: list[Rule]) -> str:
    """Write one function `passed(customer) -> list[bool]`: attributes read once, shared tests made once."""
    names = sorted({atom.name for rule in rules for clause in rule for atom in clause})
    atoms = {atom: f"t{i}" for i, atom in enumerate({a: None for r in rules for c in r for a in c})}
    uses = sum(len(clause) for rule in rules for clause in rule)
    # A test costs about as much as reading a local: making it once pays where it is used often.
    shared = uses > 3 * len(atoms)
    lines = ["def passed(customer):"]
    lines += [f"    {_local(name)} = customer[{name!r}]" for name in names]
    if shared:
        lines += [f"    {local} = {_python_atom(atom)}" for atom, local in atoms.items()]
    lines.append("    return [")
    for rule in rules:
        text = _join(rule, atoms.__getitem__ if shared else _python_atom, " and ", " or ")
        lines.append(f"        {text},")
    return "\n".join([*lines, "    ]", ""])


def _join(rule: Rule, write: Callable[[Atom], str], every: str, either: str) -> str:
    return every.join(
        write(clause[0]) if len(clause) == 1 else "(" + either.join(write(atom) for atom in clause) + ")"
        for clause in rule
    )


def _cel_atom(atom: Atom) -> str:
    if atom.levels:
        return f"{atom.name} in [{', '.join(repr(level) for level in atom.levels)}]"
    tests = [f"{atom.name} >= {atom.low!r}"] if atom.low is not None else []
    tests += [f"{atom.name} < {atom.high!r}"] if atom.high is not None else []
    return tests[0] if len(tests) == 1 else f"({' && '.join(tests)})"


def _zen_atom(atom: Atom) -> str:
    if atom.levels:
        return _cel_atom(atom).replace("'", '"')
    return _cel_atom(atom).replace("&&", "and")


def _python_atom(atom: Atom) -> str:
    local = _local(atom.name)
    if atom.levels:
        return f"({local} in {{{', '.join(repr(level) for level in atom.levels)}}})"
    low = f"{atom.low!r} <= " if atom.low is not None else ""
    high = f" < {atom.high!r}" if atom.high is not None else ""
    return f"({low}{local}{high})"


def _local(name: str) -> str:
    return name.rpartition(".")[2]
