"""Every way a cell can end, with both engines: its status is what the kernel replied."""

import os
import shutil
import sys
from contextlib import nullcontext
from pathlib import Path

import nbformat
import pytest
import zmq
from jupyter_client.session import Session
from nbformat.v4 import new_code_cell, new_markdown_cell

from flowkernel.core.status import ExecutionStatus as S
from tests.acceptance import side_by_side
from tests.acceptance.kernels import KINDS, warm_fork_server
from tests.conftest import a_home

pytestmark = pytest.mark.kernel

KERNELSPEC = {"name": "python3", "display_name": "Python 3", "language": "python"}


@pytest.fixture(scope="module", params=KINDS)
def home(request, tmp_path_factory, runtime):
    """A home whose kernels are all of one kind."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FLOWKERNEL_KERNEL", request.param)
        server = warm_fork_server if request.param == "fork" else nullcontext
        with a_home(tmp_path_factory.mktemp("home")) as home, server():
            yield home


def make_notebook(*cells):
    cells = [new_code_cell(cell) if isinstance(cell, str) else cell for cell in cells]
    return nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": KERNELSPEC})


def tagged(source, tag):
    return new_code_cell(source, metadata={"tags": [tag]})


def run_papermill(book, path, engine, **arguments):
    """The error that papermill raises, and its output notebook."""
    input_path = path.with_suffix(".in.ipynb")
    nbformat.write(book, input_path)
    return side_by_side.run_papermill(input_path, path, engine, **arguments)


@pytest.fixture
def both(tmp_path, client):
    """Run a notebook with papermill's own engine and with ours, and compare the results."""

    def both(book, **arguments):
        expected_error, expected = run_papermill(
            book, tmp_path / "plain.ipynb", None, **arguments
        )
        error, notebook = run_papermill(
            book, tmp_path / "ours.ipynb", "flowkernel", **arguments
        )
        side_by_side.assert_same_error(error, expected_error)
        side_by_side.assert_same_cells(notebook, expected, expected_error)
        return recorded(client, notebook)

    return both


def recorded(client, notebook):
    """The last execution, the statuses of its cell runs, and papermill's cell statuses."""
    [execution] = client.list_executions(limit=1)
    statuses = [run.status for run in client.cell_runs(execution.execution_id)]
    papermill_statuses = [
        c.metadata.papermill.status for c in notebook.cells if c.cell_type == "code"
    ]
    return execution, statuses, papermill_statuses


def test_its_kernel_is_of_the_requested_kind(client, tmp_path):
    book = make_notebook("import os; print(os.getppid())")

    _, notebook = run_papermill(book, tmp_path / "ours.ipynb", "flowkernel")

    is_ours = int(notebook.cells[0].outputs[0].text) == os.getpid()
    assert is_ours is (os.environ["FLOWKERNEL_KERNEL"] == "plain")


def test_cells_that_succeed(both):
    execution, cells, papermill_statuses = both(
        make_notebook("x = 1", new_markdown_cell("# x"), "x + 1")
    )

    assert execution.status is S.ENDED_SUCCESS
    assert cells == ["SUCCESS", "SUCCESS"]
    assert papermill_statuses == ["completed", "completed"]


def test_an_error(both):
    execution, cells, papermill_statuses = both(make_notebook("x = 1", "1 / 0", "x"))

    assert execution.status is S.ENDED_ERROR
    sentence = "Cell 2 of 3 (1 / 0): ZeroDivisionError: division by zero"
    assert execution.status_message == sentence
    assert execution.error.name == "ZeroDivisionError"
    assert "1 / 0" in execution.error.traceback
    assert cells == ["SUCCESS", "ERROR"]
    assert papermill_statuses == ["completed", "failed", "pending"]


def test_a_cell_over_its_time_limit(both):
    book = make_notebook("x = 1", "import time; time.sleep(60)", "x")

    execution, cells, papermill_statuses = both(book, execution_timeout=1)

    sentence = "Cell 2 of 3 (import time; time.sleep(60)): it ran longer than 1 s."
    assert execution.status_message == sentence
    assert cells == ["SUCCESS", "TIMED_OUT"]
    assert papermill_statuses == ["completed", "failed", "pending"]


