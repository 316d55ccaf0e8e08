"""Likely duplicates: persons who may be one and the same, found and weighed, never merged."""

from opportune.customers.identity.duplicates.people import Compared, Person
from opportune.customers.identity.duplicates.proposals import (
    ACCEPTED,
    Accepted,
    Proposal,
    read_accepted,
    write_proposals,
)
from opportune.customers.identity.duplicates.search import Found, search

__all__ = [
    "ACCEPTED",
    "Accepted",
    "Compared",
    "Found",
    "Person",
    "Proposal",
    "read_accepted",
    "search",
    "write_proposals",
]
