"""Customers: what may be known of them, and how untyped input becomes facts."""

from opportune.customers.attributes import Attribute, Registry

__all__ = ["Attribute", "Registry"]
