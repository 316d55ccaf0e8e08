"""Logs as one JSON object per line on standard error; names, counts and places, never values of persons."""

from __future__ import annotations

import logging
import sys

import structlog

__all__ = ["place_of", "set_up_logs"]


def set_up_logs() -> None:
    """Make all logs of the process JSON lines, those of libraries too."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_JsonLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)


def place_of(error: BaseException) -> str:
    """Name the innermost place of an error; never its text, which may repeat private values."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return "" if trace is None else f"{trace.tb_frame.f_code.co_filename.rpartition('/')[2]}:{trace.tb_lineno}"


class _JsonLines(logging.Formatter):
    """Libraries may log what they were given: only where and what kind is kept of an error."""

    def format(self, record: logging.LogRecord) -> str:
        """Write one record."""
        fields = {"level": record.levelname.lower(), "logger": record.name, "event": record.msg}
        if record.exc_info and record.exc_info[0] is not None:
            fields["error"] = record.exc_info[0].__name__
        return str(structlog.processors.JSONRenderer()(None, "", fields))
