"""Sources of the context: what may be known of a contact that nobody says.

`Sources.fill` asks all of them for one contact. A member of the family is one file with a class that has `values`; it
is made for the names that are wanted of it.
"""

from opportune.customers.context.anniversaries import Anniversary
from opportune.customers.context.base import NO_ANSWERS, SESSION_START, Answers, Call, Contact, Doubt, Service, Source
from opportune.customers.context.calendars import Calendar, Event
from opportune.customers.context.channels import ChannelName
from opportune.customers.context.clock import Clock
from opportune.customers.context.devices import Device
from opportune.customers.context.places import Places
from opportune.customers.context.public_holidays import Code, Holidays
from opportune.customers.context.recorded import Recorded
from opportune.customers.context.remote import Address, Remote, address_of
from opportune.customers.context.sources import NO_SOURCES, Gathered, Sources, Step, Target

__all__ = [
    "NO_ANSWERS",
    "NO_SOURCES",
    "SESSION_START",
    "Address",
    "Anniversary",
    "Answers",
    "Calendar",
    "Call",
    "ChannelName",
    "Clock",
    "Code",
    "Contact",
    "Device",
    "Doubt",
    "Event",
    "Gathered",
    "Holidays",
    "Places",
    "Recorded",
    "Remote",
    "Service",
    "Source",
    "Sources",
    "Step",
    "Target",
    "address_of",
]
