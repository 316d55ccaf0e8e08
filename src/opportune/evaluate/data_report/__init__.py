"""The data report: what is wrong with the inputs of decisions, and what to look at."""

from opportune.evaluate.data_report.page import page_of
from opportune.evaluate.data_report.parts import Concern, DataReport, InputQuality
from opportune.evaluate.data_report.report import concerns, report_of

__all__ = ["Concern", "DataReport", "InputQuality", "concerns", "page_of", "report_of"]
