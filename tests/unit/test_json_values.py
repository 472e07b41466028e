"""JSON is unchanged; anything else is an error that names the place."""

import json
import math
from collections import OrderedDict
from enum import IntEnum, StrEnum

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowkernel.core.errors import BadName, BadValue, ValueTooBig
from flowkernel.core.json_values import (
    MAX_NAME,
    MAX_NESTING,
    check_parameter_names,
    checked_name,
    dumps,
    plain_json,
)

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT
)
JSON = st.recursive(
    LEAVES, lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner), max_leaves=20
)


class Colour(StrEnum):
    RED = "red"


class Number(IntEnum):
    ONE = 1


@given(JSON)
def test_json_is_unchanged(value):
    passed = plain_json(value, "inputs")

    assert passed == value
    assert json.loads(dumps(passed)) == value
    assert plain_json(passed, "inputs") == passed


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        ((1, (2,)), [1, [2]]),
        (OrderedDict(a=1), {"a": 1}),
        (Colour.RED, "red"),
        (Number.ONE, 1),
        (True, True),
        (2**100, 2**100),
    ],
)
def test_equal_values_become_plain_json(value, plain):
    passed = plain_json(value, "inputs")

    assert passed == plain
    assert type(passed) is type(plain)


@pytest.mark.parametrize(
    ("value", "place"),
    [
        (math.nan, "inputs is nan"),
        ({"a": [0, math.inf]}, r"inputs\['a'\]\[1\] is inf"),
        ({"a": {1}}, r"inputs\['a'\] is of type set"),
        ({"a": {"b": b""}}, r"inputs\['a'\]\['b'\] is of type bytes"),
        ({"a": {None: 1}}, r"inputs\['a'\] has the key None; .* Use 'None'"),
        (["\ud800"], r"inputs\[0\] has characters that are not valid Unicode text"),
        ({"\udfff": 1}, "a key of inputs has characters"),
    ],
)
def test_the_error_for_a_wrong_value_names_its_place(value, place):
    with pytest.raises(BadValue, match=place):
        plain_json(value, "inputs")


def nested(levels):
    value = 0
    for _ in range(levels):
        value = {"a": value}
    return value


def test_nesting_has_a_limit_that_is_inclusive():
    plain_json(nested(MAX_NESTING), "inputs")

    with pytest.raises(BadValue, match=f"more than {MAX_NESTING} levels deep"):
        plain_json(nested(MAX_NESTING + 1), "inputs")


def test_size_has_a_limit_that_is_inclusive_and_counts_bytes():
    assert plain_json("ü" * 4, "output", limit=10) == "üüüü"

    with pytest.raises(ValueTooBig, match="the limit is 9"):
        plain_json("ü" * 4, "output", limit=9)


def test_the_error_for_a_big_value_names_its_largest_part():
    with pytest.raises(
        ValueTooBig, match=r"The largest part is output\['big'\] with 202\."
    ):
        plain_json({"small": 1, "big": "x" * 200}, "output", limit=100)


@pytest.mark.parametrize(
    "name", ["a", "Ünïcode 日本", "a.b-c_d", "x" * MAX_NAME, " trimmed "]
)
def test_valid_names(name):
    assert checked_name(name) == name.strip()


@pytest.mark.parametrize(
    "name", ["", " ", "a/b", "a\\b", "a\tb", "\x7f", "a\u200bb", "\ud800"]
)
def test_invalid_names(name):
    with pytest.raises(BadName, match=r"Use letters|is empty"):
        checked_name(name)


def test_the_error_for_a_long_name_shows_its_beginning():
    with pytest.raises(BadName, match=r"'x{37}\.\.\.' has 129 characters; at most 128"):
        checked_name("x" * (MAX_NAME + 1))


@pytest.mark.parametrize("name", ["day", "_x1", "größe", "day.of.month", "数"])
def test_a_parameter_may_have_the_name_of_a_variable(name):
    check_parameter_names([name], "report")


@pytest.mark.parametrize(
    "name",
    ["", "1st", "a b", "a\n", "a\nb", "x=1", "!ls", "%run x", "a;b", "x" * 50 + "\n"],
)
def test_a_parameter_cannot_have_a_name_that_is_code(name):
    with pytest.raises(BadName, match="'report' cannot have an input named"):
        check_parameter_names(["day", name], "report")
