"""The kinds of flows, what they can do, and how they end."""

import json
import sys

import nbformat
import pytest

from flowkernel.client.client import Client
from flowkernel.core.models import Environment, Flow, FlowKind
from flowkernel.core.status import ExecutionStatus as S
from flowkernel.core.status import ReturnWhen
from flowkernel.flow_api import Execution
from tests.conftest import until

pytestmark = pytest.mark.kernel

ECHO = """
def handler(system, this, inputs):
    this.set_output(got=inputs)
"""


def test_a_handler_with_two_arguments_is_called(register, run):
    register(
        "two", "def handler(system, this):\n    return this.success(this.get('name'))"
    )

    execution = run("two")

    assert execution.get("status", "message") == (S.ENDED_SUCCESS, "two")


def test_a_handler_with_three_arguments_gets_the_inputs(register, run):
    register("echo", ECHO)

    assert run("echo", day="2026-01-01", rows=3).output == {
        "got": {"day": "2026-01-01", "rows": 3}
    }


def test_plain_statements_have_system_this_and_inputs(register, run):
    register(
        "plain", "this.set_output('double', inputs['n'] * 2)\nthis.set_output(ok=True)"
    )

    assert run("plain", n=21).output == {"double": 42, "ok": True}


def test_a_setup_flow_runs_first(register, run):
    register("shared", "import math\ndef area(r): return math.floor(math.pi * r * r)")
    register("circle", "this.set_output(area=area(inputs['r']))", setup="shared")

    execution = run("circle", r=2)

    assert execution.output == {"area": 12}
    assert [
        run.cell_id for run in execution._client.cell_runs(execution.execution_id)
    ] == [
        "setup",
        "flow",
    ]


def test_a_notebook_gets_its_parameters_as_papermill_gives_them(tmp_path, run):
    notebook = nbformat.v4.new_notebook(
        cells=[
            nbformat.v4.new_code_cell("x = 1", metadata={"tags": ["parameters"]}),
            nbformat.v4.new_code_cell("this.set_output(x=x, also=inputs['x'])"),
        ]
    )
    nbformat.write(notebook, tmp_path / "book.ipynb")

    execution = run("book.ipynb", x=5)

    assert execution.output == {"x": 5, "also": 5}
    output = nbformat.read(execution.notebook, 4)
    assert output.cells[1].metadata.tags == ["injected-parameters"]


def test_a_script_sees_its_file_and_its_folder(tmp_path, run):
    (tmp_path / "beside.py").write_text("VALUE = 7")
    (tmp_path / "job.py").write_text(
        "import beside, os\n"
        "if __name__ == '__main__':\n"
        "    this.set_output(file=os.path.basename(__file__), value=beside.VALUE)"
    )

    assert run("job.py").output == {"file": "job.py", "value": 7}


@pytest.mark.parametrize(
    ("ending", "status", "message"),
    [
        ("this.success('fine')", S.ENDED_SUCCESS, "fine"),
        ("this.error('bad input')", S.ENDED_ERROR, "bad input"),
        ("this.end('cancelled', 'not today')", S.ENDED_CANCELLED, "not today"),
        ("import sys; sys.exit(0)", S.ENDED_SUCCESS, None),
        ("import sys; sys.exit(3)", S.ENDED_ERROR, "Cell 1 of 2 (try:): SystemExit: 3"),
        ("{}['rows']", S.ENDED_ERROR, "Cell 1 of 2 (try:): KeyError: 'rows'"),
    ],
)
def test_a_flow_ends_as_it_says_even_inside_try(tmp_path, run, ending, status, message):
    first = f"try:\n    {ending}\nexcept ValueError:\n    pass"
    if ending.startswith("this."):
        first = f"try:\n    {ending}\nexcept Exception:\n    pass"
    cells = [
        nbformat.v4.new_code_cell(s) for s in (first, "this.set_output(went_on=True)")
    ]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), tmp_path / "ends.ipynb")

    execution = run("ends.ipynb")

    assert execution.get("status", "message", "output") == (status, message, None)


def test_a_failed_child_fails_its_parent_which_names_the_child_and_its_cell(
    register, run
):
    register("child", "1 / 0")
    register(
        "parent", "def handler(system, this):\n    this.flow('child', name='the one')"
    )

    execution = run("parent")

    status, message = execution.get("status", "message")
    assert status == S.ENDED_ERROR
    assert message == (
        "Cell 1 of 1: DependencyFailedError: 'the one' failed: "
        "Cell 1 of 1: ZeroDivisionError: division by zero"
    )


