"""Opportune decides what is best to offer or do next, and learns from every answer."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from opportune.client import AsyncClient, Client
    from opportune.errors import ServiceError

__version__ = "0.1.0"

__all__ = ["AsyncClient", "Client", "ServiceError", "__version__"]


def __getattr__(name: str) -> Any:
    # Only who asks for a client loads an HTTP library.
    if name in ("AsyncClient", "Client"):
        return getattr(import_module("opportune.client"), name)
    if name == "ServiceError":
        return import_module("opportune.errors").ServiceError
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
