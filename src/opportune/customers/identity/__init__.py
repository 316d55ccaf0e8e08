"""Who somebody is: kinds of identifiers and how they are written, proofs, and likely duplicates."""

from opportune.customers.identity.kinds import CUSTOMER, Identifier, Identifiers, Kind, Trust

__all__ = ["CUSTOMER", "Identifier", "Identifiers", "Kind", "Trust"]
