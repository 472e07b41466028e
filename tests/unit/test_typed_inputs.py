"""Inputs in the kernel of a flow: by name, and as the types that are declared."""

import datetime as dt
import json
import math
import pickle
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from pathlib import Path

import numpy
import pandas
import pytest
from pydantic import BaseModel

from flowkernel.core.errors import BadArgument
from flowkernel.core.models import FlowKind, FlowVersion
from flowkernel.flow_api.exceptions import MissingInputError, MissingValueError
from flowkernel.flow_api.stored_records import pick
from flowkernel.flow_api.typed_inputs import Inputs, call_arguments, converted
from flowkernel.worker.notebook.typed_parameters import conversions


class Mode(Enum):
    FAST = "fast"


class Report(BaseModel):
    day: dt.date
    rate: float = 1.0


@dataclass
class Range:
    first: dt.date
    count: int = 1


def test_a_missing_value_of_an_output_is_a_sentence_with_the_nearest_one():
    record = {"output": {"total": 3, "day": "monday"}, "response": {"ok": True}}
    output, response = pick(record, ("output_value", "response"))

    with pytest.raises(KeyError) as error:
        output["totl"]
    with pytest.raises(MissingValueError, match="The response has no 'string'"):
        response["string"]

    assert str(error.value) == (
        "The output has no 'totl'; it has: 'total', 'day'. Did you mean 'total'?"
    )
    assert output == record["output"]
    assert output.get("totl") is None
    assert json.loads(json.dumps(output)) == pickle.loads(pickle.dumps(output))


def test_the_nearest_field_of_a_record_is_offered():
    with pytest.raises(BadArgument, match="Did you mean 'status'"):
        pick({"status": "QUEUED", "name": "x"}, ("statsu",))


def test_a_missing_input_is_a_sentence_and_still_a_key_error():
    inputs = Inputs.of({"day": 1})

    with pytest.raises(KeyError) as error:
        inputs["seconds"]

    assert isinstance(error.value, MissingInputError)
    assert str(error.value) == (
        "This run has no input 'seconds'; it has: 'day'. Pass it when the flow is started, or "
        "read it with a default: inputs.get('seconds', DEFAULT)."
    )
    assert inputs.get("seconds", 3) == 3


def test_inputs_are_a_dict_in_every_other_way():
    inputs = Inputs.of({"day": [1]})

    assert json.loads(json.dumps(inputs)) == inputs == {"day": [1]}
    assert {**inputs, "x": 1} == inputs | {"x": 1}
    assert pickle.loads(pickle.dumps(inputs)) == inputs


def test_what_was_declared_by_words_has_its_type_and_its_default():
    declarations = ["day: date = today", "n: int = 1", "path: Path"]
    defaults = {
        "day": {"value": "2026-01-02"},
        "n": {"value": 1},
        "x": {"source": "f()"},
    }

    inputs = Inputs.of({"path": "a"}, defaults, declarations)

    assert inputs == {"day": dt.date(2026, 1, 2), "n": 1, "path": Path("a")}
    assert inputs.passed == {"path"}


def test_a_handler_gets_its_arguments_by_name_in_their_types():
    def handler(
        system, this, *, day: dt.date, rate: float = 1.0, mode: Mode = Mode.FAST
    ):
        """Never called."""

    inputs = Inputs.of({"day": "2026-01-02", "rate": 2, "other": 1})

    assert call_arguments(handler, inputs) == {"day": dt.date(2026, 1, 2), "rate": 2.0}
    with pytest.raises(MissingInputError, match="no input 'day'"):
        call_arguments(handler, Inputs.of({}))


def test_a_default_of_the_handler_itself_is_left_to_it():
    def handler(system, this, inputs, *, pair=(1, 2), day="x"):
        """Never called."""

    defaults = {"pair": {"value": [1, 2]}, "day": {"value": "x"}}
    inputs = Inputs.of({"day": "y"}, defaults)

    arguments = call_arguments(handler, inputs)

    assert arguments == {"inputs": inputs, "day": "y"}


