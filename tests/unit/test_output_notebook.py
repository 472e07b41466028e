"""Where the output notebook of a run is, as it is said below its tree."""

from datetime import timedelta

import pytest

from flowkernel.client.output_notebook import (
    copy_name,
    ending_steps,
    existing_notebook_path,
    run_in,
)
from flowkernel.core.errors import FileMissing
from flowkernel.core.models import Wrapped
from flowkernel.core.status import ExecutionStatus as S
from flowkernel.display.tree import Tree
from flowkernel.widgets.live_tree import bundle
from tests.records import NOON, an_execution

WRAPPED = Wrapped(flow_name="report", flow_version="v1", name="report")


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A home with one output notebook, seen from a kernel of no Jupyter server."""
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "a.ipynb").write_text("{}")
    return tmp_path / "home"


def ended(id_="a", status=S.ENDED_SUCCESS, *, minute=0, **fields):
    created_at = NOON + timedelta(minutes=minute)
    values = {"notebook_path": f"{id_}.ipynb", "created_at": created_at, **fields}
    return an_execution(id_, status, **values)


def test_a_success_names_its_output_notebook_and_how_it_is_opened(home):
    tree = Tree("a", [ended()])

    shown = bundle(tree, ending_steps(home, tree))

    words = (
        f"Output notebook: {home / 'a.ipynb'}. "
        "Copy it into this folder, to open it: %execution a --copy"
    )
    assert shown["text/plain"].splitlines()[1:] == [words]
    assert "%execution a --copy</code>" in shown["text/html"]


def test_where_jupyterlab_can_open_it_there_is_a_link(home, monkeypatch):
    monkeypatch.setattr(
        "flowkernel.client.output_notebook.notebook_href", lambda _path: "../a.ipynb"
    )
    tree = Tree("a", [ended()])

    html = bundle(tree, ending_steps(home, tree))["text/html"]

    assert 'Output notebook: <a href="../a.ipynb"' in html
    assert "--copy" not in html


@pytest.mark.parametrize(
    "execution",
    [
        ended(status=S.ENDED_ERROR),  # The report of its failure says it.
        ended(status=S.RUNNING),
        ended(notebook_path="gone.ipynb"),
        ended(notebook_path=None),
    ],
)
def test_nothing_is_said_of_a_notebook_that_is_not_there_or_not_finished(
    home, execution
):
    assert ending_steps(home, Tree("a", [execution])) == []


def wrapper(id_="w", **fields):
    return ended(id_, type="WRAPPER", flow_name="retry", **fields)


def under(id_, parent_id="w", **fields):
    return ended(id_, parent_id=parent_id, **fields)


def test_of_a_wrapper_it_is_the_notebook_of_the_flow():
    tree = Tree(
        "w",
        [
            wrapper(wrapped=WRAPPED),
            under("v", minute=1, type="WRAPPER", flow_name="check"),
            under("first", "v", minute=2, status=S.ENDED_ERROR, is_archived=True),
            under("second", "v", minute=3),
            under("checker", "v", minute=4, flow_name="other"),
        ],
    )

    assert run_in(tree).execution_id == "second"


def test_a_wrapper_whose_output_was_there_before_names_none():
    assert run_in(Tree("w", [wrapper(wrapped=WRAPPED)])) is None


def test_a_wrapper_that_runs_as_a_flow_is_one():
    assert run_in(Tree("w", [wrapper()])).execution_id == "w"


def test_who_needs_the_output_notebook_of_a_run_without_one_is_told(home):
    assert existing_notebook_path(home, ended()) == home / "a.ipynb"

    for execution in (ended("gone"), ended(notebook_path=None)):
        with pytest.raises(FileMissing, match="'report' has no output notebook"):
            existing_notebook_path(home, execution)


def test_a_copy_has_a_name_that_every_system_takes():
    execution = an_execution("0" * 28 + "1eacc1a0", name='a/b: "c"?. ')

    assert copy_name(execution).startswith("a_b_ _c__-")
    assert copy_name(execution).endswith(".ipynb")
