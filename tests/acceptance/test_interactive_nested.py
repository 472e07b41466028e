"""`interactive` around `interactive`: the inner one asks first, then the outer one."""

import pytest

from flowkernel.core.status import ExecutionStatus as S
from flowkernel.core.status import ReturnWhen
from tests.acceptance.flows import INTERACTIVE, answer, open_prompt, start_flow

pytestmark = pytest.mark.kernel

TWICE = INTERACTIVE * 2


@pytest.fixture
def failed(person, register, tmp_path):
    """A flow that a person let fail at the inner prompt; its execution and the outer prompt."""
    path = tmp_path / "there"
    register("reader", f"this.set_output(text=open({str(path)!r}).read())")
    execution = start_flow(person, "reader", using=TWICE)
    inner_prompt = open_prompt(person, execution)
    assert inner_prompt["subject"] == "reader failed"
    answer(person, inner_prompt, fail=True)

    outer_prompt = open_prompt(person, execution)
    assert outer_prompt["subject"] == "reader (interactive) failed"
    path.write_text("read")
    return execution, outer_prompt


def test_the_inner_wrapper_asks_first_and_then_the_outer_one(person, failed):
    execution, prompt = failed

    answer(person, prompt, fail=True)

    execution.wait(ReturnWhen.ALL_ENDED, timeout=60)
    assert execution.status is S.ENDED_ERROR
    assert "No such file" in execution.get("message")


def test_the_outer_prompt_can_retry_a_flow_that_failed_inside(person, failed):
    execution, prompt = failed

    answer(person, prompt, retry=True)

    execution.wait(timeout=60)
    assert execution.output == {"text": "read"}
    rows = person.sql(
        "SELECT retry_of IS NOT NULL FROM execution WHERE flow_name = 'reader' "
        f"AND root_id = '{execution.execution_id}' ORDER BY created_at"
    )["rows"]
    assert rows == [[False], [True]]  # So what succeeded under the first try is kept.
    wrappers = person.sql(
        "SELECT count(*), count(retry_of) FROM execution WHERE type = 'WRAPPER' "
        f"AND parent_id = '{execution.execution_id}'"
    )["rows"]
    assert wrappers == [[2, 1]]


def test_the_outer_prompt_shows_the_inner_failure(failed):
    _, prompt = failed

    buttons = [
        name
        for name, field in prompt["body"]["properties"].items()
        if field["element"] == "submit"
    ]
    assert buttons == ["retry", "fail", "cancel_all"]
    assert "this.set_output(text=open(" in prompt["message"]
    assert "FileNotFoundError" in prompt["message"]
    assert "def handler" not in prompt["message"]
    assert "Under it failed 'reader'" in prompt["message"]


@pytest.mark.parametrize("verb", ["retry", "retry_with_inputs"])
def test_a_flow_within_another_wrapper_is_retried_with_its_inputs(
    person, register, verb
):
    """Not with the parameters of that wrapper."""
    register("divide", "this.set_output(result=12 / inputs['by'], inputs=inputs)")
    using = [*INTERACTIVE, {"name": "timeout", "inputs": {"timeout_sec": 60}}]
    execution = start_flow(person, "divide", using=using, by=0)
    prompt = open_prompt(person, execution)
    assert "ZeroDivisionError" in prompt["message"]
    assert "Inputs: by = 0." in prompt["message"]
    assert "skip" not in prompt["body"]["properties"]

    if verb == "retry":
        register("divide", "this.set_output(result=12 / 3, inputs=inputs)")
    new_inputs = {"inputs.by": 3} if verb == "retry_with_inputs" else {}
    answer(person, prompt, **{verb: True}, **new_inputs)

    execution.wait(timeout=60)
    inputs = {"by": 3 if verb == "retry_with_inputs" else 0}
    assert execution.output == {"result": 4.0, "inputs": inputs}


def test_a_wrapper_that_fails_by_itself_shows_its_own_error(person, register):
    """Not the error of the flow under it, which failed too."""
    source = (
        "child = this.wrapped.start().wait(system.return_when.ALL_ENDED)\n"
        "value = {}['missing key']"
    )
    register("buggy", source, is_wrapper=True)
    register("divides", "1 / 0")
    using = [*INTERACTIVE, {"name": "buggy", "inputs": {}}]

    execution = start_flow(person, "divides", using=using)

    prompt = open_prompt(person, execution)
    assert "missing key" in prompt["message"]
    assert "value = {}" in prompt["message"]
    assert "ZeroDivisionError" not in prompt["message"]
    answer(person, prompt, fail=True)
    execution.wait(ReturnWhen.ALL_ENDED, timeout=60)
