"""What is different between two strategies, in words."""

from __future__ import annotations

from opportune.strategy.project import Project

__all__ = ["differences"]


def differences(before: Project, after: Project) -> tuple[str, ...]:
    """List what changed."""
    paths = sorted({*before.files, *after.files})
    return tuple(f"{path} changed" for path in paths if before.files.get(path) != after.files.get(path))
