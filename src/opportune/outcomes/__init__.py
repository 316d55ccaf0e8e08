"""Outcomes: what is finally true of them, what they teach, and the learner that folds them into the model."""

from opportune.outcomes.labels import answers, happened
from opportune.outcomes.learner import Learner, Lesson, Taught, carried, new_model, terms_of
from opportune.outcomes.ledger import Truth, truth_digest
from opportune.outcomes.lessons import Account, LessonBook, accounts, lessons, teach
from opportune.outcomes.names import Names
from opportune.outcomes.quota import Quota, Terms, joined, parted
from opportune.storage.standing import Report, standing

__all__ = [
    "Account",
    "Learner",
    "Lesson",
    "LessonBook",
    "Names",
    "Quota",
    "Report",
    "Taught",
    "Terms",
    "Truth",
    "accounts",
    "answers",
    "carried",
    "happened",
    "joined",
    "lessons",
    "new_model",
    "parted",
    "standing",
    "teach",
    "terms_of",
    "truth_digest",
]