def test_the_error_of_a_failed_child_can_be_caught_and_read(register, run):
    register("child", "raise ValueError('no rows')")
    register(
        "parent",
        "import flow_api\n"
        "def handler(system, this, inputs):\n"
        "    try:\n"
        "        this.flow('child')\n"
        "    except flow_api.DependencyFailedError as failed:\n"
        "        this.set_output(error=failed.error, child=failed.execution.get('name'))\n"
        "    return this.success('went on')",
    )

    execution = run("parent")

    assert execution.get("message") == "went on"
    assert execution.output["child"] == "child"
    assert execution.output["error"]["name"] == "ValueError"
    assert execution.output["error"]["message"] == "no rows"


def test_children_can_be_waited_for_together(register, run):
    register("echo", ECHO)
    register("bad", "1 / 0")
    register(
        "parent",
        """
from flow_api import return_when, DependencyFailedError
def handler(system, this, inputs):
    good = [this.flow('echo', n=n, wait=False) for n in range(3)]
    this.wait_for(*good)
    first = this.wait_for(good[0], this.flow('bad', wait=False),
                          return_when=return_when.FIRST_ENDED)
    ended = this.flow('bad', wait=system.return_when.ALL_ENDED)
    try:
        this.wait_for(*good, ended)
        raise AssertionError('not raised')
    except DependencyFailedError:
        pass
    later = this.flow('echo', inputs={'n': 9}, run=False, name='later')
    before = later.load('status')
    later.run()
    again = good[0].clone(n=7)
    this.set_output(
        n=[g.get('output_value')['got']['n'] for g in good], first=len(first) >= 1,
        ended=ended.get('status'), before=before, later=later.load('status', 'name'),
        again=again.output,
    )
""",
    )

    execution = run("parent")

    assert execution.output == {
        "n": [0, 1, 2],
        "first": True,
        "ended": "ENDED_ERROR",
        "before": "PENDING",
        "later": ["ENDED_SUCCESS", "later"],
        "again": {"got": {"n": 7}},
    }


def test_sleeping_flows_hold_no_slot(register, start, client):
    register("sleeper", "this.sleep(600)")

    executions = [start("sleeper") for _ in range(client.get("/engine")["slots"] + 2)]

    until(lambda: all(e.status is S.WAITING for e in executions), seconds=60)
    for execution in executions:
        execution.cancel()


def test_a_sleep_ends(register, run):
    register("nap", "this.sleep(0.2)\nthis.success('slept')")

    assert run("nap").get("message") == "slept"


def test_log_lines_of_a_flow_are_in_its_log_and_in_its_notebook(register, run, client):
    register("chatty", "this.log('rows', 3, day='monday')\nprint('printed')")

    execution = run("chatty")

    texts = {
        e.payload["stream"]: e.payload["text"]
        for e in client.log(execution.execution_id)
    }
    assert texts == {"log": "rows 3 day='monday'\n", "stdout": "printed\n"}
    assert "rows 3 day='monday'" in execution.notebook.read_text()


def test_outputs_that_are_not_json_are_refused_by_key(register, run):
    register("bad", "this.set_output(frame={'a': object()})")

    message = run("bad").get("message")

    assert "output['frame']['a'] is of type object, which is not JSON" in message


def test_a_note_is_recorded_and_returns(register, run, client):
    register("messenger", "this.message('Message', 'The value is: 42', wait=False)")

    assert run("messenger").get("status") == S.ENDED_SUCCESS
    assert client.get("/message")[0]["subject"] == "Message"


@pytest.mark.parametrize("call", ["this.connect('db')", "system.setting('x')"])
def test_a_planned_feature_says_so(register, run, call):
    register("later", call)

    assert "is not part of this version of flowkernel" in run("later").get("message")


def test_a_saved_message_stays_when_the_end_has_none(register, run):
    register("saves", "this.save(message='8 of 9 rows')")

    assert run("saves").get("message") == "8 of 9 rows"


def test_a_child_that_was_only_recorded_ends_with_its_parent(register, run):
    register("never", "1 / 0")
    register("recorder", "this.flow('never', run=False)")

    [child] = run("recorder").children

    until(lambda: child.load("status") == S.ENDED_CANCELLED)
    assert child.get("message") == "Its parent ended before it was started."


def test_a_cell_time_limit_may_be_a_part_of_a_second(register, run):
    register("slow", "import time\ntime.sleep(60)", cell_timeout=0.5)

    assert run("slow").get("message") == "Cell 1 of 1: it ran longer than 0.5 s."


def test_inputs_that_are_no_dict_are_refused(register, run):
    register("echo", ECHO)
    register("wrong", "this.flow('echo', inputs=[1])")

    assert "inputs is [1]; give a dict" in run("wrong").get("message")


