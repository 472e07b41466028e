"""The magics in a real shell against a real engine; no kernels."""

import sys

import pandas
import polars
import pytest

from flowkernel.api import find_flow, list_executions, register, sql
from flowkernel.core.errors import BadArgument, FlowNotFound, SqlRefused
from flowkernel.core.models import FlowKind, OnLost
from flowkernel.magics.dataframes import data_frame
from tests.conftest import until
from tests.magic_shell import shell

__all__ = ["shell"]


def test_a_cell_becomes_a_flow(shell, client, tmp_path, capsys):
    cell = "def handler(system, this, inputs):\n    return this.success()\n"

    shell.run_cell_magic(
        "flow",
        "fetch --description 'gets it' --on-lost fail --cell-timeout 2.5",
        cell,
    )

    flow = client.get_flow("fetch")
    assert (flow.kind, flow.source, flow.description) == (
        FlowKind.CELL,
        cell,
        "gets it",
    )
    assert (flow.on_lost, flow.cell_timeout) == (OnLost.FAIL, 2.5)
    assert flow.environment.interpreter == sys.executable
    assert flow.environment.cwd == str(tmp_path)
    output = capsys.readouterr()
    assert output.out == (
        f"Registered 'fetch' (version {flow.flow_version[:8]}). "
        "Start it with %flow_run fetch.\n"
    )
    assert output.err == ""


def test_names_of_the_notebook_are_warned_about_and_the_flow_is_registered(
    shell, client, capsys
):
    shell.run_cell_magic("flow", "report", "import os\nprint(df)\n!ls {df}\n")

    output = capsys.readouterr()
    assert (
        "The flow 'report' uses `df` (line 3), which it does not define" in output.err
    )
    assert "inputs['df']" in output.err
    assert client.get_flow("report")


def test_a_setup_defines_names_and_must_be_there(shell, client, capsys):
    shell.run_cell_magic("flow", "shared", "%time import math\nx = 1\n")
    shell.run_cell_magic("flow", "uses --setup shared", "print(x)\n")

    assert capsys.readouterr().err == ""
    assert client.get_flow("uses").setup == "shared"
    with pytest.raises(FlowNotFound, match="Did you mean 'shared'"):
        shell.run_cell_magic("flow", "uses --setup shred", "print(x)\n")


def test_a_cell_that_is_not_python_is_not_registered(shell, client):
    shell.run_cell("%%flow broken\nx = (")

    assert find_flow("broken") is None


def test_a_handler_that_cannot_be_called_is_not_registered(shell, client):
    for magic in ("flow", "wrapper"):
        with pytest.raises(BadArgument, match="`handler` of 'one' takes one argument"):
            shell.run_cell_magic(magic, "one", "def handler(this):\n    pass\n")

    assert find_flow("one") is None


def test_it_is_said_what_a_registration_takes_the_place_of(shell, client, capsys):
    shell.run_cell_magic("wrapper", "cache", "this.wrapped.start()")
    assert "the place of the wrapper 'cache' that comes with" in capsys.readouterr().out
    shell.run_cell_magic("flow", "cache", "x = 1")
    assert "'cache' was a wrapper until now" in capsys.readouterr().out
    client.delete_flow("cache")

    shell.run_cell_magic("flow", "mine --wrapper retry", "x = 1")
    shell.run_cell_magic("flow", "mine", "x = 1")
    assert "'mine' ran through retry (" in capsys.readouterr().out
    shell.run_cell_magic("wrapper", "mine", "this.wrapped.start()")
    assert "'mine' was a flow until now" in capsys.readouterr().out
    shell.run_cell_magic("flow", "mine", "x = 1")
    assert "a run that goes through it is refused" in capsys.readouterr().out


def test_a_name_with_blanks_is_quoted(shell, client, capsys):
    shell.run_cell_magic("flow", "'my flow'", "x = 1")

    assert client.get_flow("my flow")
    assert "%flow_run 'my flow'." in capsys.readouterr().out


