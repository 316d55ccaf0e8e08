"""Rebuild: learn again what is finally true, in the order of the decisions.

The journal has outcomes in the order in which they came; models that depend on order have learned them so. A rebuild
folds the final truth of every decision, one decision after the other, under the strategy of today: whatever the order
in which the same reports came, it leads to the same state, bit by bit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from opportune.decide import Plan
from opportune.outcomes import Account, Learner, Lesson, Names, Truth, accounts, new_model, standing, truth_digest
from opportune.storage import Kind, Storage

__all__ = ["Rebuilt", "lesson_of", "rebuilt", "truths"]

PAGE = 500

Progress = Callable[[int, int], None]
"""Called with (steps done, steps in all); every answered decision is two steps."""


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What a rebuild came to.

    Args:
        learner: with the model, at the journal position up to which truths were taken.
        decisions: that were answered; `reports` that stand of them.
        digest: of the ledger of final truths.
    """

    learner: Learner
    decisions: int
    reports: int
    digest: str


def rebuilt(
    storage: Storage,
    plan: Plan,
    names: Names,
    kernel: str,
    until: int,
    progress: Progress = lambda done, total: None,
) -> Rebuilt:
    """Learn every final truth of the journal.

    Args:
        plan: of today.
        names: what earlier revisions called otherwise.
        until: last journal entry whose reports count.

    Raises:
        StoreError: the store cannot be read.
    """
    learner = Learner(plan, new_model(plan, kernel), until, names)
    decisions = reports = 0

    def learned() -> Iterator[Truth]:
        nonlocal decisions, reports
        for account in truths(storage, until, progress):
            truth = Truth(account.decision, account.at, tuple(standing(account.reports)))
            if truth.reports and account.facts:
                learner.learn_truth(lesson_of(account, until))
            decisions += 1
            reports += len(truth.reports)
            yield truth

    digest = truth_digest(learned())
    return Rebuilt(learner, decisions, reports, digest)


def truths(storage: Storage, until: int, progress: Progress = lambda done, total: None) -> Iterator[Account]:
    """Give the account of every decision that anything was reported of, in the order of the decisions.

    Args:
        until: last journal entry that counts.

    Raises:
        StoreError: the store cannot be read.
    """
    answered = list(_answered(storage, until))
    moments: list[tuple[int, str]] = []
    for begin in range(0, len(answered), PAGE):
        found = accounts(storage, answered[begin : begin + PAGE], until + 1)
        moments += [(account.at, account.decision) for account in found if account.sequence <= until]
        progress(min(begin + PAGE, len(answered)), 2 * len(answered))
    moments.sort()
    for begin in range(0, len(moments), PAGE):
        names = [decision for _, decision in moments[begin : begin + PAGE]]
        known = {account.decision: account for account in accounts(storage, names, until + 1)}
        yield from (known[name] for name in names if name in known)
        progress(len(answered) + min(begin + PAGE, len(moments)), 2 * len(answered))


def _answered(storage: Storage, until: int) -> dict[str, None]:
    """Ids of the decisions that outcomes name."""
    found: dict[str, None] = {}
    after = 0
    while page := storage.journal(after, PAGE, (Kind.OUTCOME,)):
        found |= {entry.decision: None for entry in page if entry.decision is not None and entry.sequence <= until}
        after = page[-1].sequence
        if after >= until:
            break
    return found


def lesson_of(account: Account, sequence: int) -> Lesson:
    """All that finally stands of one decision, as if it came at once."""
    return Lesson(
        sequence=sequence,
        decision=account.decision,
        at=account.at,
        who=account.who,
        facts=account.facts,
        channel=account.channel,
        before=(),
        report=account.reports[-1],
        after=account.reports,
        withheld=account.withheld,
    )
