"""Why a run failed, for people: the cause, the cell, the traceback, what next."""

import json
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from flowkernel.client.failure_lookup import line_of_cell, own_failure, retry_steps
from flowkernel.client.jupyter_link import notebook_folder, notebook_href
from flowkernel.core.clock import short_id
from flowkernel.core.models import CellError, Wrapped
from flowkernel.core.status import ExecutionStatus
from flowkernel.display.failure_cause import failed_child
from flowkernel.display.failure_report import (
    REASON,
    FailedStep,
    FailureReport,
    line_in,
)
from flowkernel.display.next_step import NextStep
from flowkernel.display.tree import Tree
from tests.unit.test_tree import a_child, an_execution

S = ExecutionStatus
FETCH = FailedStep(
    name="fetch",
    reason="Cell 2 of 3: ValueError: no sales",
    source_line="rows = read(day)",
    traceback="Traceback\n  line 1\nValueError: no sales",
)
REPORT = FailedStep(
    name="report",
    reason="Cell 1 of 1: DependencyFailedError: 'fetch' failed",
    traceback="Traceback\nDependencyFailedError",
)
AGAIN = NextStep(sentence="See this again", command="%execution 1eacc1a0")


def report(*steps, next_steps=(AGAIN,)):
    return FailureReport(name="report", steps=steps, next_steps=next_steps)


class Outline(HTMLParser):
    """The elements of some HTML, each with its attributes; checks that they are closed."""

    def __init__(self, html):
        super().__init__()
        self.elements, self.texts, self._open = [], [], []
        self.feed(html)
        assert self._open == []

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        self._open.append(tag)

    def handle_endtag(self, tag):
        assert self._open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)

    def all(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]


def test_the_cause_comes_first_with_its_cell_and_its_traceback():
    assert report(FETCH, REPORT).text().splitlines() == [
        "'fetch' failed: Cell 2 of 3: ValueError: no sales",
        "    the cell begins with: rows = read(day)",
        "  Traceback",
        "    line 1",
        "  ValueError: no sales",
        "Because of it: 'report'.",
        "See this again: %execution 1eacc1a0",
    ]


def test_in_html_only_the_traceback_of_the_cause_is_unfolded():
    outline = Outline(report(FETCH, REPORT).html())

    assert ["open" in attributes for attributes in outline.all("details")] == [
        True,
        False,
    ]
    assert outline.texts[:2] == [
        "'fetch' failed: Cell 2 of 3: ValueError: no sales",
        " ",
    ]
    assert "the cell begins with: rows = read(day)" in outline.texts
    assert "Because of it: 'report'." in outline.texts


def test_a_failure_without_a_traceback_is_a_sentence():
    outline = Outline(report(FailedStep(name="fetch", reason="")).html())

    assert outline.all("details") == []
    assert "'fetch' failed: it gave no reason" in outline.texts


FOREIGN = "<script>alert(1)</script>\x1b[31mred\x1b[0m\x1b]0;title\x07 & \"q\" 'q'"


@pytest.mark.parametrize("field", ["name", "reason", "source_line", "traceback"])
def test_foreign_text_is_only_text(field):
    step = FailedStep(**{"name": "fetch", field: FOREIGN})

    result = report(step, next_steps=[NextStep(sentence=FOREIGN, command=FOREIGN)])

    assert "\x1b" not in result.text()
    html = result.html()
    assert "\x1b" not in html
    assert Outline(html).all("script") == []


def test_a_link_cannot_leave_its_attribute():
    item = NextStep(sentence="Notebook", command="/x", href='a" onclick="b')

    outline = Outline(report(FETCH, next_steps=[item]).html())

    [link] = outline.all("a")
    assert link["href"] == 'a" onclick="b'
    assert set(link) == {"href", "style"}


def test_a_line_that_the_reason_has_already_is_not_shown_twice():
    step = FailedStep(
        name="fetch", reason="Cell 2 of 3 (rows = 1): no", source_line="rows = 1"
    )

    assert report(step).text().count("rows = 1") == 1


