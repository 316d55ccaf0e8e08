"""Texts with labels, and small models made of them."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from opportune.customers.texts import Origin, Samples, Trained, read_samples, train

SAMPLES = Path(__file__).parent / "samples"
ORIGIN = Origin("en", "a part of BANKING77", "CC BY 4.0")


@lru_cache
def banking() -> Samples:
    """Questions of bank customers in ten categories."""
    return read_samples(SAMPLES / "banking.csv", "text", "category", several=False)


@lru_cache
def moods() -> Samples:
    """Lines of Polish film dialogue with their emotions."""
    return read_samples(SAMPLES / "moods.csv", "text", "emotions", several=True)


@lru_cache
def topics() -> Trained:
    """A model of the ten categories."""
    return train(banking().rows, False, ORIGIN)
