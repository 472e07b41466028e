"""The tree of errors: each has a meaning, a code, and a way back over the wire."""

import re
from pathlib import Path

import pytest

from flowkernel.core import errors
from flowkernel.core.errors import (
    EngineFault,
    ExecutionNotFound,
    FlowkernelError,
    FlowNotFound,
    MessageNotFound,
    all_errors,
    from_code,
)
from flowkernel.core.http_status import http_status_of
from flowkernel.server_extension.panel_refusal import refusal_of

ERRORS_PAGE = (
    Path(__file__).parents[2].joinpath("docs/reference/errors.md").read_text("utf-8")
)


@pytest.mark.parametrize("error", all_errors().values())
def test_every_error_has_a_docstring(error):
    assert error.__dict__.get("__doc__"), error


def test_the_tree_above_the_errors_has_each_of_them():
    names = set(re.findall(r"\w+", errors.__doc__ or ""))
    classes = all_errors().values()

    own = {cls.__name__ for cls in classes if cls.__module__ == errors.__name__}
    assert own - names == set()


@pytest.mark.parametrize("code", all_errors())
def test_every_error_can_be_made_from_its_code(code):
    error = from_code(code, "What happened.")

    assert type(error).__name__ == code
    assert str(error) == "What happened."


@pytest.mark.parametrize("cls", [FlowNotFound, ExecutionNotFound, MessageNotFound])
def test_a_name_that_is_not_there_is_repeated_in_part_only(cls):
    assert "'report'" in str(cls("report"))
    assert len(str(cls("x" * 100_000))) < 300


@pytest.mark.parametrize("code", all_errors())
def test_an_error_has_one_http_status_in_the_engine_the_panel_and_the_reference(code):
    """But of a token: whether somebody is logged in, Jupyter says alone."""
    error = from_code(code, "What happened.")
    rows = re.findall(rf"^\| `{code}` \| (\d+) \|", ERRORS_PAGE, re.MULTILINE)

    assert rows in ([], [str(http_status_of(error))])
    expected = 503 if code == "Unauthorized" else http_status_of(error)
    assert refusal_of(error, 500, "").status_code == expected


def test_an_unknown_code_is_an_engine_fault():
    assert type(from_code("Unheard", "x")) is EngineFault


def test_a_notebook_shows_the_sentence_and_not_the_stack():
    assert FlowkernelError("What.")._render_traceback_() == ["FlowkernelError: What."]


def test_the_nearest_name_is_offered():
    assert "Did you mean 'report'?" in str(FlowNotFound("repotr", ["import", "report"]))
    assert "`flowkernel flow list`" in str(FlowNotFound("x", ["report"]))