DIVISION = """\
----------------------------------------------------------------
ZeroDivisionError              Traceback (most recent call last)
Cell In[2], line 12
     10 import time
     11 by = 0
---> 12 total = share(by)

Cell In[1], line 2, in share(by)
      1 def share(by):
----> 2     return 1 / by

ZeroDivisionError: division by zero
"""
IN_HANDLER = """\
Cell In[1], line 1
----> 1 handler(system, this)

Cell In[1], line 4, in handler(system, this)
      2 def handler(system, this):
      3     by = 0
----> 4     total = 1 / by

File /lib/other.py:7, in other()
----> 7 raise ValueError
"""
SYNTAX = """\
  Cell In[1], line 3
    total = (
            ^
SyntaxError: '(' was never closed
"""


@pytest.mark.parametrize(
    ("traceback", "line"),
    [
        (DIVISION, "line 12: total = share(by)"),
        (IN_HANDLER, "line 4: total = 1 / by"),
        (SYNTAX, "line 3: total = ("),
        ("Error in f(): no\nTraceback:\n1. f()", ""),
        ("", ""),
    ],
)
def test_the_line_that_failed_is_that_of_the_cell_which_the_heading_names(
    traceback, line
):
    step = FailedStep(
        name="div", reason="Cell 1 of 1: no", source_line="x", traceback=traceback
    )

    assert line_in(traceback) == line
    assert step.cell_line == (line or "the cell begins with: x")


def test_each_way_to_run_it_again_is_a_whole_command():
    execution = an_execution(name="a", status=S.ENDED_ERROR)
    short = short_id(execution.execution_id)

    commands = [step.command for step in retry_steps(execution, execution)]

    assert commands == [
        f"%execution {short} --retry",
        f"%execution {short} --retry --source current",
    ]


def test_the_failure_of_wrappers_is_that_of_what_they_run():
    """Not of what a flow started: its own traceback says where it waited for that."""
    wrapped = Wrapped(flow_name="report", flow_version="v1", name="report")
    error = CellError(name="DependencyFailedError", message="", traceback="line 1")
    top, middle, flow, child = (
        an_execution(
            str(n) * 32,
            status=S.ENDED_ERROR,
            parent_id=str(n - 1) * 32 if n > 1 else None,
            status_message="Cell 1 of 1: ValueError: no",
            wrapped=wrapped if n < 3 else None,
            error=error,
        )
        for n in (1, 2, 3, 4)
    )
    family = {item.execution_id: item for item in (top, middle, flow, child)}

    class Records:
        get_execution = staticmethod(family.__getitem__)

    def failure_of(execution):
        tree = Tree(execution.execution_id, family.values())
        return own_failure(Records(), execution, tree)

    assert failure_of(top) == failure_of(middle) == failure_of(flow) == flow
    by_itself = replace(
        top, error=CellError(name="TimedOut", message="", traceback="t")
    )
    assert failure_of(by_itself) == by_itself


def test_a_tree_tells_an_error_once_and_names_it_above():
    """A tree that is read has rows without the errors: what they say is enough."""
    top, middle, deep = (str(n) * 32 for n in (1, 2, 3))
    cause = "Cell 1 of 1: ZeroDivisionError: no"
    family = [
        (top, None, "quarter", by_child(f"'month' failed: 'div' failed: {cause}")),
        (middle, top, "month", by_child(f"'div' failed: {cause}")),
        (deep, middle, "div", cause),
    ]
    tree = Tree(
        top,
        [
            an_execution(
                id_,
                status=S.ENDED_ERROR,
                parent_id=above,
                name=name,
                status_message=text,
            )
            for id_, above, name, text in family
        ],
    )

    assert [item.name for item in tree.causes(tree.execution)] == [
        "quarter",
        "month",
        "div",
    ]
    assert [line.detail for line in tree.lines()] == [
        "because of 'month'",
        "because of 'div'",
        cause,
    ]


def test_a_long_reason_is_cut():
    assert len(FailedStep(name="x", reason="y" * 5000).heading) < REASON + 20


# -- which child was the cause -------------------------------------------------------------


def failed(number, name="fetch", status=S.ENDED_ERROR, **fields):
    return a_child(number, name=name, status=status, **fields)


def by_child(message):
    """What a parent says of its end for which it names a child."""
    return f"Cell 1 of 1: DependencyFailedError: {message}"


def a_parent(message, status=S.ENDED_ERROR, **fields):
    return an_execution(status=status, status_message=message, **fields)


def test_a_flow_that_failed_by_itself_has_no_such_child():
    parent = a_parent("Cell 1 of 1: ValueError: no")

    assert failed_child(parent, [failed(1)]) is None


