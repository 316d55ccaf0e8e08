"""Are all rules sound: known names, right types, bounded cost, and not in contradiction?"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from opportune.errors import Problem, RuleError
from opportune.records import ValueType
from opportune.rules import Rule, Schema, check, contradictory
from opportune.rules.renaming import renamed
from opportune.rules.tokens import tokenize
from opportune.strategy.checked import LAYERS, LayerRules
from opportune.strategy.checks.notes import Notes, Path
from opportune.strategy.checks.values import impossible_values
from opportune.strategy.feature_types import per_action
from opportune.strategy.named import files, named
from opportune.strategy.project import Project
from opportune.strategy.sections.actions import Action, Group
from opportune.strategy.sections.attributes import EventAttribute
from opportune.strategy.sections.rules import RuleText
from opportune.strategy.source import place_in_text
from opportune.strategy.wording import where_of

__all__ = ["CheckedRules", "RuleReader", "check_rules"]

_TEXT_LITERAL = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"")

_REMEDIES = {
    "unknown-attribute": "declare it in attributes.yaml or context.yaml",
    "unknown-segment": "declare it in segments.yaml",
    "wrong-type": "a rule is a condition that compares values of one type, such as customer.age >= 18",
}
"""What to do where the language itself has no better advice."""


@dataclass(slots=True)
class CheckedRules:
    """All rules of a project that are sound; a group or action with a rule that is not is left out.

    Args:
        by_text: each of them by its text, but for segments.
    """

    schema: Schema
    by_text: dict[str, Rule] = field(default_factory=dict)
    groups: dict[str, LayerRules] = field(default_factory=dict)
    actions: dict[str, LayerRules] = field(default_factory=dict)
    mandatory: dict[str, Rule] = field(default_factory=dict)
    context_weights: dict[str, tuple[Rule, ...]] = field(default_factory=dict)
    minima: dict[str, Rule] = field(default_factory=dict)

    def of_action(self, project: Project, name: str) -> list[Rule]:
        """Give all rules of an action, those of its group first."""
        return _flat(self.groups.get(project.group_of[name], {})) + _flat(self.actions.get(name, {}))


def check_rules(notes: Notes) -> CheckedRules:
    """Check the rules of segments, groups, actions and slates."""
    reader = RuleReader(notes)
    reader.read_segments()
    found = CheckedRules(reader.schema)
    for name, group in notes.project.groups.items():
        layers = reader.layers(group, f"actions/{name}/group.yaml")
        if layers is not None:
            found.groups[name] = layers
    for name, action in notes.project.actions.items():
        file = notes.project.action_file(name)
        layers = reader.layers(action, file)
        if layers is not None:
            found.actions[name] = layers
        mandatory = reader.condition(action.mandatory.rule, file, ["mandatory", "rule"]) if action.mandatory else None
        if mandatory is not None:
            found.mandatory[name] = mandatory
        weights = reader.weights(action, file)
        if weights:
            found.context_weights[name] = weights
    for name, section in notes.project.slates.items():
        when = reader.common(section.when, "slates.yaml", [name, "when"]) if section.when else None
        if when is not None:
            found.minima[name] = when
    _refuse_unreachable(notes, found, reader)
    found.by_text = {text: rule for text, rule in reader.seen.items() if isinstance(rule, Rule)}
    return found


def _flat(layers: LayerRules) -> list[Rule]:
    return [rule for rules in layers.values() for rule in rules]


class RuleReader:
    """Checks rules one by one against what the project declares; equal texts are checked once.

    Args:
        attributes: what they may name. Default: all that rules of actions may.
        remedy: what to do where they name something else.
    """

    def __init__(
        self,
        notes: Notes,
        attributes: Mapping[str, EventAttribute] | None = None,
        remedy: str = _REMEDIES["unknown-attribute"],
    ) -> None:
        self.notes = notes
        project = notes.project
        self.attributes: Mapping[str, EventAttribute] = named(project) if attributes is None else attributes
        self.remedies = {**_REMEDIES, "unknown-attribute": remedy}
        self.sources = {**files(project), "segment": "segments.yaml"}
        self.scopes = frozenset(self.sources) - {"customer", "context"} if attributes is None else frozenset()
        self.apart = per_action(project)
        self.variables: dict[str, ValueType] = {name: section.type for name, section in self.attributes.items()}
        self.schema = Schema(self.variables)
        self.seen: dict[str, Rule | list[Problem]] = {}

    def read_segments(self) -> None:
        """Check segments, each after those that it uses."""
        segments: dict[str, Rule] = {}
        for name in self._segment_order():
            self.schema, self.seen = Schema(self.variables, dict(segments)), {}
            rule = self.common(self.notes.project.segments[name].rule, "segments.yaml", [name, "rule"])
            if rule is None:
                self.notes.gaps.names.add(("segments.yaml", name))
            else:
                segments[name] = rule
        self.schema, self.seen = Schema(self.variables, segments), {}

    def _segment_order(self) -> list[str]:
        """Sort segments so that each follows those it uses; those in a circle are reported and left out."""
        sections = self.notes.project.segments
        uses = {
            name: [use for use in _segments_named(section.rule) if use in sections]
            for name, section in sections.items()
        }
        order: list[str] = []
        waiting = list(sections)
        while waiting:
            ready = [name for name in waiting if all(use in order for use in uses[name])]
            if not ready:
                self._report_circle(waiting, uses)
                break
            order += ready
            waiting = [name for name in waiting if name not in ready]
        return order

    def _report_circle(self, waiting: list[str], uses: Mapping[str, list[str]]) -> None:
        for name in waiting:
            self.notes.gaps.names.add(("segments.yaml", name))
        walked = [waiting[0]]
        while walked.count(walked[-1]) == 1:
            walked.append(next(use for use in uses[walked[-1]] if use in waiting))
        circle = walked[walked.index(walked[-1]) :]
        message = f"segments use each other in a circle: {' -> '.join(circle)}"
        remedy = "write one of them without the other"
        self.notes.report("segments.yaml", [circle[0]], message, remedy, "segment-circle", key=True)

    def layers(self, section: Group | Action, file: str) -> LayerRules | None:
        """Check the three layers; None where a rule is not sound."""
        read = {layer: self._layer(getattr(section, layer), file, layer) for layer in LAYERS}
        sound = {layer: tuple(rule for rule in rules if rule is not None) for layer, rules in read.items()}
        return None if any(None in rules for rules in read.values()) else sound

    def _layer(self, texts: Iterable[RuleText], file: str, layer: str) -> list[Rule | None]:
        return [self.rule(text.rule, file, [layer, index, "rule"]) for index, text in enumerate(texts)]

    def weights(self, action: Action, file: str) -> tuple[Rule, ...]:
        """Check the conditions of an action's context weights."""
        conditions = (
            self.condition(weight.when, file, ["context_weights", index, "when"])
            for index, weight in enumerate(action.context_weights)
        )
        return tuple(rule for rule in conditions if rule is not None)

    def condition(self, source: str, file: str, path: Path) -> Rule | None:
        """Check a rule that makes sense only if it can be true."""
        rule = self.rule(source, file, path)
        reason = self.contradiction([rule]) if rule is not None else None
        if reason is not None:
            self._report(Problem("", 1, 1, "", f"never true: {reason}", "correct the rule", "never"), file, path)
        return rule

    def common(self, source: str, file: str, path: Path) -> Rule | None:
        """Check a condition that is asked once, whatever the action."""
        rule = self.condition(source, file, path)
        apart = [] if rule is None else sorted(self.apart & rule.variables)
        if apart:
            message = f"{apart[0]} has a value for each action, and this is asked once for all"
            remedy = "ask it in the rules of actions or of their groups"
            self._report(Problem("", 1, 1, "", message, remedy, "per-action"), file, path)
            return None
        return rule

    def contradiction(self, rules: Sequence[Rule]) -> str | None:
        """Say why the rules can never all be true of values inside their ranges."""
        if not rules:
            return None
        names = sorted({name for rule in rules for name in rule.variables})
        return contradictory(rules, [bound for name in names for bound in self._bounds(name)])

    def _bounds(self, name: str) -> list[Rule]:
        """Give the range of an attribute as rules."""
        attribute = self.attributes.get(name)
        if attribute is None or attribute.range is None:
            return []
        number = int if attribute.type is ValueType.INTEGER else float
        sides = zip((">=", "<="), attribute.range, strict=True)
        checked = (self._check(f"{name} {sign} {number(side)!r}") for sign, side in sides if side is not None)
        return [rule for rule in checked if isinstance(rule, Rule)]

    def rule(self, source: str, file: str, path: Path) -> Rule | None:
        """Check one rule; None where it is not sound or cannot be judged because of other faults."""
        if self._needs_gap(source):
            return None
        rule = self._check(source)
        if isinstance(rule, Rule):
            return rule
        for problem in rule:
            self._report(problem, file, path)
        return None

    def _check(self, source: str) -> Rule | list[Problem]:
        if source not in self.seen:
            try:
                rule = check(source, self.schema)
                problems = impossible_values(rule, self.attributes)
                renamed(rule, {name: f"{name}@" for name in self.apart})
                self.seen[source] = problems or rule
            except RuleError as error:
                self.seen[source] = error.problems
        return self.seen[source]

    def _report(self, problem: Problem, file: str, path: Path) -> None:
        node = self.notes.node(file, path)
        line, column = place_in_text(self.notes.project.files[file], node, problem.line, problem.column)
        remedy = problem.remedy or self._remedy(problem)
        found = Problem(file, line, column, _where(path), problem.message, remedy, problem.code)
        self.notes.problems.append(found)

    def _remedy(self, problem: Problem) -> str:
        scope = re.match(r"unknown attribute '(\w+)\.", problem.message)
        if scope is not None and scope[1] in self.scopes:
            return f"declare it in {self.sources[scope[1]]}"
        return self.remedies.get(problem.code, "correct the rule")

    def _needs_gap(self, source: str) -> bool:
        """Say whether a rule names something that was reported already."""
        gaps = self.notes.gaps
        texts = _TEXT_LITERAL.sub("''", source)
        if any(re.search(rf"\b{re.escape(name)}\.", texts) for at, name in gaps.names if at == "levels.yaml"):
            return True
        for prefix, file in self.sources.items():
            if file in gaps.files and re.search(rf"\b{re.escape(prefix)}\b", texts):
                return True
            names = (name for at, name in gaps.names if at == file)
            if any(re.search(rf"\b{re.escape(f'{prefix}.{name}')}\b", texts) for name in names):
                return True
        return "owns(" in texts and gaps.may_hold("attributes.yaml", "products")


