"""Is what the law protects out of reach of rules, texts and models, unless its author says why it may be used?"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping

from liquid.exceptions import LiquidError

from opportune.decide.content import is_template, template_of
from opportune.errors import Problem
from opportune.rules import Rule
from opportune.strategy.checks.features import FeatureRules
from opportune.strategy.checks.keeping import events_of
from opportune.strategy.checks.notes import Notes, Path
from opportune.strategy.checks.rules import CheckedRules
from opportune.strategy.sections.attributes import EventAttribute
from opportune.strategy.source import Node, place_in_text
from opportune.strategy.templates import keys_of
from opportune.strategy.wording import where_of

__all__ = ["barred_attributes", "barred_values", "check_special"]

PLACES: Mapping[str, str] = {"customer": "attributes.yaml", "context": "context.yaml"}
DECLARING = frozenset({"attributes.yaml", "context.yaml", "levels.yaml", "events.yaml", "models.yaml", "project.yaml"})
"""Files that name attributes without letting anything depend on them."""
GAP = r"(?:\s|//[^\n]*\n)*"
"""What may stand between the parts of a name in a rule: spaces and comments."""
REMEDY = "leave it out, or say in its 'allowed_because:' why the law allows it"


def barred_attributes(notes: Notes) -> dict[str, EventAttribute]:
    """List what rules, texts and models may not see, such as "customer.diagnosis"."""
    return {
        f"{prefix}.{name}": attribute
        for prefix, (_, attributes) in _declared(notes).items()
        for name, attribute in attributes.items()
        if attribute.is_barred
    }


def barred_values(rule: Rule, attributes: Mapping[str, EventAttribute]) -> list[Problem]:
    """List what of a special category an expression of a sheet reads; the expression is its whole text."""
    return [
        Problem("", 1, 1, "", _message(name, attributes[name]), REMEDY, "special")
        for name in sorted(rule.variables)
        if name in attributes and attributes[name].is_barred
    ]


def check_special(notes: Notes, rules: CheckedRules, features: FeatureRules) -> None:
    """Report every use of what is of a special category, and reasons that nothing needs.

    Args:
        features: conditions of features.
    """
    for prefix, (_, attributes) in _declared(notes).items():
        for name, attribute in attributes.items():
            _check_attribute(notes, prefix, name, attribute)
    for event, kind in notes.project.events.items():
        for name, attribute in kind.attributes.items():
            _check_reason(notes, "events.yaml", [event, "attributes", name], attribute)
            if attribute.is_barred:
                _check_features(notes, features, event, name, attribute)
    _check_duplicates(notes)
    _check_minors(notes)
    barred = barred_attributes(notes)
    segments = {rule.source: rule for rule in rules.schema.segments.values()}
    for file, path, node in _texts(notes) if barred else ():
        known = segments if file == "segments.yaml" else rules.by_text
        for name, offset in _used(str(node.value), known.get(str(node.value)), barred):
            _report_use(notes, name, barred[name], file, path, node, offset)


def _used(text: str, rule: Rule | None, names: Collection[str]) -> Iterator[tuple[str, int]]:
    """Give the names that a text uses, each with the offset of a mention, or 0 where it is not written out.

    Args:
        rule: what the text is read as; None where it is none.
    """
    keys = _keys_of(text) if rule is None and is_template(text) else {}
    for name in names:
        if rule is not None:
            yield from ((name, offset) for offset in _offset(text, rule, name))
        elif name in keys:
            yield name, keys[name]
        elif (found := re.search(rf"(?<![\w.]){re.escape(name)}(?!\w)", text)) is not None:
            yield name, found.start()


def _keys_of(text: str) -> dict[str, int]:
    try:
        return keys_of(template_of("", text, "", {}))
    except LiquidError:
        # It is reported as no template; what it names is looked for as it is written.
        return {}


def _offset(text: str, rule: Rule, name: str) -> Iterator[int]:
    """Give the offset of a name that a rule uses itself, not in one of its segments, which are judged apart."""
    if name not in rule.variables:
        return
    source, _, rest = name.partition(".")
    mention = re.search(rf"(?<![\w.])(?:\.{GAP})?{source}{GAP}\.{GAP}{rest}(?!\w)", text)
    if mention is not None:
        yield mention.start()
    elif not any(name in segment.variables for segment in rule.segments.values()):
        yield 0


def _check_features(notes: Notes, features: FeatureRules, event: str, name: str, attribute: EventAttribute) -> None:
    """Report features that are counted over an attribute of an event, or over events that it chooses."""
    counted = re.compile(rf"{event}\.{name}")
    tree = notes.project.trees.get("features.yaml")
    for path, node in () if tree is None else _walked(tree, []):
        feature = notes.project.features.get(str(path[0]))
        if feature is None or event not in events_of(feature):
            continue
        text = str(node.value)
        read = (features.get((str(path[0]), part)) for part in ("where", "then"))
        rule = next((one for one in read if one is not None and one.source == text), None)
        offset = next((at for _, at in _used(text, rule, (f"event.{name}",))), None)
        if counted.fullmatch(text) or (path[1:] in (["by"], ["action_in"]) and text == name):
            offset = 0
        if offset is not None:
            _report_use(notes, f"{event}.{name}", attribute, "features.yaml", path, node, offset)


def _check_duplicates(notes: Notes) -> None:
    """Report attributes by which people would be told apart; the file names them as its keys."""
    for name in notes.project.duplicates:
        attribute = notes.project.attributes.get(name)
        if attribute is not None and attribute.is_barred:
            message = _message(f"customer.{name}", attribute)
            notes.report("duplicates.yaml", [name], message, REMEDY, "special", key=True, where=[name])


def _check_minors(notes: Notes) -> None:
    """Report an attribute by which nobody's age may be told."""
    minors = notes.project.settings.minors
    if minors is None or minors.allowed_because:
        return
    attribute = notes.project.attributes.get(minors.attribute)
    if attribute is not None and attribute.is_barred:
        message = _message(f"customer.{minors.attribute}", attribute)
        notes.report("project.yaml", ["minors", "attribute"], message, REMEDY, "special")


