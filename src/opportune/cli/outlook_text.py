"""What a change will do, as lines for people."""

from __future__ import annotations

from collections.abc import Iterator

from rich.markup import escape

from opportune.cli.output import count, out
from opportune.evaluate.foresight.outlook import Effect, Outlook
from opportune.evaluate.foresight.proposal import Proposal
from opportune.evaluate.foresight.sentences import conflict_said, policies_said

__all__ = ["print_outlook"]

LISTED = 10
"""Contacts, actions, policies and conflicts that the terminal shows; the page and --json have more."""

_SOURCES = {
    "decisions": "recorded decisions",
    "profiles": "contacts of customers of the store",
    "file": "contacts of customers of the file",
    "imagined": "contacts of imagined customers",
}
_THRESHOLDS = {"changed": "get something else", "empty": "end with nothing", "emptied": "get nothing any more"}


def print_outlook(proposal: Proposal) -> None:
    """Print a summary."""
    for line in _lines(proposal):
        out.print(escape(line))


def _lines(proposal: Proposal) -> Iterator[str]:
    seen = proposal.outlook
    changes = proposal.differences
    yield f"From {proposal.before} to {proposal.after}: {count(len(changes), 'difference')}."
    yield from (f"  {change}" for change in changes[:LISTED])
    yield from _rest(len(changes))
    yield ""
    who = f"{_SOURCES[proposal.source]} of {count(seen.persons, 'person')}"
    yield f"{seen.contacts:,} {who}, decided both ways."
    if proposal.left_out:
        yield f"Left out: {count(proposal.left_out, 'row')} of the file that cannot be read."
    yield from _changed(seen)
    yield from _nothing(seen)
    yield from _effects(seen)
    yield from _conflicts(seen)
    yield from _verdict(proposal)


def _changed(seen: Outlook) -> Iterator[str]:
    kinds = ", ".join(f"{number:,} {kind}" for kind, number in seen.kinds.items())
    told = f"{count(seen.changed, 'contact')} of {count(seen.changed_persons, 'person')} change"
    yield f"{told} ({seen.changed_share:.1%})" + (f": {kinds}." if kinds else ".")
    for side, number in (("before", seen.refused_before), ("after", seen.refused_after)):
        if number:
            yield f"{count(number, 'request')} would be refused {side}."
    for change in seen.changes[:LISTED]:
        yield f"  {change.name}: {'; '.join(change.before) or 'nothing'} → {'; '.join(change.after) or 'nothing'}"
    yield from _rest(len(seen.changes))
    moved = [one for one in seen.actions if one.gained or one.lost]
    if moved:
        yield ""
        yield "Actions, by contacts in which they are shown:"
    for one in moved[:LISTED]:
        yield (
            f"  {one.action:<24} {one.before:>7,} → {one.after:>7,}  ({one.share_before:.1%} → {one.share_after:.1%}; "
            f"{one.gained:,} gained, {one.lost:,} lost)"
        )
    yield from _rest(len(moved))


def _nothing(seen: Outlook) -> Iterator[str]:
    yield ""
    yield (
        f"Nothing to show: {seen.empty_before:,} before, {seen.empty_after:,} after "
        f"({seen.empty_share:.1%}); {seen.emptied:,} got something before."
    )
    for title, wants in (
        ("Of those, left so by:", seen.wants),
        ("Of all, left so by (a contact may count in several lines):", seen.funnel_after.wants),
    ):
        if wants:
            yield title
        for want in wants[:LISTED]:
            yield f"  {want.contacts:>7,}  {policies_said(want.policies)}"
        yield from _rest(len(wants))


def _effects(seen: Outlook) -> Iterator[str]:
    yield ""
    if seen.effects is None:
        yield "What it brings cannot be foretold: nothing was learned yet (--store takes what was learned)."
        return
    yield "Expected per contact (95 % intervals over persons):"
    for effect in seen.effects:
        yield f"  {_effect(effect)}"
        for remark in effect.remarks:
            yield (
                f"    take care: {remark}" if effect.told_by == "journal" else f"    the journal cannot tell: {remark}"
            )


def _effect(effect: Effect) -> str:
    gain = effect.gain
    by = "by recorded answers" if effect.told_by == "journal" else "by the model's expectation"
    difference = f"{gain.value:+.4g} ({gain.low:+.4g} to {gain.high:+.4g}) {effect.unit}".rstrip()
    return f"{effect.goal:<18} {effect.before:.4g} → {effect.after:.4g}, {difference}, {by}"


def _conflicts(seen: Outlook) -> Iterator[str]:
    found = seen.funnel_after.conflicts
    for title, some in (
        ("Conflicts:", [one for one in found if one.certain]),
        ("In these contacts:", [one for one in found if not one.certain]),
    ):
        if some:
            yield ""
            yield title
        yield from (f"  {conflict_said(one)}" for one in some[:LISTED])
        yield from _rest(len(some))


def _verdict(proposal: Proposal) -> Iterator[str]:
    if proposal.thresholds:
        yield ""
    for one in proposal.thresholds:
        word = "too many" if one.is_passed else "within the threshold"
        yield f"{one.found:.2%} {_THRESHOLDS[one.name]}, at most {one.most:.2%} may: {word}."


def _rest(number: int) -> Iterator[str]:
    if number > LISTED:
        yield f"  and {number - LISTED:,} more"
