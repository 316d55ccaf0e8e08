"""Outcomes: what they teach, and the learner that folds them into the model."""

from opportune.outcomes.labels import answers
from opportune.outcomes.learner import Learner, Lesson, new_model
from opportune.outcomes.lessons import LessonBook, lessons, teach

__all__ = ["Learner", "Lesson", "LessonBook", "answers", "lessons", "new_model", "teach"]
