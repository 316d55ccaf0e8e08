"""Typed sections of a strategy project: what each file says, as plain frozen data; a module for each subject."""

from opportune.strategy.sections.base import Section

__all__ = ["Section"]
