"""What a flow declares, read from its source alone."""

import json
import re

import pytest

from flowkernel.core.errors import BadArgument
from flowkernel.core.handler_source import check_handler
from flowkernel.core.models import FlowKind
from flowkernel.core.signature import Signature
from flowkernel.core.signature_reader import read_signature


def notebook(*cells, tags=("parameters",), language="python"):
    """A notebook whose last cell has the tags."""
    metadata = {"kernelspec": {"name": "x", "language": language}}
    records = [
        {"cell_type": "code", "metadata": {"tags": []}, "source": s} for s in cells
    ]
    records[-1]["metadata"] = {"tags": list(tags)}
    return json.dumps({"nbformat": 4, "metadata": metadata, "cells": records})


def of_notebook(*cells, **options):
    return read_signature(FlowKind.NOTEBOOK, notebook(*cells, **options))


def of_cell(source, setup=None, declarations=()):
    return read_signature(FlowKind.CELL, source, setup=setup, declarations=declarations)


def texts(signature):
    return [parameter.text for parameter in signature.parameters]


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("day = 'monday'", "day: str = 'monday'"),
        ("n = 3", "n: int = 3"),
        ("n = -3", "n: int = -3"),
        ("rate: float = 1", "rate: float = 1"),
        ("n = 3  # type: float  How many", "n: float = 3"),
        ("is_new = True", "is_new: bool = True"),
        ("nothing = None", "nothing = None"),
        ("xs = [1,\n  2]", "xs: list = [1, 2]"),
        ("pair = 1, 2", "pair: tuple = [1, 2]"),
        ("s = {1, 2}", "s: set = {1, 2}"),
        ("d = {'a': 1}", "d: dict = {'a': 1}"),
        ("day: 'date'", "day: date"),
        ("x: int | None = None", "x: int | None = None"),
        ("far = float('inf')", "far = float('inf')"),
        ("%time\nx = 1", "x: int = 1"),
        ("files = !ls\nx = 1", "files = None|x: int = 1"),
        ("import os\ndef f(): y = 2\nx = 1", "x: int = 1"),
        ("a, b = 1, 2\nif a:\n    c = 3", "a = ...|b = ...|c = ..."),
        ("a = b = 1", "a: int = 1|b: int = 1"),
        ("x = 1\nx = 2", "x: int = 1"),
        ("# nothing", ""),
        ("x = (", ""),
    ],
)
def test_the_names_that_a_cell_of_parameters_sets_are_its_parameters(line, text):
    assert "|".join(texts(of_notebook(line))) == text


def test_a_default_of_a_known_type_is_known_without_running_it():
    signature = of_notebook(
        "import datetime as dt, uuid\n"
        "from decimal import Decimal as D\n"
        "from enum import Enum\n"
        "from pathlib import Path\n"
        "import pandas as pd\n"
        "class Mode(Enum):\n    FAST = 'fast'\n    SLOW = 'slow'",
        "day = dt.date(2026, 1, 1)\n"
        "now = dt.datetime.now()\n"
        "price = D('1.10')\n"
        "folder = Path('a') \n"
        "mode = Mode.FAST\n"
        "moment = pd.Timestamp('2026-01-01')\n"
        "other = something.else_(1)",
    )

    assert texts(signature) == [
        "day: date = '2026-01-01'",
        "now: datetime = dt.datetime.now()",
        "price: Decimal = '1.10'",
        "folder: Path = 'a'",
        "mode: Mode = 'fast'",
        "moment: Timestamp = '2026-01-01T00:00:00'",
        "other = something.else_(1)",
    ]


def test_comments_become_help():
    source = "day = 1  # The day.\n# Not this.\nrate = 2\nn = 3 # type: int  How many"

    helps = {p.name: p.help for p in of_notebook(source).parameters}

    assert helps == {"day": "The day.", "rate": "", "n": "How many"}


def test_a_notebook_without_a_cell_of_parameters_declares_nothing():
    assert not of_notebook("x = 1", tags=["other"])
    assert not of_notebook("x <- 1", language="R")
    assert not read_signature(FlowKind.NOTEBOOK, "no notebook")
    assert not read_signature(FlowKind.NOTEBOOK, '{"cells": [3]}')


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ("system, this", ""),
        ("system, this, inputs", ""),
        ("system, this, inputs: dict[str, int]", ""),
        (
            "system, this, *, day: date, rate: float = 1.0",
            "day: date|rate: float = 1.0",
        ),
        ("system, this, day: date", "day: date"),
        ("system, this, inputs, day, n=1", "day|n: int = 1|+"),
        ("system, this, inputs=None, *, n=1", "n: int = 1|+"),
        ("system, this, *, day: date, **others", "day: date|+"),
        ("system, this, **others", ""),
        ("system, this, inputs: Elsewhere", ""),
        ("system, this, /, inputs", ""),
    ],
)
def test_a_handler_declares_its_arguments(arguments, text):
    source = f"from datetime import date\ndef handler({arguments}): pass"

    signature = of_cell(source)

    words = [*texts(signature), *(["+"] if signature.takes_others else [])]
    assert "|".join(words) == text
    assert of_cell("%pip list\n" + source) == signature


