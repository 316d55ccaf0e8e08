"""Numbered migrations, one folder per backend; a released one is never edited."""

__all__: list[str] = []
