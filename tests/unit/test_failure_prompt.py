"""The prompt about a failure."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from flowkernel.core.interventions import LIVE_VERBS
from flowkernel.core.models import (
    CellError,
    Environment,
    Failure,
    FlowKind,
    Wrapped,
)
from flowkernel.core.signature_reader import read_signature
from flowkernel.core.status import ExecutionStatus as S
from flowkernel.engine.prompts.failure_prompt import (
    LABELS,
    SHOWN_SOURCE,
    prompt_of,
)
from flowkernel.engine.prompts.input_fields import INPUT
from flowkernel.forms.form import Form
from flowkernel.forms.input_check import NO_CHECK, InputCheck
from tests.records import an_execution

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
FAILURE = Failure(
    cell_id="a", cell_number=2, cell_count=3, source="total = price * amount"
)


def failed(**fields):
    """A notebook of three cells whose second one failed; its kernel is kept."""
    execution = an_execution(
        status=S.PAUSED,
        status_message="Cell 2 of 3: NameError: name 'amount' is not defined",
        started_at=NOON,
        parked_at=NOON,
        inputs={"day": "monday"},
        error=CellError(
            name="NameError", message="x", traceback="line\n" * 40 + "last"
        ),
        failure=FAILURE,
    )
    return replace(execution, **fields)


def wrapped(inputs):
    return Wrapped(flow_name="report", flow_version="v1", name="report", inputs=inputs)


def make_prompt(execution, *, cause=None, tries=1, waiting=(), check=NO_CHECK):
    return prompt_of(
        execution,
        cause=cause or execution,
        tries=tries,
        waiting=list(waiting),
        seconds=90.0,
        check=check,
        cancel_count=7,
    )


def buttons(prompt):
    properties = prompt.body["properties"].items()
    return [name for name, field in properties if field["element"] == "submit"]


def test_it_shows_what_a_person_needs_to_decide():
    prompt = make_prompt(failed(), tries=3, waiting=["parent", "grandparent"])

    assert prompt.subject == "report failed 3 times"
    for words in (
        "**Cell 2 of 3: NameError: name 'amount' is not defined**",
        "\nlast\n```",
        "Inputs: day = 'monday'.",
        "It ran for 90.0 s.",
        "Try 3.",
        "Waiting for it: parent, grandparent.",
    ):
        assert words in prompt.message
    assert prompt.message.count("line\n") == 11


def test_it_says_what_the_parameters_without_an_input_were():
    defaults = {"rate": {"value": 1.5}, "zone": {"source": "here()"}}

    text = make_prompt(failed(defaults=defaults)).message

    assert "Inputs: day = 'monday'. By default: rate = 1.5, zone = here()." in text


def test_of_a_wrapper_they_are_those_of_the_flow_that_it_runs():
    cell = "def handler(system, this, *, day: str, rate: float = 1.5): ..."
    check = InputCheck.of(read_signature(FlowKind.CELL, cell))
    wrapper = failed(wrapped=wrapped({"day": "monday"}), defaults={"n": {"value": 1}})

    text = make_prompt(wrapper, check=check).message

    assert "Inputs: day = 'monday'. By default: rate = 1.5." in text


R = InputCheck.of(
    read_signature(
        FlowKind.NOTEBOOK,
        '{"metadata": {"kernelspec": {"language": "R"}}, "cells": []}',
    )
)


@pytest.mark.parametrize(
    ("environment", "check", "language"),
    [
        (Environment(interpreter="/bin/python"), NO_CHECK, "python"),
        (Environment(kernel_name="other", is_chosen=True), NO_CHECK, None),
        (Environment(kernel_name="ir"), R, None),
    ],
)
def test_a_source_of_python_says_so(environment, check, language):
    prompt = make_prompt(failed(environment=environment), check=check)

    assert prompt.body["properties"]["source"].get("language") == language


def test_it_offers_six_things():
    assert buttons(make_prompt(failed())) == list(LABELS)
    assert make_prompt(failed()).subject == "report failed"


def test_cancel_all_says_how_many_runs_it_ends_and_is_asked_about():
    button = make_prompt(failed()).body["properties"]["cancel_all"]

    assert (button["label"], button["confirm"]) == (
        "Cancel all 7 runs",
        "Cancel 7 runs?",
    )


def test_without_a_kernel_it_offers_what_needs_none_and_says_why():
    prompt = make_prompt(failed(parked_at=None))

    assert buttons(prompt) == [verb for verb in LABELS if verb not in LIVE_VERBS]
    assert "source" not in prompt.body["properties"]
    assert "Its kernel is gone" in prompt.message


def test_around_a_wrapper_it_shows_what_failed_under_it():
    cause = failed(status=S.ENDED_ERROR, parked_at=None)
    wrapper = failed(
        type="WRAPPER",
        flow_name="timeout",
        name="report (timeout)",
        parked_at=None,
        inputs={"timeout_sec": 60},
        wrapped=wrapped({"day": "monday"}),
        error=None,
        failure=Failure(source="def handler(): ..."),
    )

    prompt = make_prompt(wrapper, cause=cause)

    assert prompt.subject == "report (timeout) failed"
    for words in (
        "```python\ntotal = price * amount\n```",
        "\nlast\n```",
        "Inputs: day = 'monday'.",
        f"Under it failed 'report' ({cause.execution_id[:18]}).",
        "put `interactive` innermost for that. Retry from start is possible.",
    ):
        assert words in prompt.message
    for words in ("timeout_sec", "handler"):
        assert words not in prompt.message
    assert buttons(prompt) == ["retry", "retry_with_inputs", "fail", "cancel_all"]
    assert prompt.body["properties"][INPUT + "day"]["default"] == "monday"


def test_a_wrapper_that_failed_by_itself_does_not_show_its_source():
    """As timeout does, whose child was cancelled."""
    wrapper = failed(
        type="WRAPPER", parked_at=None, wrapped=wrapped({}), failure=Failure(source="x")
    )

    prompt = make_prompt(wrapper)

    assert "```python" not in prompt.message
    assert "Under it" not in prompt.message


def test_without_inputs_there_are_no_others():
    assert "retry_with_inputs" not in buttons(make_prompt(failed(inputs={})))


def test_the_fields_have_what_is_there():
    fields = make_prompt(failed()).body["properties"]

    assert fields["source"]["default"] == "total = price * amount"
    assert fields["values"]["default"] == {"total": None}
    assert fields[INPUT + "day"]["default"] == "monday"


@pytest.mark.parametrize(
    ("value", "element"),
    [
        (True, "toggle"),
        (3, "number"),
        (0.5, "number"),
        ("text", "string"),
        ("two\nlines", "textarea"),
        ([1], "json"),
        ({"a": 1}, "json"),
        (None, "json"),
    ],
)
def test_an_input_is_asked_for_as_what_it_is(value, element):
    body = make_prompt(failed(inputs={"it": value})).body

    assert body["properties"][INPUT + "it"]["element"] == element
    assert Form.of(body).buttons


def test_a_long_source_is_whole_in_the_form_alone():
    source = "x = 1\n" * SHOWN_SOURCE
    execution = failed(failure=replace(FAILURE, source=source))

    prompt = make_prompt(execution)

    assert prompt.body["properties"]["source"]["default"] == source
    assert len(prompt.message) < SHOWN_SOURCE + 2_000


def test_a_fence_in_the_source_does_not_end_ours():
    failure = replace(FAILURE, source="'''```'''")
    execution = failed(failure=failure, parked_at=None)

    assert "````python\n'''```'''\n````" in make_prompt(execution).message


def test_what_ended_without_a_cell_can_be_asked_about():
    prompt = make_prompt(
        failed(failure=Failure(), error=None, started_at=None, parked_at=None)
    )

    assert buttons(prompt) == ["retry", "retry_with_inputs", "fail", "cancel_all"]


@pytest.mark.kernel
def test_what_is_too_large_to_be_edited_does_not_keep_anybody_from_being_asked():
    inputs = {f"i{n}": n for n in range(200)} | {"wide": "x" * 1_000_000}
    failure = replace(FAILURE, source="x = 1\n" * 100_000)

    prompt = make_prompt(failed(inputs=inputs, failure=failure))

    assert buttons(prompt) == list(LABELS)
    assert len(prompt.body["properties"]) <= 100
    assert len(str(prompt.body)) + len(prompt.message) < 200_000


HANDLER = """
from datetime import date, datetime
from enum import Enum

