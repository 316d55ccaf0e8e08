"""Import of customers: rows of a file or a query become attributes, a batch at a time; what was done is remembered."""

from opportune.customers.importing.formats import FORMATS, open_source
from opportune.customers.importing.mapping import ColumnMap, Feed, MappingFile, match_columns, read_mapping_file
from opportune.customers.importing.notes import Notes
from opportune.customers.importing.progress import Progress, ProgressFile
from opportune.customers.importing.query import copy_query
from opportune.customers.importing.refused import RefusedRows
from opportune.customers.importing.rows import Row, RowReader
from opportune.customers.importing.sources import Batch, CsvOptions, Source

__all__ = [
    "FORMATS",
    "Batch",
    "ColumnMap",
    "CsvOptions",
    "Feed",
    "MappingFile",
    "Notes",
    "Progress",
    "ProgressFile",
    "RefusedRows",
    "Row",
    "RowReader",
    "Source",
    "copy_query",
    "match_columns",
    "open_source",
    "read_mapping_file",
]
