"""The running installation and its HTTP interface."""

from opportune.service.runtime import Runtime
from opportune.service.settings import Settings

__all__ = ["Runtime", "Settings"]