def test_lists_are_tables(shell, client, register):
    register("listed", "x = 1", description="<b>")
    record = client.start({"flow": "listed", "inputs": {}, "run": False})

    flows = shell.run_line_magic("flows", "")
    executions = shell.run_line_magic(
        "executions", "--flow listed --status pending --limit 1"
    )

    assert "listed" in [row[0] for row in flows]
    assert "<b>" not in flows._repr_html_()
    assert executions.rows[0][:4] == (
        record.execution_id[:18],
        "listed",
        "listed",
        "not started",
    )
    assert len(shell.run_line_magic("inbox", "")) == 0


def test_an_execution_is_shown_by_the_end_of_its_id(shell, client, register, capsys):
    register("listed", "x = 1")
    record = client.start({"flow": "listed", "inputs": {}, "run": False})

    result = shell.run_line_magic("execution", record.execution_id[-8:])

    assert result.execution_id == record.execution_id
    assert "◌ listed  not started" in capsys.readouterr().out


def test_who_started_it_is_recorded(shell, register):
    register("listed", "x = 1")

    execution = shell.run_line_magic("flow_run", "listed n=1 --no-wait --name first")
    execution.cancel()

    assert execution.load("started_by").endswith("(notebook)")
    assert execution.load("name", "inputs") == ("first", {"n": 1})


def test_loading_again_names_the_runs_that_the_notebook_started(
    shell, register, tmp_path, monkeypatch, capsys
):
    """As in a kernel that was started again: no tree in the notebook is current."""
    monkeypatch.setenv("JPY_SESSION_NAME", str(tmp_path / "mine.ipynb"))
    register("listed", "import time\ntime.sleep(60)")
    shell.run_line_magic("reload_ext", "flowkernel")
    execution = shell.run_line_magic("flow_run", "listed --no-wait --name first")
    capsys.readouterr()

    shell.run_line_magic("reload_ext", "flowkernel")
    named = capsys.readouterr().out
    monkeypatch.setenv("JPY_SESSION_NAME", str(tmp_path / "other.ipynb"))
    shell.run_line_magic("reload_ext", "flowkernel")
    execution.cancel()

    assert named.startswith("This notebook started 'first', which is ")
    assert f"%execution {execution.execution_id[:18]} shows it." in named
    assert capsys.readouterr().out == ""


def test_sql_gives_a_frame(shell, register):
    register("listed", "x = 1")

    result = shell.run_cell_magic(
        "flow_sql", "", "select name, registered_at from flow where name = 'listed'"
    )

    assert list(result["name"]) == ["listed"]
    assert str(result["registered_at"].dtype).startswith("datetime64")


ANSWER = {
    "columns": ["n", "at"],
    "types": ["INTEGER", "TIMESTAMP"],
    "rows": [[1, "2026-01-01T12:00:00"], [None, None], [3, "2026-01-01T12:00:00.5"]],
    "is_cut": True,
}


def test_frames_know_moments_and_say_that_they_are_cut(capsys):
    frame = data_frame(ANSWER)

    assert isinstance(frame, pandas.DataFrame)
    assert frame["at"][0] == pandas.Timestamp("2026-01-01T12:00", tz="UTC")
    assert "cut at 3 rows" in capsys.readouterr().err


def test_polars_is_as_good():
    from flowkernel.magics.dataframes import _polars

    frame = _polars(ANSWER)

    assert isinstance(frame, polars.DataFrame)
    assert frame["at"].dtype == polars.Datetime("us", "UTC")
    assert frame["n"].to_list() == [1, None, 3]


def test_python_says_the_same(client, tmp_path):
    (tmp_path / "script.py").write_text("x = 1")

    flow = register("script.py", name="from python", description="d", cell_timeout=3)

    assert find_flow("from python") == flow
    assert (flow.kind, flow.cell_timeout) == (FlowKind.SCRIPT, 3.0)
    assert find_flow("from pythn") is None
    assert sql("select 1 as one").to_dicts() == [{"one": 1}]
    with pytest.raises(SqlRefused):
        sql("drop table flow")
    assert isinstance(list_executions(limit=1), list)


def test_a_cell_is_a_sign_of_a_person(shell, client, register):
    register("plain", "x = 1")
    execution = client.start({"flow": "plain", "run": False})
    path = f"/execution/{execution.execution_id}/presence"
    previous_sign = client.get(path)["last"]

    shell.run_cell("1 + 1").raise_error()

    until(lambda: client.get(path)["last"] != previous_sign)
    assert client.get(path)["last"]["channel"] == "notebook"