@pytest.mark.parametrize(
    "arguments",
    [
        *("system, this", "*args", "a, b, *more", "system, *args", "system, this, /"),
        *("system, this, inputs, *, day=1", "system, this, **others", "a, b, c, /"),
        *("system, this, /, *, day=1", "system, this, day: date, n=1"),
    ],
)
@pytest.mark.parametrize("word", ["def", "async def"])
def test_a_handler_that_can_be_called_is_taken(arguments, word):
    for source in (f"{word} handler({arguments}): pass", "x = 1", "handler = 3", "("):
        check_handler("report", FlowKind.CELL, source)
        check_handler("report", FlowKind.SCRIPT, f"%pip list\n{source}")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ("", "`handler` of 'report' takes no argument by its place"),
        (
            "this",
            "takes one argument by its place, and gets at least two: write handler(",
        ),
        ("this, *, day", "takes one argument"),
        ("*, system, this", "takes no argument"),
        ("**everything", "takes no argument"),
        ("system, this, inputs, day, /", "has a `/`"),
        ("system, this, /, *, day", "Leave the `/` out."),
    ],
)
def test_a_handler_that_cannot_be_called_is_refused(arguments, sentence):
    source = f"def handler({arguments}):\n    pass"

    with pytest.raises(BadArgument, match=re.escape(sentence)):
        check_handler("report", FlowKind.CELL, source)

    check_handler("report", FlowKind.CELL, f"@adapted\n{source}")
    check_handler("report", FlowKind.NOTEBOOK, source)
    check_handler("report", FlowKind.CELL, f"{source}\ndef handler(system, this): pass")


def test_a_handler_has_its_help_from_comments_and_from_its_docstring():
    signature = of_cell(
        "def handler(\n    system,\n    this,\n    *,\n    day,  # The day.\n    rate=1,\n):\n"
        '    """Report.\n\n    Args:\n        rate: The rate\n        day (str): no\n    """\n'
    )

    assert [p.help for p in signature.parameters] == ["The day.", "The rate"]


MODEL = """
from pydantic import BaseModel, Field
class Base(BaseModel):
    day: str  # The day.
class Report(Base):
    model_config = {}
    rate: float = Field(1.0, description="The rate.")
    n: int = Field(..., ge=1)
    _private: int = 3
"""


def test_a_model_declares_its_fields():
    source = "def handler(system, this, inputs: Report): pass"

    signature = of_cell(source, setup=MODEL)

    assert texts(signature) == ["day: str", "rate: float = 1.0", "n: int"]
    assert [p.help for p in signature.parameters][1:] == ["The rate.", ""]
    assert of_cell(MODEL + source).parameters[0].help == "The day."


@pytest.mark.parametrize(
    ("declaration", "text"),
    [
        ("day", "day"),
        ("day: date", "day: date"),
        ("day: date = today", "day: date = today"),
        ("day = today", "day: date = today"),
        ("moment = now", "moment: datetime = now"),
        ("day: str = today", "day: str = 'today'"),
        ("day = monday", "day: str = 'monday'"),
        ("n = 3", "n: int = 3"),
        ("n: int|None=None", "n: int | None = None"),
    ],
)
def test_a_cell_declares_with_words(declaration, text):
    assert texts(of_cell("x = 1", declarations=[declaration])) == [text]


@pytest.mark.parametrize(
    "declaration", ["", "3", "day: date =", "a.b: int", "class: int", "x = f(1)", "a b"]
)
def test_a_wrong_declaration_is_refused_with_a_sentence(declaration):
    with pytest.raises(
        BadArgument, match=r"does not declare a parameter|is no literal"
    ):
        of_cell("x = 1", declarations=[declaration])


def test_what_was_declared_by_words_comes_before_the_source():
    source = "def handler(system, this, *, day, rate=1): pass"

    signature = of_cell(source, declarations=["day: date = today"])

    assert texts(signature) == ["day: date = today", "rate: int = 1"]


def test_the_json_of_a_signature_can_be_read_again():
    signature = of_notebook("day: date  # The day\nrate = 1.5\nx = f()")

    again = Signature.from_json(json.loads(json.dumps(signature.to_json())))

    assert texts(again) == texts(signature)
    assert [p.help for p in again.parameters] == ["The day", "", ""]
