import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genfix.json_types import JsonValue, Missing
from genfix.jsontext.json_diff import Difference, child_pointer, diff_values, same_value

NAN = float("nan")
BIG = 1000000000000000019884624838656

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3)
VALUES: st.SearchStrategy[JsonValue] = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text("ab/~", max_size=2), inner, max_size=3)
    ),
    max_leaves=12,
)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (1, 1.0),
        (BIG, 1e30),
        (NAN, NAN),
        (0.0, -0.0),
        (float("inf"), float("inf")),
        ([NAN, {"a": 1, "b": [2.0]}], [NAN, {"b": [2], "a": 1.0}]),
        ({}, {}),
    ],
)
def test_the_same(left: JsonValue, right: JsonValue) -> None:
    assert same_value(left, right)
    assert list(diff_values(left, right)) == []


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (1, True),
        (0, False),
        (0, None),
        ("1", 1),
        (NAN, 0.0),
        (1.0, NAN),
        (NAN, None),
        ([], {}),
        ([1], [True]),
        ([1, 2], [2, 1]),
        ([1], 1),
        ([1], [1, 2]),
        ([{"a": 1}], [{"a": 1, "b": 1}]),
        ("", None),
        (BIG, BIG + 1),
        (float("inf"), float("-inf")),
    ],
)
def test_not_the_same(left: JsonValue, right: JsonValue) -> None:
    assert not same_value(left, right)
    assert not same_value(right, left)
    (difference,) = diff_values(left, right, "/x")
    assert (difference.pointer, difference.left, difference.right) == ("/x", left, right)


def test_objects_are_walked_by_key() -> None:
    left: JsonValue = {"z": 1, "same": [1], "t": {"x/y": 1, "gone": None}, "ids": [1, 2]}
    right: JsonValue = {"new": 0, "ids": [1], "same": [1.0], "t": {"x/y": 2}, "z": True}
    assert list(diff_values(left, right)) == [
        Difference("/z", 1, True),
        Difference("/t/x~1y", 1, 2),
        Difference("/t/gone", None, Missing.MISSING),
        Difference("/ids", [1, 2], [1]),
        Difference("/new", Missing.MISSING, 0),
    ]


def test_a_null_is_not_an_absent_key() -> None:
    assert list(diff_values({}, {"a": None})) == [Difference("/a", Missing.MISSING, None)]
    assert list(diff_values({"a": None}, {}, "/p")) == [Difference("/p/a", None, Missing.MISSING)]


def test_pointers_are_escaped() -> None:
    assert child_pointer("", "a/b~c~1") == "/a~1b~0c~01"
    assert child_pointer("/a", "") == "/a/"


@given(VALUES)
def test_a_value_is_the_same_as_its_copy(value: JsonValue) -> None:
    copy: JsonValue = json.loads(json.dumps(value))
    assert list(diff_values(value, copy)) == []


@given(VALUES, VALUES)
def test_difference_is_symmetric(left: JsonValue, right: JsonValue) -> None:
    there = {(d.pointer, repr(d.left), repr(d.right)) for d in diff_values(left, right)}
    back = {(d.pointer, repr(d.right), repr(d.left)) for d in diff_values(right, left)}
    assert there == back
    assert same_value(left, right) == (not there)