def test_a_dead_kernel(both):
    execution, cells, papermill_statuses = both(
        make_notebook("x = 1", "import os; os._exit(7)", "x")
    )

    sentence = "Cell 2 of 3 (import os; os._exit(7)): the kernel died (exit code 7)."
    assert execution.status_message == sentence
    assert cells == ["SUCCESS", "KERNEL_DIED"]
    assert papermill_statuses == ["completed", "failed", "pending"]


@pytest.mark.parametrize(
    ("code", "status", "message", "cell"),
    [
        ("sys.exit(0)", S.ENDED_SUCCESS, None, "EXITED"),
        ("sys.exit()", S.ENDED_SUCCESS, None, "EXITED"),
        (
            "sys.exit(1)",
            S.ENDED_ERROR,
            "Cell 2 of 3 (sys.exit(1)): SystemExit: 1",
            "ERROR",
        ),
    ],
)
def test_sys_exit(both, code, status, message, cell):
    execution, cells, _ = both(make_notebook("import sys", code, "x = 1"))

    assert (execution.status, execution.status_message) == (status, message)
    assert cells == ["SUCCESS", cell]


def test_an_error_that_a_tag_allows(both):
    execution, cells, _ = both(
        make_notebook("x = 1", tagged("1 / 0", "raises-exception"), "x")
    )

    assert execution.status is S.ENDED_SUCCESS
    assert cells == ["SUCCESS", "ALLOWED_ERROR", "SUCCESS"]


def test_errors_that_the_caller_allows(both):
    execution, cells, _ = both(make_notebook("1 / 0", "2"), allow_errors=True)

    assert execution.status is S.ENDED_SUCCESS
    assert cells == ["ALLOWED_ERROR", "SUCCESS"]


def test_an_interrupt_from_the_cell_itself(both):
    execution, cells, _ = both(make_notebook("raise KeyboardInterrupt", "1"))

    sentence = "Cell 1 of 2 (raise KeyboardInterrupt): KeyboardInterrupt"
    assert execution.status_message == sentence
    assert cells == ["INTERRUPTED"]


def test_a_skipped_cell_does_not_run(both):
    execution, cells, _ = both(
        make_notebook("x = 1", tagged("1 / 0", "skip-execution"), "x")
    )

    assert execution.status is S.ENDED_SUCCESS
    assert cells == ["SUCCESS", "SUCCESS"]
    assert execution.cell_count == 3


def test_unicode(both):
    execution, _, _ = both(make_notebook("grüße = '💾 ⟨π⟩'\nprint(grüße)\ngrüße"))

    assert execution.status is S.ENDED_SUCCESS


def test_displays_that_are_updated(both):
    both(
        make_notebook(
            "from IPython.display import display, HTML\n"
            "h = display('one', display_id='d')\ndisplay(HTML('<b>x</b>'))",
            "h.update('two')\ndisplay('again', display_id='d')",
        )
    )


def test_output_that_is_cleared(both):
    both(
        make_notebook(
            "from IPython.display import clear_output\n"
            "print('gone')\nclear_output()\nprint('kept')\n"
            "import sys; print('later', file=sys.stderr, flush=True)",
            "for n in range(3):\n    clear_output(wait=True)\n    print(n, flush=True)",
        )
    )


def test_output_in_an_output_widget(both):
    both(
        make_notebook(
            "import ipywidgets\nout = ipywidgets.Output()\n"
            "with out:\n    print('inside')\nprint('outside')"
        )
    )


