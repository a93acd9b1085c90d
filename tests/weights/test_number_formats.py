"""Numbers as torch keeps them."""

import math
import struct

import pytest

from genfix.weights.number_formats import decode, rounded

# a format, its bytes, and what they are
KNOWN = [
    ("F32", struct.pack("<f", 1.5), 1.5),
    ("F64", struct.pack("<d", -0.1), -0.1),
    ("F16", b"\x00\x3e", 1.5),
    ("BF16", b"\xc0\x3f", 1.5),
    ("BF16", b"\x80\xff", -math.inf),
    ("F8_E4M3", b"\x38", 1.0),
    ("F8_E4M3", b"\x7e", 448.0),
    ("F8_E4M3", b"\x01", 2.0**-9),
    ("F8_E5M2", b"\xbc", -1.0),
    ("F8_E5M2", b"\x7c", math.inf),
    ("F8_E5M2", b"\x01", 2.0**-16),
]


@pytest.mark.parametrize(("dtype", "data", "number"), KNOWN)
def test_a_number_is_read(dtype: str, data: bytes, number: float) -> None:
    assert [*decode(data, dtype)] == [number]


def test_what_is_no_number_stays_none() -> None:
    values = [*decode(b"\x7f", "F8_E4M3"), *decode(b"\xc1\x7f", "BF16")]
    assert all(map(math.isnan, values))
    assert math.isnan(rounded(values, "BF16")[0])


def test_half_a_number_at_the_end_is_left_out() -> None:
    assert len(decode(bytes(7), "F32")) == 1


@pytest.mark.parametrize(
    ("dtype", "value", "expected"),
    [
        ("BF16", 1 + 2.0**-8, 1.0),  # a tie goes to the even one
        ("BF16", 1 + 3 * 2.0**-8, 1 + 2.0**-6),
        ("BF16", 1 + 2.0**-8 + 2.0**-20, 1 + 2.0**-7),
        ("F16", 1 + 2.0**-11, 1.0),
        ("F16", 70000.0, math.inf),
        ("F16", -70000.0, -math.inf),
        ("F32", 1e300, math.inf),
        ("F32", 0.1, struct.unpack("<f", struct.pack("<f", 0.1))[0]),
        ("F64", 0.1, 0.1),
    ],
)
def test_a_number_is_rounded_to_the_nearest(dtype: str, value: float, expected: float) -> None:
    assert [*rounded([value], dtype)] == [expected]
