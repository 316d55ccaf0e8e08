"""Decision tables: a sheet with conditions as columns, read into the same rules as all others."""

from opportune.strategy.tables.cells import CellError, Condition, condition_of
from opportune.strategy.tables.cover import Cover
from opportune.strategy.tables.sheet import Cell, Sheet, SheetError, read_sheet

__all__ = ["Cell", "CellError", "Condition", "Cover", "Sheet", "SheetError", "condition_of", "read_sheet"]
