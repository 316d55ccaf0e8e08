"""Can every feature be computed as it is declared?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from opportune.customers.features import CONTACT_ATTRIBUTES
from opportune.records import ValueType
from opportune.rules import Rule
from opportune.strategy.checks.contact_policies import check_length, check_window, item_place
from opportune.strategy.checks.notes import Notes, Path
from opportune.strategy.checks.rules import RuleReader
from opportune.strategy.feature_types import CONTACT_ATTRIBUTE, value_of
from opportune.strategy.sections.attributes import EventAttribute
from opportune.strategy.sections.features import FEATURE_KINDS, Feature
from opportune.strategy.sections.outcomes import SHOWN
from opportune.strategy.sections.times import Duration
from opportune.strategy.wording import suggest

__all__ = ["FeatureRules", "check_features"]

FILE, EVENTS = "features.yaml", "events.yaml"
NUMBERS = (ValueType.INTEGER, ValueType.NUMBER)
SINGLE = tuple(kind for kind in ValueType if kind is not ValueType.TEXTS)
TAKES: Mapping[str, tuple[ValueType, ...]] = {
    "sum": NUMBERS,
    "mean": NUMBERS,
    "min": (*NUMBERS, ValueType.TIMESTAMP),
    "max": (*NUMBERS, ValueType.TIMESTAMP),
    "last": tuple(ValueType),
    "first": tuple(ValueType),
    "distinct": SINGLE,
    "share": (ValueType.TEXT,),
    "decayed": NUMBERS,
    "rate": NUMBERS,
}
"""Kinds that take an attribute → the types that it may have."""
OPTIONAL = ("decayed", "rate")
"""Kinds that count events where no attribute is named."""
KEYS_OF: Mapping[str, tuple[str, ...]] = {
    "half_life": ("decayed",),
    "values": ("share",),
    "by": ("share",),
    "where": tuple(kind for kind in FEATURE_KINDS if kind != "sequence"),
}
"""Keys that have a meaning for some kinds only."""
FILTERS = ("groups", "actions", "channels", "placements")
NEEDED = {"decayed": ("half_life", "{days: 7}"), "share": ("values", "[bread]"), "rate": ("within", "{days: 7}")}
"""Kind → the key that it needs, and an example."""
DAYS_DOUBLED_MAX = 1_830

FeatureRules = Mapping[tuple[str, str], Rule]
"""(feature, "where" or "then") → the condition on what it counts."""


def check_features(notes: Notes) -> FeatureRules:
    """Check form, names, types, lengths and conditions of every feature."""
    rules: dict[tuple[str, str], Rule] = {}
    readers: dict[str, RuleReader] = {}
    for name, feature in notes.project.features.items():
        before = len(notes.problems)
        if _check_form(notes, name, feature):
            _Feature(notes, name, feature, readers, rules).check()
        if len(notes.problems) > before:
            notes.doubt(FILE, name)
    return rules


def _check_form(notes: Notes, name: str, feature: Feature) -> bool:
    """Check that there is one kind, and no key of another."""
    kinds = feature.kinds
    if len(kinds) != 1:
        found = " and ".join(kinds) if kinds else "none of them"
        message = f"expected one of {', '.join(FEATURE_KINDS[:-1])} and {FEATURE_KINDS[-1]}, found {found}"
        remedy = "make a feature of each" if kinds else "say what it counts, such as count: purchase"
        notes.report(FILE, [name], message, remedy, "feature-form", key=True, where=[name])
        return False
    before = len(notes.problems)
    for key, allowed in KEYS_OF.items():
        if getattr(feature, key) is not None and feature.kind not in allowed:
            message = f"'{key}' is not for {feature.kind}"
            remedy = "write it at first, then or without" if key == "where" else f"remove it; it is for {allowed[0]}"
            notes.report(FILE, [name, key], message, remedy, "unfit-key", key=True)
    needed, example = NEEDED.get(feature.kind, ("", ""))
    if needed and getattr(feature, needed) is None:
        message = f"{feature.kind} needs '{needed}'"
        notes.report(FILE, [name], message, f"add {needed}: {example}", "missing", key=True, where=[name])
    return len(notes.problems) == before


class _Feature:
    """Checks one feature of one kind."""

    def __init__(
        self,
        notes: Notes,
        name: str,
        feature: Feature,
        readers: dict[str, RuleReader],
        rules: dict[tuple[str, str], Rule],
    ) -> None:
        self.notes = notes
        self.project = notes.project
        self.name = name
        self.feature = feature
        self.readers = readers
        self.rules = rules

    def check(self) -> None:
        """Check everything; what follows from a fault is not reported too."""
        self._check_lengths()
        self._check_per()
        if self.feature.over == "contacts":
            self._check_contacts()
        else:
            self._check_events()

    def _report(self, path: Path, message: str, remedy: str, code: str, *, key: bool = False) -> None:
        self.notes.report(FILE, [self.name, *path], message, remedy, code, key=key)

    def _check_lengths(self) -> None:
        feature = self.feature
        within = feature.within
        if within is None:
            self._check_ever()
        elif feature.kind == "rate" and within.seconds > DAYS_DOUBLED_MAX * 86_400:
            self._report(["within"], f"expected at most {DAYS_DOUBLED_MAX} days for a rate", "shorten it", "length")
        else:
            looks_back = _doubled(within) if feature.kind == "rate" else within
            check_window(self.notes, FILE, [self.name, "within"], looks_back)
        if feature.half_life is not None:
            check_length(self.notes, FILE, [self.name, "half_life"], feature.half_life)
        if feature.sequence is not None and feature.sequence.within is not None:
            check_length(self.notes, FILE, [self.name, "sequence", "within"], feature.sequence.within)

    def _check_ever(self) -> None:
        """Refuse what looks back for ever where what is old is dropped: its value would depend on when."""
        kept = self.project.settings.retention_days
        if kept is not None and not self.notes.gaps.may_hold("project.yaml", "retention_days"):
            message = f"it looks back for ever, and what is older than {kept} days is dropped"
            remedy = f"add within: {{days: {kept}}}, or less"
            self.notes.report(FILE, [self.name], message, remedy, "retention", key=True, where=[self.name])

    def _check_per(self) -> None:
        feature, per = self.feature, self.feature.per
        if per not in ("person", "action") and per not in self.project.levels:
            if not self.notes.gaps.may_hold("levels.yaml", per):
                known = ["person", "action", *self.project.levels]
                remedy = suggest(per, known, "declare it in levels.yaml; known")
                self._report(["per"], f"unknown level '{per}'", remedy, "unknown-level")
            return
        if feature.action_in is not None and (per != "action" or feature.over == "contacts"):
            message = "'action_in' is for features per action over events"
            self._report(["action_in"], message, "remove it, or write per: action", "unfit-key", key=True)
        if per != "action":
            return
        if feature.over == "events" and feature.action_in is None:
            message = "nothing says which action an event is about"
            self._report(["per"], message, "add action_in: ATTRIBUTE, or write over: contacts", "missing")
        for key in ("predictor", "if_missing"):
            if key in feature.model_fields_set and getattr(feature, key) not in (False, None):
                reader = "models" if key == "predictor" else "texts"
                message = f"{reader} do not see features per action: rules of actions do"
                self._report([key], message, "remove it", "unfit-key", key=True)

    def _check_contacts(self) -> None:
        feature = self.feature
        for path, event, _ in self._steps():
            self._check_outcome(path, event)
        attribute = feature.counted[1]
        if self._needs(attribute) and attribute is not None:
            if attribute in CONTACT_ATTRIBUTES:
                self._check_type([feature.kind], attribute, CONTACT_ATTRIBUTE)
            else:
                remedy = suggest(attribute, CONTACT_ATTRIBUTES, "a contact has")
                self._report([feature.kind], f"a contact has no attribute '{attribute}'", remedy, "unknown-attribute")
        if feature.by is not None:
            self._report(["by"], "contacts have nothing that weighs", "remove it", "unfit-key", key=True)
        for path, _, where in self._steps():
            if where is not None:
                here = [*path, "where"] if path[-1] != feature.kind else ["where"]
                remedy = f"use {', '.join(FILTERS)}, or count events"
                self._report(here, "conditions are on events, and this counts contacts", remedy, "unfit-key", key=True)
        self._check_filters()

    def _check_outcome(self, path: Path, outcome: str) -> None:
        outcomes = self.project.outcomes
        if outcome == SHOWN:
            return
        if outcome not in outcomes:
            if not self.notes.gaps.may_hold("outcomes.yaml", outcome):
                remedy = suggest(outcome, [SHOWN, *outcomes], "known outcomes")
                self._report(path, f"unknown outcome '{outcome[:100]}'", remedy, "unknown-outcome")
            return
        covered = self.feature.channels or tuple(self.project.channels)
        channels = [self.project.channels[one] for one in covered if one in self.project.channels]
        is_known = len(channels) == len(covered) and self.notes.all_channels_known()
        if channels and is_known and not any(outcome in channel.outcomes for channel in channels):
            remedy = f"add it to a channel's outcomes ({', '.join(sorted(covered))}), or count another"
            self._report(path, f"outcome '{outcome}' is reported by no channel of the feature", remedy, "never-counts")

    def _check_filters(self) -> None:
        """Check the names of what counts, and of what a share is of."""
        project, feature = self.project, self.feature
        placements = {name for channel in project.channels.values() for name in channel.placements}
        for noun, source, known in (
            ("group", "actions", set(project.groups)),
            ("action", "actions", set(project.actions)),
            ("channel", "channels.yaml", set(project.channels)),
            ("placement", "channels.yaml", placements),
        ):
            if noun == "placement" and not self.notes.all_channels_known():
                continue
            key = f"{noun}s"
            for index, one in enumerate(getattr(feature, key) or ()):
                place = item_place(self.notes, FILE, [self.name, key], index)
                self.notes.expect_name(one, known, source, noun, FILE, place)
            for index, one in enumerate(feature.values or ()) if feature.counted[1] == noun else ():
                self.notes.expect_name(one, known, source, noun, FILE, [self.name, "values", index])

    def _check_events(self) -> None:
        feature = self.feature
        for key in FILTERS:
            if getattr(feature, key) is not None:
                message = f"'{key}' is for contacts, and this counts events"
                self._report([key], message, "write over: contacts, or a condition in where", "unfit-key", key=True)
        known = [self._expect_event(path, event) for path, event, _ in self._steps()]
        sequence = feature.sequence
        if sequence is not None and (sequence.then is None) == (sequence.without is None):
            found = "none of them" if sequence.then is None else "both"
            self._report(["sequence"], f"expected then or without, found {found}", "write one of them", "feature-form")
        if not all(known):
            return
        self._check_attribute(feature.kind, feature.counted[1])
        if feature.by is not None:
            self._check_named("by", feature.by, NUMBERS)
        if feature.action_in is not None and feature.per == "action":
            for _, event, _ in self._steps():
                self._check_named("action_in", feature.action_in, (ValueType.TEXT,), event)
        self._check_conditions()

    def _steps(self) -> list[tuple[list[str | int], str, str | None]]:
        """Give place, event type and condition of everything that is counted."""
        feature, sequence = self.feature, self.feature.sequence
        if sequence is None:
            return [([feature.kind], feature.counted[0], feature.where)]
        steps = (("first", sequence.first), ("then", sequence.then), ("without", sequence.without))
        return [(["sequence", key, "event"], step.event, step.where) for key, step in steps if step is not None]

    def _expect_event(self, path: Path, event: str) -> bool:
        events = self.project.events
        if event in events:
            return True
        if not self.notes.gaps.may_hold(EVENTS, event):
            remedy = suggest(event, list(events), "known event types")
            self._report(path, f"unknown event type '{event[:100]}'", remedy, "unknown-event")
        return False

    def _needs(self, attribute: str | None) -> bool:
        """Check that there is an attribute where the kind takes one, and none where not."""
        kind = self.feature.kind
        if kind in TAKES and kind not in OPTIONAL and attribute is None:
            event = self.feature.counted[0]
            message = f"{kind} needs an attribute of '{event}'"
            self._report([kind], message, f"write {kind}: {event}.ATTRIBUTE", "missing-attribute")
            return False
        if kind not in TAKES and attribute is not None:
            remedy = f"write {kind}: {self.feature.counted[0]}, or choose another kind"
            self._report([kind], f"{kind} takes no attribute", remedy, "needless-attribute")
            return False
        return True

    def _check_attribute(self, kind: str, attribute: str | None) -> None:
        if not self._needs(attribute) or attribute is None:
            return
        declared = value_of(self.project, self.feature, attribute)
        if declared is None:
            self._unknown_attribute([kind], attribute, self.feature.counted[0])
            return
        self._check_type([kind], attribute, declared)
        for index, value in enumerate(self.feature.values or ()):
            if declared.values is not None and value not in declared.values:
                remedy = suggest(value, declared.values, "its values")
                message = f"{self.feature.counted[0]}.{attribute} is never '{value[:100]}'"
                self._report(["values", index], message, remedy, "impossible-value")

    def _check_type(self, path: Path, attribute: str, declared: EventAttribute) -> None:
        allowed = TAKES[self.feature.kind]
        if declared.type not in allowed:
            words = " or ".join(kind.value for kind in allowed)
            message = f"{self.feature.kind} takes {words}, and {attribute} is of type {declared.type.value}"
            self._report(path, message, "choose another attribute or kind", "wrong-type")

    def _check_named(self, key: str, attribute: str, types: Sequence[ValueType], event: str | None = None) -> None:
        """Check an attribute that stands in a key of its own."""
        event = event or self.feature.counted[0]
        declared = self.project.events[event].attributes.get(attribute)
        if declared is None:
            self._unknown_attribute([key], attribute, event)
        elif declared.type not in types:
            words = " or ".join(kind.value for kind in types)
            message = f"{key} takes {words}, and {attribute} is of type {declared.type.value}"
            self._report([key], message, "choose another attribute", "wrong-type")

    def _unknown_attribute(self, path: Path, attribute: str, event: str) -> None:
        known = self.project.events[event].attributes
        message = f"event type '{event}' has no attribute '{attribute[:100]}'"
        self._report(path, message, suggest(attribute, list(known), "its attributes"), "unknown-attribute")

    def _check_conditions(self) -> None:
        for part, (path, event, where) in zip(("where", "then"), self._steps(), strict=False):
            if where is None:
                continue
            if event not in self.readers:
                attributes = self.project.events[event].attributes
                own = {f"event.{name}": attribute for name, attribute in attributes.items()}
                remedy = f"a condition sees the event alone: {', '.join(own) or 'it has no attributes'}"
                self.readers[event] = RuleReader(self.notes, own, remedy)
            here = ["where"] if self.feature.sequence is None else [*path[:-1], "where"]
            rule = self.readers[event].condition(where, FILE, [self.name, *here])
            if rule is not None:
                self.rules[self.name, part] = rule


def _doubled(length: Duration) -> Duration:
    return Duration(days=2 * length.calendar_days, minutes=2 * (length.elapsed_seconds // 60))
