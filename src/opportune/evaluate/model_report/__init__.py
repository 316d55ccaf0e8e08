"""The model report: how good each model is, what it rests on, and what to look at."""

from opportune.evaluate.model_report.page import page_of
from opportune.evaluate.model_report.parts import ModelReport
from opportune.evaluate.model_report.report import report_of
from opportune.evaluate.speech import LANGUAGES

__all__ = ["LANGUAGES", "ModelReport", "page_of", "report_of"]