def test_the_child_that_the_error_names_is_the_cause():
    parent = a_parent(by_child("'b' failed: no sales"))
    children = [failed(1, "a"), failed(2, "b"), failed(3, "c")]

    assert failed_child(parent, children) == children[1]


def test_a_cancelled_child_can_be_the_cause():
    parent = a_parent(by_child("'a' was cancelled"))
    children = [a_child(1, status=S.ENDED_SUCCESS), failed(2, "a", S.ENDED_CANCELLED)]

    assert failed_child(parent, children) == children[1]


def test_the_last_try_of_a_wrapper_is_the_cause():
    first, last = (failed(n, status_message="Cell 1 of 1: no sales") for n in (1, 2))
    first_later = replace(first, execution_id="child3", ended_at=first.created_at)

    assert failed_child(a_parent(last.status_message), [first_later, last]) == last


def test_what_has_succeeded_has_no_such_child():
    """As a wrapper after a try that failed."""
    tries = [failed(1, status_message=""), a_child(2, status=S.ENDED_SUCCESS)]

    assert failed_child(a_parent("", S.ENDED_SUCCESS), tries) is None


def test_a_wrapper_that_says_why_itself_has_no_such_child():
    child = failed(
        1, status=S.ENDED_CANCELLED, status_message="Cancelled by execution 1."
    )

    assert failed_child(a_parent("It took longer than 1 s."), [child]) is None


# -- the cell ------------------------------------------------------------------------------


@pytest.fixture
def notebook(tmp_path):
    cells = [
        {"id": "a", "source": ["\n", "  import time\n", "x"], "metadata": {}},
        {"id": "call", "source": "h()", "metadata": {"flowkernel": {"calls": "a"}}},
        {"id": "empty", "source": "", "metadata": {}},
    ]
    path = tmp_path / "output.ipynb"
    path.write_text(json.dumps({"cells": cells}))
    return path


@pytest.mark.parametrize(
    ("cell_id", "line"),
    [("a", "import time"), ("call", "import time"), ("empty", ""), ("gone", "")],
)
def test_the_first_line_of_a_cell_is_read_from_the_output_notebook(
    notebook, cell_id, line
):
    assert line_of_cell(notebook, cell_id) == line


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"cells": [3]}', "\x00"])
def test_an_output_notebook_that_is_none_has_no_line_of_cell(tmp_path, content):
    path = tmp_path / "output.ipynb"
    path.write_text(content)

    assert line_of_cell(path, "a") == ""
    assert line_of_cell(tmp_path / "missing.ipynb", "a") == ""


# -- links ---------------------------------------------------------------------------------


@pytest.fixture
def environ(tmp_path, monkeypatch):
    """The variables of a kernel for `root/sub/notebook.ipynb`."""
    runtime, root = tmp_path / "runtime", tmp_path / "root"
    for folder in (runtime, root / "sub"):
        folder.mkdir(parents=True)
    (runtime / "jpserver-77.json").write_text(json.dumps({"root_dir": str(root)}))
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(runtime))
    session = str(root / "sub" / "notebook.ipynb")
    return {"JPY_PARENT_PID": "77", "JPY_SESSION_NAME": session}


@pytest.mark.parametrize(
    ("path", "href"),
    [
        ("root/sub/x.ipynb", "x.ipynb"),
        ("root/home/a b#.ipynb", "../home/a%20b%23.ipynb"),
        ("root/.flowkernel/notebooks/x.ipynb", None),
        ("elsewhere/x.ipynb", None),
    ],
)
def test_a_link_is_relative_to_the_notebook_and_only_where_it_works(
    environ, tmp_path, path, href
):
    assert notebook_href(tmp_path / path, environ) == href


def test_a_file_behind_a_link_out_of_the_root_is_not_linked(environ, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "root" / "link").symlink_to(tmp_path / "elsewhere")

    assert notebook_href(tmp_path / "root" / "link" / "x.ipynb", environ) is None


@pytest.mark.parametrize("name", ["JPY_PARENT_PID", "JPY_SESSION_NAME"])
def test_outside_of_a_jupyter_server_there_are_no_links(environ, tmp_path, name):
    del environ[name]

    assert notebook_href(tmp_path / "root" / "x.ipynb", environ) is None


def test_the_folder_of_the_notebook_is_that_of_its_session(environ, tmp_path):
    assert notebook_folder(environ) == tmp_path / "root" / "sub"
    assert notebook_folder({}) == Path.cwd()
