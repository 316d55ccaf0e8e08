"""Taking in what happened, in the shapes that others send it in."""

from opportune.customers.intake.event import Event, Item, Names, ProfileNews, SamePerson, Told
from opportune.customers.intake.shapes import items_of, read_item

__all__ = ["Event", "Item", "Names", "ProfileNews", "SamePerson", "Told", "items_of", "read_item"]
