"""Inputs against a signature: what is converted, what is refused, and with which sentence."""

import datetime as dt
import json
from decimal import Decimal
from enum import Enum
from functools import cache
from pathlib import Path
from typing import Literal
from uuid import UUID

import numpy
import pandas
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowkernel.core.annotation_types import KNOWN_TYPES, parse_annotation, type_of
from flowkernel.core.errors import BadArgument, BadInputs, BadValue
from flowkernel.core.json_values import plain_json
from flowkernel.core.models import FlowKind, FlowVersion
from flowkernel.core.signature import Parameter
from flowkernel.core.signature_reader import read_signature
from flowkernel.core.source_names import SourceNames
from flowkernel.flow_api.typed_inputs import converted
from flowkernel.forms.input_check import (
    InputCheck,
    InputChecks,
    PassedInputs,
    check_declarations,
)
from flowkernel.forms.input_types import InputType


class Mode(Enum):
    FAST = "fast"


def check_of(*declarations, source="x = 1"):
    signature = read_signature(FlowKind.CELL, source, declarations=declarations)
    return InputCheck.of(signature)


def checked(declaration, value, text=None):
    """The value of one parameter as it is recorded."""
    texts = {} if text is None else {"x": text}
    inputs = PassedInputs(values={"x": value}, texts=texts)
    return check_of(f"x: {declaration}").check("f", inputs).values["x"]


@cache
def input_type(type_name):
    return InputType(Parameter(name="x", type=type_name), SourceNames())


#: Values of each type, and the type that a kernel makes of their JSON.
VALUES = {
    "str": st.text(alphabet=st.characters(codec="utf-8")),
    "int": st.integers(),
    "float": st.floats(allow_nan=False, allow_infinity=False),
    "bool": st.booleans(),
    "date": st.dates(),
    "datetime": st.datetimes(timezones=st.none() | st.just(dt.UTC)),
    "time": st.times(),
    "timedelta": st.timedeltas(
        min_value=dt.timedelta(days=-999), max_value=dt.timedelta(days=999)
    ),
    "Decimal": st.decimals(allow_nan=False, allow_infinity=False),
    "UUID": st.uuids(),
    "Path": st.sampled_from([Path("a"), Path("/tmp/a b"), Path("../ä")]),
}
VALUES |= {
    f"list[{name}]": st.lists(values, max_size=3) for name, values in VALUES.items()
}
VALUES |= {
    "tuple[int, ...]": st.lists(st.integers()).map(tuple),
    "set[int]": st.sets(st.integers()),
    "dict[str, date]": st.dictionaries(st.text("ab"), st.dates()),
    "date | None": st.none() | st.dates(),
    "Optional[Decimal]": st.none() | st.decimals(allow_nan=False, allow_infinity=False),
}


@pytest.mark.parametrize("type_name", VALUES)
@settings(max_examples=20)
@given(data=st.data())
def test_a_value_arrives_as_the_type_that_is_declared(type_name, data):
    """Through JSON, the check of the engine, JSON, and the conversion in the kernel."""
    value = data.draw(VALUES[type_name])
    sent = list(value) if isinstance(value, set) else value
    received = json.loads(json.dumps(plain_json({"x": sent}, "inputs")))["x"]

    type_ = input_type(type_name)
    recorded = json.loads(json.dumps(type_.convert(received)))
    hint = type_of(parse_annotation(type_name), SourceNames(), KNOWN_TYPES)
    arrived = converted(recorded, hint)

    assert arrived == value
    assert type(arrived) is type(value)
    assert type_.convert(recorded) == recorded


@pytest.mark.parametrize(
    ("value", "form"),
    [
        (dt.date(2026, 1, 2), "2026-01-02"),
        (dt.datetime(2026, 1, 2, 3), "2026-01-02T03:00:00"),
        (dt.time(18, 30), "18:30:00"),
        (dt.timedelta(minutes=1), 60.0),
        (Decimal("1.10"), "1.10"),
        (UUID(int=1), str(UUID(int=1))),
        (Path("a/b"), "a/b"),
        (Mode.FAST, "fast"),
        (numpy.int64(3), 3),
        (numpy.float32(0.5), 0.5),
        (numpy.bool_(True), True),
        (numpy.str_("a"), "a"),
        (numpy.array(3), 3),
        (numpy.datetime64("2026-01-02"), "2026-01-02"),
        (
            numpy.datetime64("2026-01-02T03:04:05.123456789"),
            "2026-01-02T03:04:05.123456",
        ),
        (numpy.timedelta64(2, "m"), 120.0),
        (pandas.Timestamp("2026-01-02"), "2026-01-02T00:00:00"),
        (pandas.Timedelta(seconds=2), 2.0),
    ],
)
def test_what_has_one_obvious_form_in_json_is_taken_in_it(value, form):
    plain = plain_json({"x": [value]}, "inputs")["x"][0]

    assert plain == form
    assert type(plain) is type(form)