def test_a_reply_that_comes_while_a_widget_gets_a_message(
    client, tmp_path, monkeypatch
):
    """jupyter_client sends over the socket on which another task waits for the reply."""
    send, replies = Session.send, []

    def send_late(self, stream, message, *args, **kwargs):
        if message["msg_type"] == "comm_msg":  # The reply comes, or was read already.
            replies.append(zmq.Socket.shadow(stream.underlying).poll(1_000))
        return send(self, stream, message, *args, **kwargs)

    monkeypatch.setattr(Session, "send", send_late)
    sources = ["with out: print('inside')"] * 5

    error, notebook = run_papermill(
        make_notebook(
            "import ipywidgets\nout = ipywidgets.Output()", *sources, "print('on')"
        ),
        tmp_path / "ours.ipynb",
        "flowkernel",
        execution_timeout=60,
    )

    assert error is None
    assert any(replies)
    assert notebook.cells[-1].outputs[0].text == "on\n"


def test_a_reply_that_the_kernel_does_not_send_at_once(client, tmp_path):
    """As ipykernel 7.0 to 7.3 do when a request comes at the wrong moment."""
    forgetful = """
kernel, held = get_ipython().kernel, []
send = kernel.session.send

def forgets(stream, kind, *args, **kwargs):
    if kind == "execute_reply" and not held:
        held.append((stream, kind, args, kwargs))
        return
    if kind == "kernel_info_reply" and held:
        stream, held_kind, held_args, held_kwargs = held[0]
        kernel.session.send = send
        send(stream, held_kind, *held_args, **held_kwargs)
    return send(stream, kind, *args, **kwargs)

kernel.session.send = forgets
"""

    error, notebook = run_papermill(
        make_notebook(forgetful, "print('goes on')"),
        tmp_path / "ours.ipynb",
        "flowkernel",
        execution_timeout=60,
    )

    assert error is None
    assert notebook.cells[1].outputs[0].text == "goes on\n"


def test_big_output(client, tmp_path):
    """All of it, also on a busy machine, where papermill's own engine loses some."""
    book = make_notebook(
        "print('x' * 5_000_000)", "for n in range(6_000): print(n, flush=True)"
    )

    _, notebook = run_papermill(book, tmp_path / "ours.ipynb", "flowkernel")

    [[big], [many]] = [cell.outputs for cell in notebook.cells]
    assert big.text == "x" * 5_000_000 + "\n"
    assert many.text == "".join(f"{n}\n" for n in range(6_000))
    assert recorded(client, notebook)[0].status is S.ENDED_SUCCESS


def test_no_output_is_lost_while_the_worker_stands_still(client, tmp_path):
    """A busy machine can stop this process, which receives the output, for a while."""
    loud = f"""
import os, signal
os.kill({os.getpid()}, signal.SIGSTOP)
try:
    for n in range(20_000):
        print(n, flush=True)
finally:
    os.kill({os.getpid()}, signal.SIGCONT)
"""

    _, notebook = run_papermill(
        make_notebook(loud), tmp_path / "ours.ipynb", "flowkernel"
    )

    [output] = notebook.cells[0].outputs
    assert output.text == "".join(f"{n}\n" for n in range(20_000))


def test_displays_over_the_limit_are_left_out_with_a_sentence(
    client, tmp_path, monkeypatch
):
    """In the notebook and in the log; what replaces or clears a display needs no room."""
    monkeypatch.setenv("FLOWKERNEL_DISPLAY_CHARACTERS", "10000")
    book = make_notebook(
        "from IPython.display import HTML, clear_output, display\n"
        "for n in range(50): display(HTML('x' * 1_000))",
        "display(HTML('x' * 20_000))",
        "shown = display(HTML('y' * 5_000), display_id=True)\n"
        "for n in range(50): shown.update(HTML('z' * 5_000))",
        "for n in range(50):\n"
        "    clear_output(wait=True)\n"
        "    display(HTML(f'{n}' * 2_000))",
    )

    _, notebook = run_papermill(book, tmp_path / "ours.ipynb", "flowkernel")

    many, big, updates, clears = (cell.outputs for cell in notebook.cells)
    assert 5 <= sum("text/html" in output.get("data", {}) for output in many) < 10
    assert any("in whole or in part: 4" in o.get("text", "") for o in many)
    assert list(big[-1].data) == ["text/plain"]
    assert "displays left out" in big[0].text
    assert [output.data["text/html"] for output in updates] == ["z" * 5_000]
    assert [output.data["text/html"] for output in clears] == ["49" * 2_000]
    execution = recorded(client, notebook)[0]
    log = client.log(execution.execution_id)
    sentences = [e for e in log if "left out from here on" in e.payload["text"]]
    assert len(sentences) == 2


