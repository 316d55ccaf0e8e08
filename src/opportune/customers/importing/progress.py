"""How far an import has come: a file beside its source, so that the same command goes on after any interruption."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from opportune.errors import InputError

__all__ = ["Progress", "ProgressFile"]

_REMEDY = "undo that to go on, or give --restart to import everything once more"


class Progress(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is done.

    Args:
        run: of which the ids of all writes are made.
        about: what must be the same to go on: name → digest.
        rows: how many are done, the first ones of the source.
        imported, new, refused: how many of them were written, brought a new customer, were refused.
        report_bytes: written of the report of refused rows.
        last: sequence and id of the last entry in the journal; 0 and "" before the first, and where none can be seen.
    """

    run: str
    about: dict[str, str]
    rows: int = 0
    imported: int = 0
    new: int = 0
    refused: int = 0
    report_bytes: int = 0
    last: tuple[int, str] = (0, "")


class ProgressFile:
    """Keeps progress beside a source, until the import is complete."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self, about: dict[str, str]) -> Progress | None:
        """Give the progress of an interrupted import; None where there was none.

        Raises:
            InputError: it was another import: of another content, or to another place.
        """
        try:
            content = self.path.read_bytes()
        except FileNotFoundError:
            return None
        try:
            found = msgspec.json.decode(content, type=Progress)
        except msgspec.MsgspecError:
            raise InputError.of(
                str(self.path),
                "expected the progress of an import, found something else",
                "give --restart to import everything once more",
            ) from None
        changed = [name for name in about if found.about.get(name) != about[name]]
        if changed:
            message = f"an import was interrupted after {found.rows:,} rows, and changed since: {', '.join(changed)}"
            raise InputError.of(str(self.path), message, _REMEDY)
        return found

    def write(self, progress: Progress) -> None:
        """Keep progress; it is on the disk when this returns, and at no moment is there half of it."""
        part = self.path.with_name(self.path.name + ".part")
        with part.open("wb") as file:
            file.write(msgspec.json.format(msgspec.json.encode(progress)))
            file.flush()
            os.fsync(file.fileno())
        part.replace(self.path)

    def remove(self) -> None:
        """Forget an import that is complete."""
        self.path.unlink(missing_ok=True)
