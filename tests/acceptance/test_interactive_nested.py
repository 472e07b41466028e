"""`interactive` around `interactive`: what fails within is asked about there, then outside."""

import pytest

from flowkernel.core.status import ExecutionStatus as S
from flowkernel.core.status import ReturnWhen
from tests.acceptance.test_interactive import (
    INTERACTIVE,
    answer,
    begin,
    person,
    prompt_in,
)
from tests.conftest import until

__all__ = ["person"]

pytestmark = pytest.mark.kernel

TWICE = INTERACTIVE * 2


@pytest.fixture
def failed(person, register, tmp_path):
    """A flow that somebody let fail, within; and what is asked about that, outside."""
    there = tmp_path / "there"
    register("reader", f"this.set_output(text=open({str(there)!r}).read())")
    execution = begin(person, "reader", using=TWICE)
    first = prompt_in(person, execution)
    assert first["subject"] == "reader failed"
    answer(person, first, fail=True)

    def found():
        known = [m for m in person.get("/message", is_open="true") if m["about_id"]]
        return [m for m in known if m["root_id"] == execution.execution_id]

    [second] = until(found)
    assert second["subject"] == "reader (interactive) failed"
    there.write_text("read")
    return execution, second


def test_within_is_asked_first_and_then_outside(person, failed):
    execution, prompt = failed

    answer(person, prompt, fail=True)

    execution.wait(ReturnWhen.ALL_ENDED, timeout=60)
    assert execution.status is S.ENDED_ERROR
    assert "No such file" in execution.get("message")


def test_what_was_let_fail_within_is_retried_outside(person, failed):
    execution, prompt = failed

    answer(person, prompt, retry=True)

    execution.wait(timeout=60)
    assert execution.output == {"text": "read"}
    rows = person.sql(
        "SELECT retry_of IS NOT NULL FROM execution WHERE flow_name = 'reader' "
        f"AND root_id = '{execution.execution_id}' ORDER BY created_at"
    )["rows"]
    assert rows == [[False], [False]]  # The wrapper is the second try, and begins anew.
    wrappers = person.sql(
        "SELECT count(*), count(retry_of) FROM execution WHERE type = 'WRAPPER' "
        f"AND parent_id = '{execution.execution_id}'"
    )["rows"]
    assert wrappers == [[2, 1]]


def test_outside_it_shows_what_failed_within_and_offers_what_makes_sense(failed):
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
    register("divide", "this.set_output(result=12 / inputs['by'], given=inputs)")
    using = [*INTERACTIVE, {"name": "timeout", "inputs": {"timeout_sec": 60}}]
    execution = begin(person, "divide", using=using, by=0)
    prompt = prompt_in(person, execution)
    assert "ZeroDivisionError" in prompt["message"]
    assert "Inputs: by = 0." in prompt["message"]
    assert "skip" not in prompt["body"]["properties"]

    if verb == "retry":
        register("divide", "this.set_output(result=12 / 3, given=inputs)")
    more = {"inputs.by": 3} if verb == "retry_with_inputs" else {}
    answer(person, prompt, **{verb: True}, **more)

    execution.wait(timeout=60)
    given = {"by": 3 if verb == "retry_with_inputs" else 0}
    assert execution.output == {"result": 4.0, "given": given}


def test_a_wrapper_that_fails_by_itself_shows_its_own_error(person, register):
    """Not that of the flow under it, which failed too."""
    source = (
        "child = this.wrapped.start().wait(system.return_when.ALL_ENDED)\n"
        "told = {}['what is not there']"
    )
    register("buggy", source, is_wrapper=True)
    register("divides", "1 / 0")
    using = [*INTERACTIVE, {"name": "buggy", "inputs": {}}]

    execution = begin(person, "divides", using=using)

    prompt = prompt_in(person, execution)
    assert "what is not there" in prompt["message"]
    assert "told = {}" in prompt["message"]
    assert "ZeroDivisionError" not in prompt["message"]
    answer(person, prompt, fail=True)
    execution.wait(ReturnWhen.ALL_ENDED, timeout=60)