def test_the_message_of_a_deep_failure_keeps_its_cause(register, run):
    source = "n = inputs['n']\nthis.flow('deep', n=n - 1) if n else 1 / 0"
    register("deep", source)

    message = run("deep", n=9).get("message")

    assert message.startswith("Cell 1 of 1: DependencyFailedError: 'deep' failed: ")
    assert message.endswith("Cell 1 of 1: ZeroDivisionError: division by zero")
    assert len(message) < 1_000


def test_outputs_set_by_threads_at_once_are_all_there(register, run):
    register(
        "threads",
        "from concurrent.futures import ThreadPoolExecutor\n"
        "with ThreadPoolExecutor(8) as pool:\n"
        "    list(pool.map(lambda n: this.set_output(f'k{n}', n), range(40)))",
    )

    assert run("threads").output == {f"k{n}": n for n in range(40)}


def test_forked_processes_have_connections_of_their_own(register, run):
    register("echo", ECHO)
    register(
        "forks",
        "import multiprocessing\n"
        "children = [this.flow('echo', n=n, run=False) for n in range(4)]\n"
        "def ask(n):\n"
        "    return all(children[n].load('inputs') == {'n': n} for _ in range(50))\n"
        "with multiprocessing.get_context('fork').Pool(4) as pool:\n"
        "    this.set_output(right=pool.map(ask, range(4)))",
    )

    assert run("forks").output == {"right": [True] * 4}


def test_a_flow_ends_itself_even_in_a_cell_that_may_raise(tmp_path, run):
    cells = [
        nbformat.v4.new_code_cell(
            "this.success('enough')", metadata={"tags": ["raises-exception"]}
        ),
        nbformat.v4.new_code_cell("this.set_output(went_on=True)"),
    ]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), tmp_path / "ends.ipynb")

    assert run("ends.ipynb").get("message", "output") == ("enough", None)


def test_the_source_of_a_past_run_can_be_read(register, run, client):
    register("v", "this.success('one')")
    first = run("v")
    register("v", "this.success('two')")
    second = run("v")

    sources = [
        client.get(f"/flow_version/{e.get('flow_version')}")["source"]
        for e in (first, second)
    ]
    assert sources == ["this.success('one')", "this.success('two')"]


def test_a_cell_without_output_is_in_the_notebook_while_it_runs(register, start, home):
    register("silent", "from time import sleep\nwhile True: sleep(0.05)")
    execution = start("silent")
    until(lambda: execution.load("notebook_path"))

    path = home.path / execution.get("notebook_path")

    until(path.exists, seconds=30)
    cell = nbformat.read(path, 4).cells[-1]
    assert cell.metadata.papermill.status == "running"
    execution.cancel().wait(ReturnWhen.ALL_ENDED)


def test_a_kernel_that_is_not_ready_yet_can_be_cancelled(
    own_home, tmp_path, monkeypatch
):
    """A startup file of IPython never ends."""
    startup = tmp_path / "ipython" / "profile_default" / "startup"
    startup.mkdir(parents=True)
    marker = tmp_path / "begun"
    hang = f"open({str(marker)!r}, 'w').close()\nwhile True: pass\n"
    (startup / "00-hang.py").write_text(hang)
    monkeypatch.setenv("IPYTHONDIR", str(startup.parents[1]))
    monkeypatch.setenv("FLOWKERNEL_CANCEL_GRACE", "0.5")
    client = Client(own_home, started_by="test")
    environment = Environment(interpreter=sys.executable, cwd=str(tmp_path))
    client.register(
        Flow(name="hangs", kind=FlowKind.CELL, source="pass", environment=environment)
    )
    execution = Execution(client, client.start({"flow": "hangs"}).execution_id)
    until(marker.exists, seconds=40)

    execution.cancel()

    until(lambda: execution.status.is_ended, seconds=20)
    assert execution.status is S.ENDED_CANCELLED


def test_a_kernel_may_have_a_part_of_a_second_more_to_start(own_home, monkeypatch):
    monkeypatch.setenv("FLOWKERNEL_KERNEL_START", "59.5")
    client = Client(own_home, started_by="test")
    request = {"source": {"name": "x", "kind": "SCRIPT", "source": "1"}}

    execution = Execution(client, client.start(request).execution_id)

    assert execution.wait(timeout=60).status is S.ENDED_SUCCESS


def test_the_output_notebook_of_a_failed_flow_shows_where(register, run):
    register("fails", "rows = []\nrows[0]")

    notebook = json.loads(run("fails").notebook.read_text())

    [cell] = notebook["cells"]
    assert cell["outputs"][0]["ename"] == "IndexError"
    assert notebook["metadata"]["papermill"]["exception"] is True
