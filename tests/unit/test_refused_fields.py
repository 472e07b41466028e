"""Which fields a refusal of the engine is about."""

import pytest

from flowkernel.core.errors import BadAnswer, BadInputs
from flowkernel.core.models import FlowKind
from flowkernel.core.signature_reader import read_signature
from flowkernel.forms.form import Form
from flowkernel.forms.input_check import InputCheck, PassedInputs
from flowkernel.forms.refused_fields import refused_fields

FORM = Form.of(
    {
        "properties": {
            "day": {"element": "date"},
            "rows": {"type": "integer", "label": "Rows", "minimum": 1},
            "upload": {"element": "file"},
            "word": {"element": "password", "label": "Rows of words", "maxLength": 3},
            "ok": {"element": "submit"},
        },
        "required": ["rows", "day"],
    }
)
GOOD = {"day": "2026-01-31", "rows": 3, "ok": True}


def names(sentence, form=FORM):
    return [field.name for field in refused_fields(sentence, form.inputs)]


@pytest.mark.parametrize(
    ("values", "refused"),
    [
        ({"day": "soon"}, ["day"]),
        ({"day": 3}, ["day"]),
        ({"rows": "x"}, ["rows"]),
        ({"rows": 0}, ["rows"]),
        ({"rows": None}, ["rows"]),
        ({"rows": None, "day": ""}, ["day", "rows"]),
        ({"upload": "x"}, ["upload"]),
        ({"upload": {"name": "..", "content": ""}}, ["upload"]),
        ({"upload": {"name": "a", "content": "?"}}, ["upload"]),
        ({"word": "long"}, ["word"]),
    ],
)
def test_every_sentence_about_a_value_names_its_field(values, refused):
    with pytest.raises(BadAnswer) as refusal:
        FORM.check({**GOOD, **values})

    assert names(str(refusal.value)) == refused


def test_of_inputs_all_that_are_wrong_are_found():
    cell = "def handler(system, this, *, day: date, rate: float, n: int = 1): ..."
    check = InputCheck.of(read_signature(FlowKind.CELL, cell))
    form = Form.of(
        {
            "properties": {
                **{f"inputs.{name}": {"label": name} for name in ("day", "rate", "n")},
                "ok": {"element": "submit"},
            }
        }
    )

    with pytest.raises(BadInputs) as refusal:
        check.check("report", PassedInputs(values={"day": "2026-01-31", "n": "x"}))

    assert names(str(refusal.value), form) == ["inputs.rate", "inputs.n"]


def test_another_sentence_names_none():
    assert names("The message is closed.") == []