def _segments_named(source: str) -> Iterator[str]:
    """Give the segments that a rule names, without what its texts and comments say."""
    words = [token.text for token in tokenize(source)]
    for scope, point, name in zip(words, words[1:], words[2:], strict=False):
        if (scope, point) == ("segment", "."):
            yield name


def _where(path: Path) -> str:
    return where_of(path[:-1] if path[-1] == "rule" else path)


def _refuse_unreachable(notes: Notes, found: CheckedRules, reader: RuleReader) -> None:
    """Report groups and active actions whose rules contradict each other, so that nobody can get them."""
    unreachable = set()
    for group, layers in found.groups.items():
        reason = reader.contradiction(_flat(layers))
        if reason is not None and notes.project.groups[group].active:
            unreachable.add(group)
            section = notes.project.groups[group]
            _report_unreachable(notes, f"actions/{group}/group.yaml", section, f"its actions: {reason}")
    for name, layers in found.actions.items():
        group, action = notes.project.group_of[name], notes.project.actions[name]
        if group in unreachable or group not in found.groups or not notes.project.is_active(name) or not _flat(layers):
            continue
        reason = reader.contradiction(found.of_action(notes.project, name))
        if reason is not None:
            _report_unreachable(notes, notes.project.action_file(name), action, f"it: {reason}")


def _report_unreachable(notes: Notes, file: str, section: Group | Action, words: str) -> None:
    layer = next(layer for layer in LAYERS if getattr(section, layer))
    remedy = "correct the rules, those of the group included, or set 'active: false'"
    notes.report(file, [layer], f"nobody can ever get {words}", remedy, "unreachable", key=True, where=[layer])
