"""Outcomes: what they teach, and the learner that folds them into the model."""

from opportune.outcomes.labels import answers
from opportune.outcomes.learner import Learner, Lesson, Taught, carried, new_model
from opportune.outcomes.lessons import LessonBook, lessons, teach
from opportune.outcomes.names import Names

__all__ = [
    "Learner",
    "Lesson",
    "LessonBook",
    "Names",
    "Taught",
    "answers",
    "carried",
    "lessons",
    "new_model",
    "teach",
]
