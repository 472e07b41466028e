"""The magics in a notebook, with real kernels."""

import asyncio
import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

from flowkernel.api import run as run_in_python
from flowkernel.api import start
from flowkernel.client.client import Client
from flowkernel.client.watch import follow
from flowkernel.core.errors import ExecutionCancelled
from flowkernel.core.status import ReturnWhen
from flowkernel.magics.execution_display import watch_execution
from tests.conftest import kill_engine, until

pytestmark = [pytest.mark.kernel, pytest.mark.usefixtures("client")]
VIEW = "application/vnd.jupyter.widget-view+json"

FETCH = """%%flow fetch
def handler(system, this, inputs):
    this.log('fetching', inputs['n'])
    this.set_output(rows=inputs['n'])
"""
REPORT = """%%flow report
total = 0
for n in range(inputs['count']):
    total += this.flow('fetch', n=n).get('output_value')['rows']
this.set_output(total=total)
"""


def make_notebook(*sources: str) -> Any:
    cells = [nbformat.v4.new_code_cell(s) for s in ("%load_ext flowkernel", *sources)]
    notebook = nbformat.v4.new_notebook(cells=cells)
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
    return notebook


def execute(notebook: Any, *, action: Callable[..., Any] | None = None) -> list[Any]:
    """Run a notebook as a person does; the outputs of each cell after the first."""
    client = NotebookClient(notebook, timeout=120, allow_errors=True)

    async def run_both() -> None:
        task = asyncio.ensure_future(action(client)) if action else None
        await client.async_execute()
        if task is not None:
            await task

    asyncio.run(run_both())
    return [cell.outputs for cell in notebook.cells[1:]]


def texts(outputs: list[Any]) -> str:
    """The text of outputs, as a person reads it."""
    return "\n".join(
        output.get("text") or output.get("evalue") or output["data"]["text/plain"]
        for output in outputs
    )


def wait_until_running(client: Client, flow_name: str) -> None:
    until(lambda: client.list_executions(flow_name=flow_name, status="RUNNING"))
    client.close()


def test_a_notebook_registers_runs_and_reads():
    *_registered, run_output, output, failed, table = execute(
        make_notebook(
            FETCH,
            REPORT,
            "count = 2\nresult = %flow_run report count=count --name first",
            "result.output, len(result.children), result.notebook.exists()",
            "%flow_run fetch",
            "%%flow_sql\nselect count(*) as n from execution where flow_name = 'fetch'",
        )
    )

    tree = texts(run_output).splitlines()
    assert tree[0].startswith("✔ first (report)  succeeded")
    assert [line[:11] for line in tree[1:3]] == ["├─ ✔ fetch ", "└─ ✔ fetch "]
    assert tree[3].startswith("Output notebook: ")
    assert texts(output) == "({'total': 1}, 2, True)"
    assert failed[-1].ename == "ExecutionFailed"
    assert "'fetch' failed: " in failed[-1].evalue
    assert "This run has no input 'n'" in failed[-1].evalue
    assert "3" in texts(table)


#: `outer` fails because `inner` does, two levels deep.
INNER = """%%flow inner
def handler(system, this):
    raise ValueError("<no> sales")
"""
OUTER = "%%flow outer\nthis.flow('inner')"


