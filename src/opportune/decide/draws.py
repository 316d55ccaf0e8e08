"""Uniform numbers from a seed and a label, the same in every process and on every machine."""

from __future__ import annotations

from hashlib import blake2b

__all__ = ["Draws", "share_of"]


class Draws:
    """The randomness of one decision: the same seed and label give the same number.

    Args:
        seed: what all draws derive from; kept in the decision.

    Example:
        >>> Draws("s-1").uniform("main/1") == Draws("s-1").uniform("main/1")
        True
    """

    __slots__ = ("seed",)

    def __init__(self, seed: str) -> None:
        self.seed = seed

    def uniform(self, label: str) -> float:
        """Give the number of `label`, uniform in [0, 1)."""
        return share_of(f"{self.seed}\x00{label}")


def share_of(text: str) -> float:
    """Map a text to a number, uniform in [0, 1) over different texts (53 bits of BLAKE2b)."""
    digest = blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return (int.from_bytes(digest, "little") >> 11) * 2.0**-53
