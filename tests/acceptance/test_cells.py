"""Every way a cell can go, beside plain papermill: statuses are what the kernel said."""

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
from tests.acceptance.kernels import KINDS, kept_warm
from tests.conftest import a_home

pytestmark = pytest.mark.kernel

KERNELSPEC = {"name": "python3", "display_name": "Python 3", "language": "python"}


@pytest.fixture(scope="module", params=KINDS)
def home(request, tmp_path_factory, runtime):
    """A home whose kernels are all of one kind."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FLOWKERNEL_KERNEL", request.param)
        with a_home(tmp_path_factory.mktemp("home")) as home:
            with kept_warm() if request.param == "fork" else nullcontext():
                yield home


def notebook(*cells):
    cells = [new_code_cell(cell) if isinstance(cell, str) else cell for cell in cells]
    return nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": KERNELSPEC})


def tagged(source, tag):
    return new_code_cell(source, metadata={"tags": [tag]})


def papermilled(book, path, engine, **arguments):
    """What papermill raises, and the notebook it leaves."""
    given = path.with_suffix(".in.ipynb")
    nbformat.write(book, given)
    return side_by_side.papermilled(given, path, engine, **arguments)


@pytest.fixture
def both(tmp_path, client):
    """Run a notebook with plain papermill and with ours, and compare what they leave."""

    def both(book, **arguments):
        plain, left = papermilled(book, tmp_path / "plain.ipynb", None, **arguments)
        ours, right = papermilled(
            book, tmp_path / "ours.ipynb", "flowkernel", **arguments
        )
        side_by_side.assert_same_ending(ours, plain)
        side_by_side.assert_same_cells(right, left, plain)
        return recorded(client, right)

    return both


def recorded(client, left):
    """The execution, its cell runs' statuses, and papermill's statuses of the cells."""
    [execution] = client.list_executions(limit=1)
    cells = [run.status for run in client.cell_runs(execution.execution_id)]
    said = [c.metadata.papermill.status for c in left.cells if c.cell_type == "code"]
    return execution, cells, said


def test_its_kernel_is_of_the_kind_that_is_asked_for(client, tmp_path):
    book = notebook("import os; print(os.getppid())")

    _raised, left = papermilled(book, tmp_path / "ours.ipynb", "flowkernel")

    is_ours = int(left.cells[0].outputs[0].text) == os.getpid()
    assert is_ours is (os.environ["FLOWKERNEL_KERNEL"] == "plain")


def test_cells_that_go_well(both):
    execution, cells, said = both(notebook("x = 1", new_markdown_cell("# x"), "x + 1"))

    assert execution.status is S.ENDED_SUCCESS
    assert cells == ["SUCCESS", "SUCCESS"]
    assert said == ["completed", "completed"]


def test_an_error(both):
    execution, cells, said = both(notebook("x = 1", "1 / 0", "x"))

    assert execution.status is S.ENDED_ERROR
    assert (
        execution.status_message == "Cell 2 of 3: ZeroDivisionError: division by zero"
    )
    assert execution.error.name == "ZeroDivisionError"
    assert "1 / 0" in execution.error.traceback
    assert cells == ["SUCCESS", "ERROR"]
    assert said == ["completed", "failed", "pending"]


def test_a_cell_over_its_time_limit(both):
    book = notebook("x = 1", "import time; time.sleep(60)", "x")

    execution, cells, said = both(book, execution_timeout=1)

    assert execution.status_message == "Cell 2 of 3: it ran longer than 1 s."
    assert cells == ["SUCCESS", "TIMED_OUT"]
    assert said == ["completed", "failed", "pending"]


def test_a_dead_kernel(both):
    execution, cells, said = both(notebook("x = 1", "import os; os._exit(7)", "x"))

    assert execution.status_message == "Cell 2 of 3: the kernel died (exit code 7)."
    assert cells == ["SUCCESS", "KERNEL_DIED"]
    assert said == ["completed", "failed", "pending"]


@pytest.mark.parametrize(
    ("code", "status", "message", "cell"),
    [
        ("sys.exit(0)", S.ENDED_SUCCESS, None, "EXITED"),
        ("sys.exit()", S.ENDED_SUCCESS, None, "EXITED"),
        ("sys.exit(1)", S.ENDED_ERROR, "Cell 2 of 3: SystemExit: 1", "ERROR"),
    ],
)
def test_sys_exit(both, code, status, message, cell):
    execution, cells, _said = both(notebook("import sys", code, "x = 1"))

    assert (execution.status, execution.status_message) == (status, message)
    assert cells == ["SUCCESS", cell]


def test_an_error_that_a_tag_allows(both):
    execution, cells, _said = both(
        notebook("x = 1", tagged("1 / 0", "raises-exception"), "x")
    )

    assert execution.status is S.ENDED_SUCCESS
    assert cells == ["SUCCESS", "ALLOWED_ERROR", "SUCCESS"]


def test_errors_that_the_caller_allows(both):
    execution, cells, _said = both(notebook("1 / 0", "2"), allow_errors=True)

    assert execution.status is S.ENDED_SUCCESS
    assert cells == ["ALLOWED_ERROR", "SUCCESS"]


def test_an_interrupt_that_nobody_asked_for(both):
    execution, cells, _said = both(notebook("raise KeyboardInterrupt", "1"))

    assert execution.status_message == "Cell 1 of 2: KeyboardInterrupt: "
    assert cells == ["INTERRUPTED"]


def test_a_skipped_cell_never_ran(both):
    execution, cells, _said = both(
        notebook("x = 1", tagged("1 / 0", "skip-execution"), "x")
    )

    assert execution.status is S.ENDED_SUCCESS
    assert cells == ["SUCCESS", "SUCCESS"]
    assert execution.cell_count == 2


def test_unicode(both):
    execution, _cells, _said = both(notebook("grüße = '💾 ⟨π⟩'\nprint(grüße)\ngrüße"))

    assert execution.status is S.ENDED_SUCCESS


def test_displays_that_are_updated(both):
    both(
        notebook(
            "from IPython.display import display, HTML\n"
            "h = display('one', display_id='d')\ndisplay(HTML('<b>x</b>'))",
            "h.update('two')\ndisplay('again', display_id='d')",
        )
    )


def test_output_that_is_cleared(both):
    both(
        notebook(
            "from IPython.display import clear_output\n"
            "print('gone')\nclear_output()\nprint('kept')\n"
            "import sys; print('later', file=sys.stderr, flush=True)",
            "for n in range(3):\n    clear_output(wait=True)\n    print(n, flush=True)",
        )
    )


def test_output_in_an_output_widget(both):
    both(
        notebook(
            "import ipywidgets\nout = ipywidgets.Output()\n"
            "with out:\n    print('inside')\nprint('outside')"
        )
    )


def test_a_reply_that_comes_while_a_widget_is_told_something(
    client, tmp_path, monkeypatch
):
    """jupyter_client sends behind the back of who waits for the reply."""
    send, came = Session.send, []

    def send_late(self, stream, message, *args, **kwargs):
        if message["msg_type"] == "comm_msg":  # The reply comes, or was read already.
            came.append(zmq.Socket.shadow(stream.underlying).poll(1_000))
        return send(self, stream, message, *args, **kwargs)

    monkeypatch.setattr(Session, "send", send_late)
    told = ["with out: print('inside')"] * 5

    raised, left = papermilled(
        notebook("import ipywidgets\nout = ipywidgets.Output()", *told, "print('on')"),
        tmp_path / "ours.ipynb",
        "flowkernel",
        execution_timeout=60,
    )

    assert raised is None
    assert any(came)
    assert left.cells[-1].outputs[0].text == "on\n"


def test_a_reply_that_the_kernel_does_not_pass_on(client, tmp_path):
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

    raised, left = papermilled(
        notebook(forgetful, "print('goes on')"),
        tmp_path / "ours.ipynb",
        "flowkernel",
        execution_timeout=60,
    )

    assert raised is None
    assert left.cells[1].outputs[0].text == "goes on\n"


def test_big_output(client, tmp_path):
    """All of it, also on a busy machine, where plain papermill loses some."""
    book = notebook(
        "print('x' * 5_000_000)", "for n in range(6_000): print(n, flush=True)"
    )

    _raised, left = papermilled(book, tmp_path / "ours.ipynb", "flowkernel")

    [[big], [many]] = [cell.outputs for cell in left.cells]
    assert big.text == "x" * 5_000_000 + "\n"
    assert many.text == "".join(f"{n}\n" for n in range(6_000))
    assert recorded(client, left)[0].status is S.ENDED_SUCCESS


def test_nothing_is_lost_while_nobody_can_listen(client, tmp_path):
    """The machine is so busy that this process, which listens, stands still."""
    loud = f"""