def _declared(notes: Notes) -> dict[str, tuple[str, Mapping[str, EventAttribute]]]:
    """Give prefix of facts → the file that declares them, and the attributes."""
    project = notes.project
    found: dict[str, tuple[str, Mapping[str, EventAttribute]]] = {
        "customer": ("attributes.yaml", project.attributes),
        "context": ("context.yaml", project.context),
    }
    found |= {level: ("levels.yaml", section.attributes) for level, section in project.levels.items()}
    return found


def _check_attribute(notes: Notes, prefix: str, name: str, attribute: EventAttribute) -> None:
    file = PLACES.get(prefix, "levels.yaml")
    path = [name] if prefix in PLACES else [prefix, "attributes", name]
    _check_reason(notes, file, path, attribute)
    if attribute.is_barred and getattr(attribute, "predictor", False):
        message = f"of a special category ({attribute.special}), and models would see it"
        remedy = "add 'predictor: false', or say in 'allowed_because:' why the law allows it"
        notes.report(file, [*path, "special"], message, remedy, "special", key=True)


def _check_reason(notes: Notes, file: str, path: Path, attribute: EventAttribute) -> None:
    if attribute.allowed_because and attribute.special is None:
        message = "a reason, and nothing that needs one"
        remedy = "say with 'special:' of which category it is, or remove the key"
        notes.report(file, [*path, "allowed_because"], message, remedy, "special", key=True)


def _texts(notes: Notes) -> Iterator[tuple[str, list[str | int], Node]]:
    """Give all texts of the files in which something may depend on an attribute."""
    for file, tree in notes.project.trees.items():
        if file not in DECLARING and not file.startswith("tests/"):
            yield from ((file, path, node) for path, node in _walked(tree, []))


def _walked(node: Node, path: list[str | int]) -> Iterator[tuple[list[str | int], Node]]:
    if isinstance(node.value, dict):
        for key, below in node.value.items():
            yield from _walked(below, [*path, key])
    elif isinstance(node.value, list):
        for index, below in enumerate(node.value):
            yield from _walked(below, [*path, index])
    elif isinstance(node.value, str):
        yield path, node


def _report_use(
    notes: Notes, name: str, attribute: EventAttribute, file: str, path: Path, node: Node, offset: int
) -> None:
    before = str(node.value)[:offset]
    text = notes.project.files[file]
    line, column = place_in_text(text, node, before.count("\n") + 1, offset - before.rfind("\n"))
    notes.problems.append(Problem(file, line, column, where_of(path), _message(name, attribute), REMEDY, "special"))


def _message(name: str, attribute: EventAttribute) -> str:
    return f"{name} is of a special category ({attribute.special}), which nothing may depend on"
