"""Deep trees, wide families and many processes: two slots are enough for all."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from flowkernel.client.client import Client
from flowkernel.core.errors import FlowkernelError
from flowkernel.core.status import ExecutionStatus as S
from flowkernel.core.status import ReturnWhen
from tests.acceptance.flows import register_cell, start_flow
from tests.conftest import engines_of

pytestmark = pytest.mark.kernel


@pytest.fixture
def two_slots(monkeypatch, own_home):
    """A client of an engine with two slots."""
    monkeypatch.setenv("FLOWKERNEL_SLOTS", "2")
    client = Client(own_home)
    yield client
    client.close()


def run_flow(client, target, **inputs):
    execution = start_flow(client, target, **inputs)
    return execution.wait(ReturnWhen.ALL_ENDED, timeout=170)


def test_a_tree_of_depth_twenty_runs_in_two_slots_and_its_record_is_right(two_slots):
    register_cell(
        two_slots,
        "down",
        "n = inputs['n']\n"
        "if n:\n"
        "    n = this.flow('down', n=n - 1).output['sum'] + n\n"
        "this.set_output(sum=n)",
    )

    top = run_flow(two_slots, "down", n=20)

    assert (top.status, top.output) == (S.ENDED_SUCCESS, {"sum": 210})
    rows = two_slots.sql(
        "select e.depth, e.inputs->>'n', e.output->>'sum', e.root_id = r.execution_id,"
        " e.depth = 0 or p.depth = e.depth - 1,"
        " e.created_at <= e.started_at and e.started_at <= e.ended_at,"
        " e.depth = 0 or (e.started_at >= p.started_at and e.ended_at <= p.ended_at),"
        " (select count(*) from cell_run c where c.execution_id = e.execution_id"
        "  and c.status = 'SUCCESS' and c.started_at >= e.started_at"
        "  and c.ended_at <= e.ended_at)"
        " from execution e left join execution p on p.execution_id = e.parent_id,"
        " (select execution_id from execution where parent_id is null) r order by e.depth"
    )["rows"]
    assert rows == [
        [d, str(20 - d), str(sum(range(21 - d))), True, True, True, True, 1]
        for d in range(21)
    ]


def test_a_parent_with_two_hundred_children_runs_in_two_slots(two_slots):
    register_cell(two_slots, "leaf", "this.set_output(n=inputs['n'])")
    register_cell(
        two_slots,
        "wide",
        "children = [this.flow('leaf', n=n, wait=False) for n in range(200)]\n"
        "this.wait_for(*children)\n"
        "this.set_output(total=sum(child.output['n'] for child in children))",
    )

    top = run_flow(two_slots, "wide")

    assert (top.status, top.output) == (S.ENDED_SUCCESS, {"total": 19_900})
    assert len(top.children) == 200
    [counted] = two_slots.sql(
        "select count(*), count(distinct call_key), count(distinct inputs->>'n'),"
        " bool_and(output = inputs), bool_and(status = 'ENDED_SUCCESS'),"
        f" bool_and(parent_id = root_id and root_id = '{top.execution_id}')"
        " from execution where parent_id is not null"
    )["rows"]
    assert counted == [200, 200, 200, True, True, True]


def test_a_flow_that_calls_itself_for_ever_is_stopped(monkeypatch, own_home):
    monkeypatch.setenv("FLOWKERNEL_MAX_DEPTH", "3")
    client = Client(own_home)
    register_cell(client, "ouroboros", "this.flow('ouroboros')")

    top = run_flow(client, "ouroboros")

    assert "would make a tree more than 3 levels deep" in top.get("message")
    assert client.sql("select max(depth) from execution")["rows"] == [[3]]


def test_twenty_processes_at_once_start_one_engine_and_twenty_notebooks(
    two_slots, tmp_path
):
    for n in range(20):
        (tmp_path / f"job{n}.py").write_text(f"this.set_output(n={n})")
    words = [sys.executable, "-m", "flowkernel", "run", "--json"]

    with ThreadPoolExecutor(20) as pool:
        processes = list(
            pool.map(
                lambda n: subprocess.run(
                    [*words, f"job{n}.py"], capture_output=True, text=True, cwd=tmp_path
                ),
                range(20),
            )
        )

    assert [process.returncode for process in processes] == [0] * 20, processes[
        0
    ].stderr
    assert len(engines_of(two_slots.home)) == 1
    log = (two_slots.home.log / "engine.log").read_text()
    assert "already" not in log
    assert "Traceback" not in log
    rows = two_slots.sql("select count(*), sum((output->>'n')::int) from execution")[
        "rows"
    ]
    assert rows == [[20, 190]]


def test_an_unknown_execution_is_named(two_slots):
    with pytest.raises(FlowkernelError, match="There is no run 'nope'"):
        two_slots.get_execution("nope")
