"""`interactive` around `interactive`: what fails within is asked about there, then outside."""

import pytest

from flowkernel.status import ExecutionStatus as S
from flowkernel.status import ReturnWhen
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


@pytest.mark.parametrize("verb", ["retry", "retry_cell"])
def test_what_was_let_fail_within_is_retried_outside(person, failed, verb):
    execution, prompt = failed

    answer(person, prompt, **{verb: True})

    execution.wait(timeout=60)
    assert execution.output == {"text": "read"}
    rows = person.sql(
        "SELECT retry_of IS NOT NULL FROM execution WHERE flow_name = 'reader' "
        f"AND root_id = '{execution.execution_id}' ORDER BY created_at"
    )["rows"]
    is_anew = verb == "retry"  # Then the wrapper is the second try, and begins anew.
    assert rows == [[False], [not is_anew]]
    wrappers = person.sql(
        "SELECT count(*), count(retry_of) FROM execution WHERE type = 'WRAPPER' "
        f"AND parent_id = '{execution.execution_id}'"
    )["rows"]
    assert wrappers == [[2, 1] if is_anew else [1, 0]]