class Mode(Enum):
    FAST = "fast"
    SLOW = "slow"

def handler(
    system, this, *,
    day: date,  # The day.
    moment: datetime | None = None,
    rate: float = 1.0,
    count=3,
    is_new: bool = True,
    mode: Mode = Mode.SLOW,
    text="a\\nb",
    since=date.today(),
    options: dict = {},
): ...
"""


def test_the_form_for_other_inputs_has_every_parameter_with_its_type_and_default():
    check = InputCheck.of(read_signature(FlowKind.CELL, HANDLER))

    prompt = make_prompt(
        failed(inputs={"day": "2026-01-02", "extra": [1]}), check=check
    )

    Form.of(prompt.body)
    fields = {
        name.removeprefix(INPUT): (field["element"], field["default"])
        for name, field in prompt.body["properties"].items()
        if name.startswith(INPUT)
    }
    assert fields == {
        "day": ("date", "2026-01-02"),
        "moment": ("date-time", None),
        "rate": ("number", 1.0),
        "count": ("number", 3),
        "is_new": ("toggle", True),
        "mode": ("dropdown", "slow"),
        "text": ("textarea", "a\nb"),
        "since": ("date", None),
        "options": ("json", {}),
        "extra": ("json", [1]),
    }
    properties = prompt.body["properties"]
    assert properties["inputs.day"]["description"] == "The day."
    assert properties["inputs.since"]["description"] == "Empty: date.today()."
    assert properties["inputs.mode"]["enum"] == ["fast", "slow"]


def test_with_defaults_alone_other_inputs_can_be_given():
    check = InputCheck.of(read_signature(FlowKind.CELL, HANDLER))

    assert "retry_with_inputs" in buttons(make_prompt(failed(inputs={}), check=check))


def test_a_value_that_is_none_of_its_type_can_be_edited_as_what_it_is():
    check = InputCheck.of(read_signature(FlowKind.CELL, HANDLER))

    prompt = make_prompt(failed(inputs={"day": [1], "rate": "x"}), check=check)

    Form.of(prompt.body)
    properties = prompt.body["properties"]
    assert properties["inputs.day"]["element"] == "json"
    assert properties["inputs.rate"]["element"] == "string"
