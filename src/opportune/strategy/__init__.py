"""A strategy's files: loaded into typed sections, checked with all problems at once, compiled into a plan."""

from opportune.strategy.check import check, check_directory, check_files
from opportune.strategy.checked import CheckedProject
from opportune.strategy.compile import Registries, compile_plan, registries
from opportune.strategy.load import load, load_files
from opportune.strategy.persona import PersonaResult, run_persona, unexplored
from opportune.strategy.project import Project, content_hash
from opportune.strategy.schema import write_schemas
from opportune.strategy.starter import copy_starter

__all__ = [
    "CheckedProject",
    "PersonaResult",
    "Project",
    "Registries",
    "check",
    "check_directory",
    "check_files",
    "compile_plan",
    "content_hash",
    "copy_starter",
    "load",
    "load_files",
    "registries",
    "run_persona",
    "unexplored",
    "write_schemas",
]