import os, signal
os.kill({os.getpid()}, signal.SIGSTOP)
try:
    for n in range(20_000):
        print(n, flush=True)
finally:
    os.kill({os.getpid()}, signal.SIGCONT)
"""

    _raised, left = papermilled(notebook(loud), tmp_path / "ours.ipynb", "flowkernel")

    [output] = left.cells[0].outputs
    assert output.text == "".join(f"{n}\n" for n in range(20_000))


def test_many_small_prints_are_one_output(client, tmp_path):
    book = notebook("for n in range(500): print(n, flush=True)")

    _raised, left = papermilled(book, tmp_path / "ours.ipynb", "flowkernel")

    [output] = left.cells[0].outputs
    assert output.text == "".join(f"{n}\n" for n in range(500))


def test_a_notebook_without_a_parameters_cell(both):
    execution, _cells, _said = both(
        notebook("print(day)"), parameters={"day": "monday"}
    )

    assert execution.inputs == {"day": "monday"}


def test_a_notebook_of_format_4_4(both):
    book = notebook("x = 1", "x")
    book.nbformat_minor = 4
    for cell in book.cells:
        del cell["id"]

    execution, _cells, _said = both(book)

    assert execution.status is S.ENDED_SUCCESS


def test_an_error_in_a_line_magic(both):
    execution, cells, _said = both(notebook("%run no_such_file.py", "1"))

    assert execution.status is S.ENDED_ERROR
    assert cells == ["ERROR"]


def test_a_flow_s_signals_under_plain_papermill_s_command(client, tmp_path):
    book = notebook("this.set_output(x=1)\nthis.success('enough')", "1 / 0")

    raised, left = papermilled(book, tmp_path / "ours.ipynb", "flowkernel")

    execution, cells, _said = recorded(client, left)
    assert raised is None
    assert (execution.status, execution.status_message) == (S.ENDED_SUCCESS, "enough")
    assert (execution.output, cells) == ({"x": 1}, ["EXITED"])
    assert left.cells[0].outputs == []


def test_papermill_runs_on_when_there_is_no_home_to_record_in(
    tmp_path, monkeypatch, caplog
):
    (tmp_path / "file").touch()
    monkeypatch.setenv("FLOWKERNEL_HOME", str(tmp_path / "file" / "home"))

    raised, left = papermilled(notebook("1 + 1"), tmp_path / "ours.ipynb", "flowkernel")

    assert raised is None
    assert left.cells[0].outputs[0]["data"]["text/plain"] == "2"
    assert "flowkernel keeps no record of this run" in caplog.text


def test_papermill_runs_on_when_the_configuration_is_broken(own_home, tmp_path, caplog):
    own_home.prepare()
    (own_home.path / "config.toml").write_text("slotz = 3")

    raised, left = papermilled(notebook("1 + 1"), tmp_path / "ours.ipynb", "flowkernel")

    assert raised is None
    assert left.cells[0].outputs[0]["data"]["text/plain"] == "2"
    assert "'slotz', which does not exist" in caplog.text


def test_the_papermill_command_leaves_an_execution(client, tmp_path):
    import subprocess

    nbformat.write(
        notebook(tagged("x = 1", "parameters"), "print(x)"), tmp_path / "in.ipynb"
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