@pytest.mark.parametrize(
    "value",
    [
        pandas.NaT,
        pandas.NA,
        numpy.datetime64("NaT", "s"),
        numpy.timedelta64("NaT", "s"),
        numpy.float64("nan"),
        numpy.complex128(1),
        numpy.array([1]),
        pandas.Series([1]),
        b"bytes",
        object(),
    ],
)
def test_what_has_no_form_in_json_is_refused(value):
    with pytest.raises(BadValue, match=r"inputs\['x'\]"):
        plain_json({"x": value}, "inputs")


@pytest.mark.parametrize(
    ("declaration", "value", "typed", "recorded"),
    [
        ("str", 20261101, None, "20261101"),
        ("str", 7, "007", "007"),
        ("str", 1000.0, "1e3", "1e3"),
        ("str", True, "True", "True"),
        ("str", None, "none", "none"),
        ("str | None", None, "none", None),
        ("str = 'a'", 7, "007", "007"),
        ("Path", 7, "007", "007"),
        ("date", 20261101, None, "2026-11-01"),
        ("date", "2026-11-01T00:00:00", None, "2026-11-01"),
        ("datetime", "2026-11-01", None, "2026-11-01T00:00:00"),
        ("Decimal", 1.1, "1.10", "1.10"),
        ("float", "1.5", None, 1.5),
        ("float", "nan", None, "nan"),
        ("float | None", "-Infinity", None, "-inf"),
        ("float = 0.5", "1e400", None, "inf"),
        ("int", "3", None, 3),
        ("int", 3.0, None, 3),
        ("bool", "true", None, True),
        ("timedelta", "PT1H", None, 3600.0),
        ("int | str", 7, "007", 7),
        ("Literal['1', '2']", 1, None, "1"),
        ("Whatever", {"a": [1]}, None, {"a": [1]}),
        ("list[Whatever]", [1, "a"], None, [1, "a"]),
    ],
)
def test_what_was_typed_is_read_as_the_type_that_is_declared(
    declaration, value, typed, recorded
):
    converted_value = checked(declaration, value, typed)

    assert converted_value == recorded
    assert type(converted_value) is type(recorded)


@pytest.mark.parametrize(
    ("declaration", "value", "words"),
    [
        ("int", 1.5, "a whole number"),
        ("int", True, "a whole number"),
        ("float", "fast", "a number"),
        ("int", "nan", "a whole number"),
        ("Decimal", "nan", "a number"),
        ("list[float]", ["nan"], r"of the type list\[float\]"),
        ("bool", "perhaps", "true or false"),
        ("str", ["a"], "text"),
        ("str", True, "text"),
        ("date", "31.1.2026", "a day, as 2026-01-31"),
        ("date", 86400, "a day, as 2026-01-31"),
        ("date", "2026-01-01T08:00", "a day, as 2026-01-31"),
        ("date | None", "x", "a day, as 2026-01-31 or none"),
        ("datetime", 5.5, "a moment, as 2026-01-31T18:00"),
        ("list[date]", ["x"], r"of the type list\[date\]"),
        ("Literal['a', 3]", "b", "one of 'a', 3"),
        ("dict", [], "an object of names and values"),
        ("Decimal", "x", "a number"),
        ("UUID", "x", "a UUID"),
    ],
)
def test_a_value_of_another_type_is_refused_with_what_is_taken(
    declaration, value, words
):
    with pytest.raises(BadInputs, match=f"'x' is .* and must be {words}"):
        checked(declaration, value)


@pytest.mark.parametrize(
    ("default", "value"),
    [
        ("3", 1.5),
        ("3", None),
        ("3", "nan"),
        ("1.5", 2),
        ("1.5", "-inf"),
        ("'a'", None),
        ("'a'", 5),
        ("[1]", ["a"]),
    ],
)
def test_the_type_of_a_default_is_taken_less_strictly(default, value):
    result = checked_default(default, value)

    assert result == ("5" if value == 5 else value)


