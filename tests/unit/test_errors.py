"""The tree of errors: each has a meaning, a code, and a way back over the wire."""

import pytest

from flowkernel.core.errors import (
    EngineFault,
    FlowkernelError,
    FlowNotFound,
    all_errors,
    from_code,
)


@pytest.mark.parametrize("error", all_errors().values())
def test_every_error_says_what_it_means(error):
    assert error.__dict__.get("__doc__"), error


@pytest.mark.parametrize("code", all_errors())
def test_every_error_comes_back_from_its_code(code):
    error = from_code(code, "What happened.")

    assert type(error).__name__ == code
    assert str(error) == "What happened."


def test_a_code_that_is_not_known_is_a_fault_of_the_engine():
    assert type(from_code("Unheard", "x")) is EngineFault


def test_a_notebook_shows_the_sentence_and_not_the_stack():
    assert FlowkernelError("What.")._render_traceback_() == ["FlowkernelError: What."]


def test_the_nearest_name_is_offered():
    assert "Did you mean 'report'?" in str(FlowNotFound("repotr", ["import", "report"]))
    assert "`flowkernel flow list`" in str(FlowNotFound("x", ["report"]))