def test_a_failure_shows_its_cause_with_the_traceback_and_what_to_do_next():
    """The same for the magic, for `.wait()` and when it is looked at again."""
    *_registered, magic, waited, caught, again, _mended, retried = execute(
        make_notebook(
            INNER,
            OUTER,
            "%flow_run outer",
            "import flowkernel\nex = flowkernel.run('outer')\nex.wait()",
            "try:\n    ex.wait()\nexcept flowkernel.flow_api.DependencyFailedError as error:\n"
            "    print(error.child is ex)",
            "_ = get_ipython().run_line_magic('execution', ex.execution_id)",
            "%%flow outer\nthis.set_output(mended=True)",
            "again = get_ipython().run_line_magic(\n"
            "    'execution', f'{ex.execution_id} --retry --source current')\n"
            "print(again.output, again.get('retry_of') == ex.execution_id)",
        )
    )

    assert texts(caught) == "True\n"
    assert texts(retried[-1:]) == "{'mended': True} True\n"
    assert magic[-1].traceback == [f"ExecutionFailed: {magic[-1].evalue}"]
    assert waited[-1].traceback == [f"DependencyFailedError: {waited[-1].evalue}"]
    for outputs in (magic[-2:-1], waited[-2:-1], again[-1:]):
        [report] = outputs
        text, html = report.data["text/plain"], report.data["text/html"]
        assert text.startswith("'inner' failed: Cell ")
        assert "1 def handler(system, this):\n" in text
        assert 'raise ValueError("<no> sales")' in text
        assert "\nBecause of it: 'outer'." in text
        assert "%execution" in text
        assert "<details open><summary" in html
        assert "&lt;no&gt; sales" in html


def test_the_saved_notebook_shows_the_tree_without_any_widget():
    [_, ran] = execute(make_notebook(FETCH, "r = %flow_run fetch n=1"))

    [tree] = ran
    assert VIEW not in tree["data"]
    assert 'role="tree"' in tree["data"]["text/html"]
    assert tree["data"]["text/plain"].startswith("✔ fetch  succeeded")


#: Waits for the thread that updates the tree of `r`.
JOINED = """
import threading
name = "flowkernel-trees"
[thread.join(60) for thread in threading.enumerate() if thread.name == name]
"""


def test_without_waiting_the_tree_goes_on_while_other_cells_run(tmp_path):
    """It ends in a later cell: nbclient ignores messages between two cells."""
    gate = str(tmp_path / "gate")
    os.mkfifo(gate)
    [_, tree, _wait, status] = execute(
        make_notebook(
            f"%%flow gated\nopen({gate!r}).read()",
            "r = %flow_run gated --no-wait",
            f"open({gate!r}, 'w').close()\nr.wait()\n{JOINED}",
            "r.status.value",
        )
    )

    assert "succeeded" in texts(tree)
    assert texts(status) == "'ENDED_SUCCESS'"


def test_an_execution_as_a_value_is_the_tree_of_now(tmp_path):
    """A later cell shows the state of then; the cell that started it has its tree."""
    gate = str(tmp_path / "gate")
    os.mkfifo(gate)
    [_, started, shown, _wait, text] = execute(
        make_notebook(
            f"%%flow gated\nopen({gate!r}).read()",
            "r = %flow_run gated --no-wait\nr",
            "r",
            f"open({gate!r}, 'w').close()\nr.wait()\n{JOINED}",
            "print(repr(r))",
        )
    )

    assert 'role="tree"' in started[0]["data"]["text/html"]
    assert started[1]["data"]["text/plain"].startswith("<Execution 'gated' ")
    [tree] = shown
    assert "succeeded" in tree["data"]["text/plain"]
    assert 'role="tree"' in tree["data"]["text/html"]
    assert texts(text).startswith("<Execution 'gated' succeeded (")


def test_an_interrupt_without_a_person_to_ask_cancels(tmp_path, client):
    (tmp_path / "slow.py").write_text(
        "import time\nfor _ in range(600): time.sleep(0.1)\n"
    )

    async def interrupt(notebook: NotebookClient) -> None:
        await asyncio.to_thread(wait_until_running, client, "slow")
        # Now it has imported all: ipykernel 6 loses an interrupt in a garbage collection.
        await asyncio.to_thread(until, lambda: notebook.nb.cells[-1].outputs)
        await notebook.km.interrupt_kernel()

    [stopped] = execute(
        make_notebook(f"%flow_run {tmp_path / 'slow.py'}"), action=interrupt
    )

    assert stopped[-1].ename == "ExecutionCancelled"
    [execution] = client.list_executions(flow_name="slow")
    assert execution.status == "ENDED_CANCELLED"


