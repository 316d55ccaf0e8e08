"""Evaluation: how good were the propensities, and what would other choices have earned."""

from opportune.evaluate.metrics import auc, calibration, log_loss, running_rate, within
from opportune.evaluate.progressive import ProgressiveReport, Trail, progress, report

__all__ = [
    "ProgressiveReport",
    "Trail",
    "auc",
    "calibration",
    "log_loss",
    "progress",
    "report",
    "running_rate",
    "within",
]