def test_many_small_prints_are_one_output(client, tmp_path):
    book = make_notebook("for n in range(500): print(n, flush=True)")

    _, notebook = run_papermill(book, tmp_path / "ours.ipynb", "flowkernel")

    [output] = notebook.cells[0].outputs
    assert output.text == "".join(f"{n}\n" for n in range(500))


def test_a_notebook_without_a_parameters_cell(both):
    execution, _, _ = both(make_notebook("print(day)"), parameters={"day": "monday"})

    assert execution.inputs == {"day": "monday"}


def test_a_notebook_of_format_4_4(both):
    book = make_notebook("x = 1", "x")
    book.nbformat_minor = 4
    for cell in book.cells:
        del cell["id"]

    execution, _, _ = both(book)

    assert execution.status is S.ENDED_SUCCESS


def test_an_error_in_a_line_magic(both):
    execution, cells, _ = both(make_notebook("%run no_such_file.py", "1"))

    assert execution.status is S.ENDED_ERROR
    assert cells == ["ERROR"]


def test_a_flow_s_signals_without_a_worker(client, tmp_path):
    book = make_notebook("this.set_output(x=1)\nthis.success('enough')", "1 / 0")

    error, notebook = run_papermill(book, tmp_path / "ours.ipynb", "flowkernel")

    execution, cells, _ = recorded(client, notebook)
    assert error is None
    assert (execution.status, execution.status_message) == (S.ENDED_SUCCESS, "enough")
    assert (execution.output, cells) == ({"x": 1}, ["EXITED"])
    assert notebook.cells[0].outputs == []


def test_papermill_runs_when_there_is_no_home(tmp_path, monkeypatch, caplog):
    (tmp_path / "file").touch()
    monkeypatch.setenv("FLOWKERNEL_HOME", str(tmp_path / "file" / "home"))

    error, notebook = run_papermill(
        make_notebook("1 + 1"), tmp_path / "ours.ipynb", "flowkernel"
    )

    assert error is None
    assert notebook.cells[0].outputs[0]["data"]["text/plain"] == "2"
    assert "flowkernel keeps no record of this run" in caplog.text


def test_papermill_runs_when_the_configuration_is_wrong(own_home, tmp_path, caplog):
    own_home.prepare()
    (own_home.path / "config.toml").write_text("slotz = 3")

    error, notebook = run_papermill(
        make_notebook("1 + 1"), tmp_path / "ours.ipynb", "flowkernel"
    )

    assert error is None
    assert notebook.cells[0].outputs[0]["data"]["text/plain"] == "2"
    assert "'slotz', which is not a setting" in caplog.text


def test_the_papermill_command_leaves_an_execution(client, tmp_path):
    import subprocess

    nbformat.write(
        make_notebook(tagged("x = 1", "parameters"), "print(x)"), tmp_path / "in.ipynb"
    )
    command = [
        str(Path(sys.executable).with_name("papermill")),
        "in.ipynb",
        "out.ipynb",
    ]

    subprocess.run(
        [*command, "-p", "x", "5", "--engine", "flowkernel", "--no-progress-bar"],
        check=True,
    )

    [execution] = client.list_executions(limit=1)
    assert (execution.flow_name, execution.inputs) == ("in", {"x": 5})
    assert execution.status is S.ENDED_SUCCESS
    assert Path(execution.notebook_path) == tmp_path / "out.ipynb"
    assert shutil.which("papermill", path=str(Path(sys.executable).parent))
