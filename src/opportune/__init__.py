"""Opportune decides what is best to offer or do next, and learns from every answer."""

__version__ = "0.1.0"

__all__ = ["__version__"]
