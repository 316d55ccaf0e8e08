"""What a change of strategy will do, before it is published: by deciding real or imagined contacts both ways."""

from opportune.evaluate.foresight.cases import Case, Side
from opportune.evaluate.foresight.conflicts import conflicts
from opportune.evaluate.foresight.funnel import Funnel
from opportune.evaluate.foresight.outlook import Outlook, Sides, outlook
from opportune.evaluate.foresight.populated import funnel_of
from opportune.evaluate.foresight.rulebook import Policy, Rulebook
from opportune.evaluate.foresight.tally import Tally

__all__ = [
    "Case",
    "Funnel",
    "Outlook",
    "Policy",
    "Rulebook",
    "Side",
    "Sides",
    "Tally",
    "conflicts",
    "funnel_of",
    "outlook",
]
