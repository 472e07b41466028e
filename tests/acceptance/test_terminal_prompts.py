"""Prompts on a terminal: typed, where the flow was started."""

import os
import sys

import nbformat
import pexpect
import pytest
from jupyter_client.manager import KernelManager
from nbformat.v4 import new_code_cell, new_notebook

from tests.acceptance.test_cli import COMMAND
from tests.conftest import until

pytestmark = pytest.mark.kernel

CELLS = [
    "with open('counter', 'a') as file:\n    file.write('x')\nprice = 3",
    "total = price * amount",
    "this.set_output(total=total)",
]


@pytest.fixture
def terminal(tmp_path, home):
    """Start a program on a terminal, in a folder with a notebook that fails."""
    cells = [new_code_cell(source) for source in CELLS]
    nbformat.write(new_notebook(cells=cells), tmp_path / "sums.ipynb")
    environ = {**os.environ, "TERM": "xterm", "FLOWKERNEL_HOME": str(home.path)}
    started = []

    def start(*words):
        terminal = pexpect.spawn(words[0], list(words[1:]), encoding="utf-8", env=environ,
            timeout=60, dimensions=(40, 120), cwd=str(tmp_path))  # fmt: skip
        started.append(terminal)
        return terminal

    yield start
    for one in started:
        one.close(force=True)


def test_a_cell_is_mended_where_the_command_was_typed(terminal, tmp_path, client):
    typed = terminal(*COMMAND, "run", "sums.ipynb", "--using", "interactive")
    typed.expect("sums failed")
    typed.expect("1  Retry cell")
    typed.expect("leave it open > ")
    typed.sendline("1")
    typed.expect("type it again > ")
    for line in ("e", "amount = 4", "total = price * amount", "."):
        typed.sendline(line)
    typed.expect("Answered: Retry cell")

    typed.expect(pexpect.EOF)
    typed.close()
    assert typed.exitstatus == 0
    [execution] = client.list_executions(flow_name="interactive", limit=1)
    assert execution.output == {"total": 12}
    assert (tmp_path / "counter").read_text() == "x"


def test_an_answer_from_elsewhere_ends_the_question(terminal, client):
    typed = terminal(*COMMAND, "run", "sums.ipynb", "--using", "interactive")
    typed.expect("leave it open > ")

    [message] = client.get("/message", is_open="true")
    client.answer(message["message_id"], {"fail": True}, answered_from="my page")

    typed.expect("was first")
    typed.expect(pexpect.EOF)
    typed.close()
    assert typed.exitstatus == 1


def test_in_ipython_it_is_asked_below_the_magic_and_in_the_inbox(terminal, client):
    typed = terminal(sys.executable, "-m", "IPython", "--simple-prompt", "--no-banner")
    typed.sendline("%load_ext flowkernel")
    typed.sendline("%flow_run sums.ipynb --using interactive")
    typed.expect("leave it open > ")
    typed.sendline("later")
    typed.expect("The message stays open")
    typed.sendintr()
    typed.expect(r"\[y/N\]")
    typed.sendline("n")

    typed.sendline("%inbox")
    typed.expect("leave it open > ")
    typed.sendline("fail")
    typed.expect("Answered: Fail")

    [execution] = client.list_executions(flow_name="interactive", limit=1)
    until(lambda: client.get_execution(execution.execution_id).status.is_ended)


def test_a_notebook_without_widgets_asks_line_by_line(terminal, tmp_path, home, client):
    manager = KernelManager(kernel_name="python3")
    environ = {**os.environ, "FLOWKERNEL_HOME": str(home.path)}
    manager.start_kernel(env=environ, cwd=str(tmp_path))
    person = manager.client()
    person.start_channels()
    try:
        person.wait_for_ready(timeout=60)
        person.execute("import sys; sys.modules['ipywidgets'] = None")
        person.execute("%load_ext flowkernel")
        person.execute("%flow_run sums.ipynb --using interactive", allow_stdin=True)

        question = person.get_stdin_msg(timeout=60)
        assert question["content"]["prompt"] == "1 to 5; later: leave it open > "
        person.input("skip")
        question = person.get_stdin_msg(timeout=60)
        assert question["content"]["prompt"] == "  total > "
        person.input("99")

        found = until(lambda: client.list_executions(flow_name="interactive", limit=1))
        until(lambda: client.get_execution(found[0].execution_id).status.is_ended)
        assert client.get_execution(found[0].execution_id).output == {"total": 99}
    finally:
        person.stop_channels()
        manager.shutdown_kernel(now=True)