def checked_default(default, value):
    source = f"def handler(system, this, *, x={default}): pass"
    return (
        check_of(source=source)
        .check("f", PassedInputs(values={"x": value}))
        .values["x"]
    )


def test_one_sentence_says_all_that_is_wrong():
    check = check_of("day: date", "rate: float = 1.0", "n: int")
    inputs = PassedInputs(values={"dya": 1, "rate": "fast", "zzz": 2})

    with pytest.raises(BadInputs) as refusal:
        check.check("report", inputs)

    assert str(refusal.value) == (
        "'report' cannot start: 'day' is missing (a day, as 2026-01-31); 'rate' is \"fast\" "
        "and must be a number; 'n' is missing (a whole number); it has no parameter 'dya' "
        "(did you mean 'day'?); it has no parameter 'zzz'. It takes day: date, rate: float = "
        "1.0, n: int. --allow-extra (in Python extra=True) passes other names, too."
    )


def test_other_names_pass_if_that_is_wanted_or_if_an_earlier_try_had_them():
    check, values = check_of("n: int"), {"n": "3", "other": [1]}

    for allowed in ({"allow_extra": True}, {"allowed_names": {"other"}}):
        result = check.check("f", PassedInputs(values=values, **allowed))
        assert result.values == {"n": 3, "other": [1]}


def test_a_flow_that_declares_nothing_takes_anything():
    values = {"a b": 1, "class": 2}

    result = check_of().check("f", PassedInputs(values=values))

    assert (result.values, result.defaults) == (values, None)


def test_no_variable_of_a_notebook_has_the_name_of_a_word_of_python():
    signature = read_signature(FlowKind.NOTEBOOK, '{"cells": []}')

    with pytest.raises(BadInputs, match="'class' is a word of Python"):
        InputCheck.of(signature).check("f", PassedInputs(values={"class": 1}))


def test_defaults_are_known_as_values_or_as_they_are_written():
    check = check_of(
        "day: date = today",
        source="def handler(system, this, *, n=1, x=f(2), y=3): pass",
    )

    result = check.check("f", PassedInputs(values={"y": 4}))

    day = dt.datetime.now().astimezone().date().isoformat()
    assert result.defaults == {
        "day": {"value": day},
        "n": {"value": 1},
        "x": {"source": "f(2)"},
    }


def version(source="x = 1", parameters=None):
    return FlowVersion(
        flow_version=source,
        flow_name="f",
        kind=FlowKind.CELL,
        source=source,
        parameters=parameters,
    )


def test_a_version_is_read_once():
    checks = InputChecks()

    assert checks.of(version()) is checks.of(version())


def test_a_default_of_another_type_is_refused_when_it_is_declared():
    check_declarations(version("a", ["n: int = 3", "day = today"]))

    with pytest.raises(BadArgument, match="does not fit: it must be a whole"):
        check_declarations(version("b", ["n: int = 'x'"]))


def test_an_enum_of_the_source_is_taken_by_its_values():
    source = (
        "from enum import Enum\nclass Mode(Enum):\n    FAST = 'fast'\n    SLOW = 'slow'\n"
        "def handler(system, this, *, mode: Mode = Mode.SLOW): pass"
    )

    assert check_of(source=source).check("f", PassedInputs(values={"mode": "fast"}))
    with pytest.raises(
        BadInputs, match="'mode' is \"x\" and must be one of 'fast', 'slow'"
    ):
        check_of(source=source).check("f", PassedInputs(values={"mode": "x"}))


def test_a_form_learns_what_each_parameter_takes():
    source = (
        "from enum import Enum\n"
        "class Mode(Enum):\n    FAST = 'fast'\n    SAFE = 'safe'\n"
        "def handler(system, this, *, mode: Mode, day: date | None = None, x=[1]): ...\n"
    )

    parameters = check_of(source=source).to_json()["parameters"]

    assert [(p["name"], p["element"], p["takes_null"]) for p in parameters] == [
        ("mode", {"element": "dropdown", "enum": ["fast", "safe"]}, False),
        ("day", {"element": "date"}, True),
        ("x", None, True),
    ]
    assert parameters[0]["words"] == "one of 'fast', 'safe'"


def test_deep_and_strange_annotations_take_anything():
    deep = "list[" * 50 + "int" + "]" * 50

    for annotation in (
        deep,
        "1 + 1",
        "lambda: 3",
        "list[()]",
        "tuple[()]",
        "x[",
        "Literal[x]",
    ):
        type_ = InputType(Parameter(name="x", type=annotation), SourceNames())
        assert type_.words
    assert Literal
