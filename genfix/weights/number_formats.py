"""The number formats of tensors: bytes to numbers and numbers rounded to a format, without numpy.

Rounding is to the nearest, ties to even, as torch's casts do. Numbers beyond a format's range become
infinite.
"""

import math
import struct
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

WIDTHS: Final[Mapping[str, int]] = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2, "F8_E4M3": 1, "F8_E5M2": 1}
"""Bytes of one element, for the formats that are read."""
HALVES: Final = ("BF16", "F16")
"""Formats in which merges are made with visible rounding."""


def decode(data: bytes, dtype: str) -> Sequence[float]:
    """The numbers in ``data``, as many as there are whole. Raises `KeyError` for a format not in `WIDTHS`."""
    count = len(data) // WIDTHS[dtype]
    data = data[: count * WIDTHS[dtype]]
    match dtype:
        case "F32":
            return struct.unpack(f"<{count}f", data)
        case "F64":
            return struct.unpack(f"<{count}d", data)
        case "F16":
            return struct.unpack(f"<{count}e", data)
        case "BF16":  # the upper half of an F32
            wide = bytearray(4 * count)
            wide[2::4] = data[::2]
            wide[3::4] = data[1::2]
            return struct.unpack(f"<{count}f", wide)
        case _:
            table = _byte_floats(dtype)
            return [table[byte] for byte in data]


def rounded(values: Iterable[float], dtype: str) -> Sequence[float]:
    """``values`` as a tensor of the format ``dtype`` would keep them; unchanged for F64 and unknown ones."""
    return _ROUND.get(dtype, list)(values)


def is_rounded(found: Sequence[float], exact: Sequence[float], dtype: str) -> bool:
    """Whether ``found``, of the format ``dtype``, are the numbers ``exact``, by way of any format that they
    may have had between.
    """
    ways = (None, *HALVES)
    return any([*found] == [*rounded(rounded(exact, way) if way else exact, dtype)] for way in ways)


def _single(values: Iterable[float]) -> Sequence[float]:
    found = [*values]
    try:
        return struct.unpack(f"<{len(found)}f", struct.pack(f"<{len(found)}f", *found))
    except OverflowError:
        return [_one(value, "f") for value in found]


def _half(values: Iterable[float]) -> Sequence[float]:
    found = [*values]
    try:
        return struct.unpack(f"<{len(found)}e", struct.pack(f"<{len(found)}e", *found))
    except OverflowError:
        return [_one(value, "e") for value in found]


def _one(value: float, code: str) -> float:
    try:
        number: float = struct.unpack(f"<{code}", struct.pack(f"<{code}", value))[0]
    except OverflowError:
        return math.copysign(math.inf, value)
    return number


def _brain(values: Iterable[float]) -> Sequence[float]:
    """By way of F32, as torch does: its sums are F32 before they become BF16."""
    found = _single(values)
    bits = struct.unpack(f"<{len(found)}I", struct.pack(f"<{len(found)}f", *found))
    kept = [
        (word + 0x7FFF + ((word >> 16) & 1)) & 0xFFFF0000 if word & 0x7F800000 != 0x7F800000 else word
        for word in bits
    ]
    return struct.unpack(f"<{len(kept)}f", struct.pack(f"<{len(kept)}I", *kept))


_ROUND: Final[Mapping[str, Callable[[Iterable[float]], Sequence[float]]]] = {
    "F32": _single,
    "F16": _half,
    "BF16": _brain,
}


def _byte_floats(dtype: str) -> tuple[float, ...]:
    """All 256 numbers of an 8-bit format (OCP 8-bit floating point, revision 1.0)."""
    mantissa_bits, bias = (3, 7) if dtype == "F8_E4M3" else (2, 15)
    numbers: list[float] = []
    for byte in range(256):
        sign = -1.0 if byte & 0x80 else 1.0
        exponent, mantissa = (byte & 0x7F) >> mantissa_bits, byte & ((1 << mantissa_bits) - 1)
        step = 2.0**-mantissa_bits
        if dtype == "F8_E5M2" and exponent == 31:
            number = math.nan if mantissa else math.inf
        elif dtype == "F8_E4M3" and byte & 0x7F == 0x7F:
            number = math.nan
        elif exponent:
            number = (1 + mantissa * step) * 2.0 ** (exponent - bias)
        else:
            number = mantissa * step * 2.0 ** (1 - bias)
        numbers.append(sign * number)
    return tuple(numbers)