def test_the_tree_goes_on_when_the_engine_is_killed(tmp_path, client, home):
    (tmp_path / "steps.py").write_text(
        "import time\nfor _ in range(40): time.sleep(0.1)\nthis.set_output(done=True)\n"
    )

    async def kill(_notebook: NotebookClient) -> None:
        await asyncio.to_thread(wait_until_running, client, "steps")
        kill_engine(home)

    [ran] = execute(
        make_notebook(f"r = %flow_run {tmp_path / 'steps.py'}"), action=kill
    )

    assert texts(ran).startswith("✔ steps  succeeded")


def test_in_a_flow_the_magics_start_children(tmp_path: Path, client: Client, run):
    notebook = make_notebook(
        FETCH,
        "first = %flow_run fetch n=1",
        "import flowkernel\nsecond = flowkernel.run('fetch', n=2).wait()",
        "this.set_output(rows=[first.output['rows'], second.output['rows']])",
    )
    nbformat.write(notebook, tmp_path / "outer.ipynb")

    outer = run("outer.ipynb")

    assert outer.get("status", "output") == ("ENDED_SUCCESS", {"rows": [1, 2]})
    assert [child.get("name") for child in outer.children] == ["fetch", "fetch"]
    output = nbformat.read(outer.notebook, as_version=4)
    cells = [cell for cell in output.cells if cell.source.startswith("first = ")]
    assert "✔ fetch  succeeded" in texts(cells[0].outputs)


def test_python_starts_and_waits(client, register):
    register("echo", "this.set_output(**inputs)")

    execution = run_in_python("echo", name="mine", a=1, inputs={"name": "b"})

    assert execution.wait(timeout=60).output == {"a": 1, "name": "b"}
    assert execution.get("name") == "mine"


@pytest.mark.parametrize(
    ("answer", "ends_as"), [("n", None), ("", None), ("y", "ENDED_CANCELLED")]
)
def test_an_interrupt_asks_whether_to_cancel(
    answer, ends_as, client, register, monkeypatch
):
    """The person answers; after "no" the run goes on without the tree."""
    questions = []
    monkeypatch.setattr("builtins.input", lambda text: questions.append(text) or answer)
    register("slow", "import time\nfor _ in range(600): time.sleep(0.1)")

    def interrupt() -> None:
        until(lambda: client.list_executions(flow_name="slow", status="RUNNING"))
        client.close()
        os.kill(os.getpid(), signal.SIGINT)

    person = threading.Thread(target=interrupt)
    person.start()
    slow = start(client, "slow", {}, name="mine")
    if ends_as == "ENDED_CANCELLED":
        with pytest.raises(ExecutionCancelled, match="'mine' was cancelled"):
            watch_execution(None, client, slow)
    else:
        assert ends_as is None
        execution = watch_execution(None, client, slow)
        assert execution.load("status") == "RUNNING"
        execution.cancel().wait(ReturnWhen.ALL_ENDED, timeout=30)
    person.join()

    assert questions == ["Cancel the run 'mine'? [y/N] "]


def test_missed_events_are_looked_up(client, register):
    """The stream may have a gap: then the tree is read again."""
    register("echo", "this.set_output(**inputs)")
    record = client.start({"flow": "echo", "inputs": {}, "run": False})
    changes = []
    trees = follow(
        client,
        record.execution_id,
        on_change=lambda _at, execution: changes.append(execution.status),
    )
    tree = next(trees)
    tree.cursor += 1  # The next event is the one that queues it.

    client.act(record.execution_id, "run", inputs={})

    *_, last = trees
    assert last.execution.status == "ENDED_SUCCESS"
    assert "QUEUED" not in changes
    assert changes[-1] == "ENDED_SUCCESS"
