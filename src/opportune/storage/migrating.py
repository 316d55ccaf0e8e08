"""The migrations that come with the program: numbered files, one folder per backend."""

from __future__ import annotations

from importlib import resources

__all__ = ["migrations"]


def migrations(backend: str) -> list[tuple[int, str, str]]:
    """(number, name, SQL) of every migration of "sqlite" or "postgresql", in order."""
    folder = resources.files("opportune.storage") / "migrations" / backend
    files = sorted((file for file in folder.iterdir() if file.name.endswith(".sql")), key=lambda file: file.name)
    return [(int(file.name[:4]), file.name.removesuffix(".sql"), file.read_text("utf-8")) for file in files]