def test_a_handler_gets_a_model_a_dataclass_or_everything_else():
    def with_model(system, this, inputs: Report): ...
    def with_dataclass(system, this, options: Range): ...
    def with_one(system, this, day: dt.date): ...
    def with_others(system, this, *, day: dt.date, **others): ...

    inputs = Inputs.of({"day": "2026-01-02", "first": "2026-01-01"})
    day = dt.date(2026, 1, 2)

    assert call_arguments(with_model, inputs) == {"inputs": Report(day=day)}
    first = Inputs.of({"first": "2026-01-01"})
    assert call_arguments(with_dataclass, first) == {
        "options": Range(dt.date(2026, 1, 1))
    }
    assert call_arguments(with_one, inputs) == {"day": day}
    assert call_arguments(with_others, inputs) == {"day": day, "first": "2026-01-01"}


def test_annotations_that_mean_nothing_leave_values_as_they_are():
    def handler(system, this, *, day: "Nowhere", n: int = 1): ...  # noqa: F821

    inputs = Inputs.of({"day": "2026-01-02", "n": 2})

    assert call_arguments(handler, inputs) == {"day": "2026-01-02", "n": 2}


@pytest.mark.parametrize(
    ("hint", "value", "arrived"),
    [
        (Mode, "fast", Mode.FAST),
        (Decimal | None, "1.10", Decimal("1.10")),
        (Decimal | None, None, None),
        (dt.date | str, "monday", "monday"),
        (list[Mode], ["fast"], [Mode.FAST]),
        (tuple[int, dt.date], [1, "2026-01-02"], (1, dt.date(2026, 1, 2))),
        (pandas.Timestamp, "2026-01-02T00:00:00", pandas.Timestamp("2026-01-02")),
        (pandas.Timedelta, 2.0, pandas.Timedelta(seconds=2)),
        (numpy.int64, 3, numpy.int64(3)),
        (numpy.datetime64, "2026-01-02", numpy.datetime64("2026-01-02")),
        (Report, {"day": "2026-01-02"}, Report(day=dt.date(2026, 1, 2))),
        (float, 3, 3.0),
        (float, "inf", math.inf),
        (float | None, "-inf", -math.inf),
        (list[float], ["inf", 1], [math.inf, 1.0]),
        (float, ["nan"], ["nan"]),
        (float, "fast", "fast"),
        (int, 3, 3),
        (object(), 3, 3),
    ],
)
def test_a_value_becomes_what_is_declared(hint, value, arrived):
    result = converted(value, hint)

    assert result == arrived
    assert type(result) is type(arrived)


IMPORTS = """
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from pathlib import Path
import uuid
class Mode(Enum):
    FAST = "fast"
    SLOW = "slow"
"""


@pytest.mark.parametrize(
    ("line", "value", "arrived"),
    [
        ("x = date(2026, 1, 1)", "2026-01-02", dt.date(2026, 1, 2)),
        ("x = date.today()", "2026-01-02", dt.date(2026, 1, 2)),
        ("x: date | None = None", "2026-01-02", dt.date(2026, 1, 2)),
        ("x: date | None = None", None, None),
        ("x: None | date = None", "2026-01-02", dt.date(2026, 1, 2)),
        ("x: frozenset[int] = frozenset()", [1, 2], frozenset({1, 2})),
        ("x = timedelta(days=1)", 60, dt.timedelta(minutes=1)),
        ("x = Decimal('1')", "1.10", Decimal("1.10")),
        ("x = Path('a')", "b", Path("b")),
        ("x = (1, 2)", [3], (3,)),
        ("x = Mode.SLOW", "fast", "Mode.FAST"),
        ("x = '2026-01-01'", "2026-01-02", "2026-01-02"),
        ("x = 1", 2, 2),
        ("x = 1", [2], [2]),
        ("x = 1", "inf", math.inf),
        ("x: float = 0.5", "-inf", -math.inf),
        ("x: float | None = None", "inf", math.inf),
        ("x: str = 'a'", "inf", "inf"),
        ("x = anything()", "a", "a"),
    ],
)
def test_a_parameter_of_a_notebook_gets_the_type_of_its_default(line, value, arrived):
    cells = [
        {"cell_type": "code", "metadata": {"tags": tags}, "source": source}
        for source, tags in ((IMPORTS, []), (line, ["parameters"]))
    ]
    source = json.dumps({"nbformat": 4, "metadata": {}, "cells": cells})
    version = FlowVersion(
        flow_version="v", flow_name="f", kind=FlowKind.NOTEBOOK, source=source
    )
    names = {"x": value}
    exec(IMPORTS, names)

    exec("\n".join(conversions(version, {"x": value})), names)

    result = str(names["x"]) if isinstance(arrived, str) else names["x"]
    assert result == arrived
