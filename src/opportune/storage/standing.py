"""Which reports about a decision stand: the final truth, whatever the order in which they came."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from opportune.records import Sign
from opportune.storage.kinds import OutcomeBody

__all__ = ["UNSEEN", "Report", "report_of", "standing"]

UNSEEN = "unseen"
"""Outcome of an action that was recorded as shown and was not; no strategy declares it, so it teaches nothing. It is no
contact, and gives back what the action reserved."""


@dataclass(frozen=True, slots=True)
class Report:
    """What somebody said of one decision.

    Args:
        id: of the report, by whoever made it; the same id always says the same.
        occurred_at: microseconds since 1970 UTC.
        expiry: the silence of an elapsed window.
        amount: how much, for outcome types that carry a value; minor units of money.
        replaces: id of the report that this one corrects, "" for none.
        withdraws: id of a report that never was; then this one says nothing else.
        leads_on: something may still follow it that answers as well, such as a purchase after a click.
    """

    id: str
    action: str
    treatment: str
    outcome: str
    sign: Sign
    occurred_at: int
    expiry: bool = False
    amount: int | float | None = None
    replaces: str = ""
    withdraws: str = ""
    leads_on: bool = False

    @property
    def shown(self) -> tuple[str, str]:
        """What it speaks of: (action, treatment)."""
        return self.action, self.treatment

    @property
    def settles(self) -> bool:
        """Whether it ends a response window: it is the last that is said of the action, and silence does not say it."""
        return self.sign is not Sign.NEUTRAL and not self.expiry and not self.withdraws and not self.leads_on


def report_of(name: str, occurred_at: int, body: OutcomeBody) -> Report:
    """Give the report that an entry of an outcome is.

    Args:
        name: the report's id.
        occurred_at: microseconds since 1970 UTC.
    """
    return Report(
        id=name,
        action=body.action,
        treatment=body.treatment,
        outcome=body.outcome,
        sign=body.sign,
        occurred_at=occurred_at,
        expiry=body.expiry,
        amount=body.amount,
        replaces=body.replaces,
        withdraws=body.withdraws,
        leads_on=body.leads_on,
    )


def standing(reports: Iterable[Report]) -> list[Report]:
    """Give the reports of one decision that stand, in the order in which things happened.

    * A report that was withdrawn never was, nor was the correction that it made.
    * A report that another one replaces does not stand, whether or not that other one stands itself: what was
      corrected twice is what the last correction says.
    * Silence gives way to every true answer about the same action, however late; it stands beside one that leads on,
      since what was to follow did not come.
    * Of the same moment, the order of the ids counts.
    """
    known = {report.id: report for report in reports}
    withdrawn = {report.withdraws for report in known.values() if report.withdraws}
    said = [report for report in known.values() if not report.withdraws and report.id not in withdrawn]
    replaced = {report.replaces for report in said if report.replaces}
    said = [report for report in said if report.id not in replaced]
    answered = {report.action for report in said if report.settles}
    said = [report for report in said if not (report.expiry and report.action in answered)]
    return sorted(said, key=_place_in_time)


def _place_in_time(report: Report) -> tuple[int, str, str, str, str, str]:
    # The id of a silence is drawn by whoever noticed it.
    name = "" if report.expiry else report.id
    return report.occurred_at, name, report.action, report.treatment, report.outcome, report.id
