"""Numbers in 16 bits, compiled: what predictions read, in half the bytes.

Two forms: the upper half of a float32, with 8 significant bits and its range; and half precision, with 11 significant
bits up to 65,504 (IEEE 754, binary16). After a change here bayes_numba.py has to be touched, or the compiler's cache
keeps the old forms.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import binding, ir  # type: ignore[import-untyped]
from numba import njit, types
from numba.extending import intrinsic

from opportune.learning.narrow_numpy import HALF_MAX, UPPER_BIT

__all__ = ["from_half", "from_upper", "to_half", "to_upper"]

WORD, SINGLE = ir.IntType(32), ir.FloatType()
HAS_HALVES = "x86" not in binding.get_process_triple() or bool(binding.get_host_cpu_features().get("f16c"))
"""Whether the processor reads half precision; x86 from before 2012 does not, and some virtual machines."""
LEAST_NORMAL, SUBNORMALS = np.float32(2.0**-14), np.float32(2.0**24)
"""Smaller numbers in half precision are whole multiples of 1 / SUBNORMALS."""
EXPONENTS = 112 << 23
"""By so much a float32 counts its powers of two from another one, where they stand in its bits."""


def _word(number: int) -> Any:
    return ir.Constant(WORD, number)


def _from_upper(_typing: object, upper: Any) -> tuple[Any, Any]:
    """Give the float32 whose upper half these 16 bits are."""

    def generate(_context: object, builder: Any, _signature: object, arguments: Any) -> Any:
        return builder.bitcast(builder.shl(builder.zext(arguments[0], WORD), _word(16)), SINGLE)

    return types.float32(types.uint16), generate


def _to_upper(_typing: object, number: Any) -> tuple[Any, Any]:
    """Give the upper half of a float32, rounded."""

    def generate(_context: object, builder: Any, _signature: object, arguments: Any) -> Any:
        rounded = builder.add(builder.bitcast(arguments[0], WORD), _word(int(UPPER_BIT)))
        return builder.trunc(builder.lshr(rounded, _word(16)), ir.IntType(16))

    return types.uint16(types.float32), generate


def read_half(builder: Any, half: Any) -> Any:
    """Build what gives the float32 of a number in half precision from its bits alone."""
    bits = builder.zext(half, WORD)
    size = builder.bitcast(builder.shl(builder.and_(bits, _word(0x7FFF)), _word(13)), SINGLE)
    # Also right for numbers below LEAST_NORMAL, which are not normal here either until they are multiplied.
    sized = builder.bitcast(builder.fmul(size, ir.Constant(SINGLE, 2.0**112)), WORD)
    sign = builder.shl(builder.and_(bits, _word(0x8000)), _word(16))
    return builder.bitcast(builder.or_(sized, sign), SINGLE)


def _from_half(_typing: object, half: Any) -> tuple[Any, Any]:
    """Give the float32 of a finite number in half precision."""

    def generate(_context: object, builder: Any, _signature: object, arguments: Any) -> Any:
        if not HAS_HALVES:
            return read_half(builder, arguments[0])
        return builder.fpext(builder.bitcast(arguments[0], ir.HalfType()), SINGLE)

    return types.float32(types.uint16), generate


def _bits(_typing: object, number: Any) -> tuple[Any, Any]:
    """Give the bits of a float32."""

    def generate(_context: object, builder: Any, _signature: object, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], WORD)

    return types.uint32(types.float32), generate


from_upper: Any = intrinsic(_from_upper)
to_upper: Any = intrinsic(_to_upper)
from_half: Any = intrinsic(_from_half)
bits_of: Any = intrinsic(_bits)


@njit(cache=True)
def to_half(number: np.float32) -> np.uint16:
    """Give a float32 in half precision, rounded to the nearest, ties to even; larger ones are the largest."""
    size = min(abs(number), HALF_MAX)
    if size < LEAST_NORMAL:
        half = np.int64(np.rint(size * SUBNORMALS))
    else:
        bits = np.int64(bits_of(size)) - EXPONENTS
        half = (bits + 0xFFF + ((bits >> 13) & 1)) >> 13
    return np.uint16(half | (np.int64(bits_of(number)) >> 31 << 15))
