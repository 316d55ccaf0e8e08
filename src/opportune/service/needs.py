"""What of a person's past and of a conversation the decisions of a strategy need: nothing else is read."""

from __future__ import annotations

from dataclasses import dataclass

from opportune.service.revisions import Strategy

__all__ = ["Needs", "needs_of"]

_EVERY_KIND = ("decision", "outcome", "event", "consent", "member")


@dataclass(frozen=True, slots=True)
class Needs:
    """What decisions need beside the profile.

    Args:
        contacts: the person's contacts, for limits, what they cost goals, and features.
        events: types of events that features count.
        consents: what the person said of purposes.
        horizon_seconds: how far back contacts and events matter; None is ever.
        levels: whose units' attributes and events matter, such as "household".
        unit_events: of these, whose members' events and contacts features and limits count.
        session: what was said and shown in the conversation before.
    """

    contacts: bool = False
    events: frozenset[str] = frozenset()
    consents: bool = False
    horizon_seconds: int | None = 0
    levels: frozenset[str] = frozenset()
    unit_events: frozenset[str] = frozenset()
    session: bool = False

    @property
    def past(self) -> bool:
        """Whether anything of the person's past has to be read, and decisions are to know all of it."""
        return self.contacts or self.consents or bool(self.events) or bool(self.levels)

    @property
    def kinds(self) -> tuple[str, ...]:
        """Kinds of journal entries of the person that a decision has to know."""
        wanted = (self.contacts, self.contacts, bool(self.events), self.consents, bool(self.levels))
        return tuple(kind for kind, is_wanted in zip(_EVERY_KIND, wanted, strict=True) if is_wanted)


def needs_of(strategy: Strategy) -> Needs:
    """Say what decisions of a strategy need."""
    limits, features = strategy.plan.limits, strategy.features
    horizons = [limits.horizon_seconds, features.horizon_seconds if len(features) else 0]
    return Needs(
        contacts=limits.horizon_seconds > 0 or features.needs_contacts,
        events=features.event_types,
        consents=bool(limits.purposes),
        horizon_seconds=None if None in horizons else max(one for one in horizons if one is not None),
        levels=frozenset(strategy.project.levels),
        unit_events=features.levels | limits.levels,
        session=bool(strategy.registries.kept) or any("session" in text for text in strategy.project.files.values()),
    )
