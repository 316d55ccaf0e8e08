"""The running installation and its HTTP interface."""

from opportune.service.embedded import EmbeddedRuntime
from opportune.service.runtime import Runtime
from opportune.service.settings import Settings

__all__ = ["EmbeddedRuntime", "Runtime", "Settings"]
