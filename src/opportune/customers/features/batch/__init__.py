"""Features at many moments of many persons, from files to a file; apart, as reading files loads much."""

from opportune.customers.features.batch.columns import ColumnWriter
from opportune.customers.features.batch.event_files import EventFile, PersonPart, PointFile, parts_of
from opportune.customers.features.batch.points import Known, Past, Point, values_at

__all__ = ["ColumnWriter", "EventFile", "Known", "Past", "PersonPart", "Point", "PointFile", "parts_of", "values_at"]
