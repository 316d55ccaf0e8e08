"""Features as they are computed, and rules as single actions see them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from opportune.customers.features import Feature as Computed
from opportune.customers.features import FeatureSet, Source
from opportune.decide.limits.windows import Length
from opportune.records import ValueType
from opportune.rules import Rule
from opportune.rules.renaming import renamed
from opportune.strategy.checked import CheckedProject
from opportune.strategy.feature_types import feature_attributes, per_action
from opportune.strategy.project import Project
from opportune.strategy.registries import registry
from opportune.strategy.sections.features import Feature
from opportune.strategy.sections.times import Duration

__all__ = ["Resolver", "compile_features"]


def compile_features(checked: CheckedProject) -> FeatureSet:
    """Compile the features of a checked project."""
    project = checked.project
    types = feature_attributes(project)
    return FeatureSet(
        features=[
            _feature(name, section, types[name].type, checked.feature_rules)
            for name, section in project.features.items()
        ],
        registries={name: registry(event.attributes, "event.") for name, event in project.events.items()},
        actions=_asking(checked),
        groups=project.group_of,
        former={former: name for name, action in project.actions.items() for former in action.renamed_from},
    )


def _feature(name: str, section: Feature, type_: ValueType, rules: Mapping[tuple[str, str], Rule]) -> Computed:
    event, attribute = section.counted
    sequence = section.sequence
    then = None if sequence is None else sequence.then or sequence.without
    return Computed(
        name=name,
        kind=section.kind,
        type=type_,
        source=_source(section, event, attribute, rules.get((name, "where"))),
        within=_length(section.within),
        level="person" if section.per == "action" else section.per,
        per_action=section.per == "action",
        values=frozenset(section.values or ()),
        half_life=float(section.half_life.seconds) if section.half_life else 0.0,
        then=None if then is None else _source(section, then.event, None, rules.get((name, "then"))),
        gap=_length(sequence.within) if sequence else None,
        is_without=sequence is not None and sequence.without is not None,
    )


def _source(section: Feature, event: str, attribute: str | None, where: Rule | None) -> Source:
    of_contacts = section.over == "contacts"
    action_in = "action" if of_contacts else section.action_in
    return Source(
        type=event,
        attribute=attribute,
        weight=section.by,
        where=where,
        of_contacts=of_contacts,
        action_in=action_in if section.per == "action" else None,
        actions=_set(section.actions),
        groups=_set(section.groups),
        channels=_set(section.channels),
        placements=_set(section.placements),
    )


def _set(names: Iterable[str] | None) -> frozenset[str] | None:
    return None if names is None else frozenset(names)


def _length(length: Duration | None) -> Length | None:
    return None if length is None else Length(length.calendar_days, length.elapsed_seconds)


def _asking(checked: CheckedProject) -> dict[str, list[str]]:
    """Give feature per action → the actions whose rules name it."""
    found: dict[str, list[str]] = {}
    for key in per_action(checked.project):
        for action in checked.project.actions:
            if any(key in rule.variables for rule in _rules_of(checked, action)):
                found.setdefault(key.removeprefix("feature."), []).append(action)
    return found


def _rules_of(checked: CheckedProject, action: str) -> Iterator[Rule]:
    """Give all rules that are asked about an action."""
    for layers in (checked.group_rules[checked.project.group_of[action]], checked.action_rules[action]):
        for rules in layers.values():
            yield from rules
    if action in checked.mandatory:
        yield checked.mandatory[action]
    yield from checked.context_weights.get(action, ())
    yield from (rule for rule, _ in checked.table_weights.get(action, ()))


@dataclass(frozen=True, slots=True)
class Resolver:
    """Gives rules as actions see them: feature.f, of a feature per action, is there feature.f@ACTION.

    Args:
        keys: fact keys of the features per action.
    """

    keys: frozenset[str]

    @classmethod
    def of(cls, project: Project) -> Resolver:
        """Make the resolver of a project."""
        return cls(per_action(project))

    def rule(self, rule: Rule, action: str) -> Rule:
        """Give a rule as an action sees it.

        Raises:
            RuleError: see `renamed`; never for what was checked.
        """
        if self.keys.isdisjoint(rule.variables):
            return rule
        return renamed(rule, {key: f"{key}@{action}" for key in self.keys})
