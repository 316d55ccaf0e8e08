"""A strategy's files: loaded into typed sections, checked with all problems at once, compiled into a plan."""

from opportune.strategy.check import check, check_directory, check_files
from opportune.strategy.checked import CheckedProject
from opportune.strategy.load import load, load_files
from opportune.strategy.project import Project, content_hash

__all__ = [
    "CheckedProject",
    "Project",
    "check",
    "check_directory",
    "check_files",
    "content_hash",
    "load",
    "load_files",
]
