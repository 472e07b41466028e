"""Prompts on a terminal, in the command that started the flow."""

import os
import sys

import pexpect
import pytest
from jupyter_client.manager import KernelManager

from tests.acceptance.flows import write_notebook
from tests.acceptance.test_cli import COMMAND
from tests.conftest import until

pytestmark = pytest.mark.kernel

#: Keys of a text of several lines.
TO_THE_START, ALT_ENTER, CTRL_C = "\x1b[1;5H", "\x1b\r", "\x03"

CELLS = [
    "with open('counter', 'a') as file:\n    file.write('x')\nprice = 3",
    "total = price * amount",
    "this.set_output(total=total)",
]


@pytest.fixture
def terminal(tmp_path, home):
    """Start a program on a terminal, in a folder with a notebook that fails."""
    write_notebook(tmp_path / "sums.ipynb", *CELLS)
    environ = {**os.environ, "TERM": "xterm", "FLOWKERNEL_HOME": str(home.path)}
    started = []

    def start(*words):
        terminal = pexpect.spawn(words[0], list(words[1:]), encoding="utf-8", env=environ,
            timeout=60, dimensions=(40, 120), cwd=str(tmp_path))  # fmt: skip
        started.append(terminal)
        return terminal

    yield start
    for terminal in started:
        terminal.close(force=True)


def test_a_cell_is_edited_in_the_terminal_of_the_command(terminal, tmp_path, client):
    terminal_run = terminal(*COMMAND, "run", "sums.ipynb", "--using", "interactive")
    terminal_run.expect("sums failed")
    terminal_run.expect("1  Retry cell")
    terminal_run.expect("leave it open > ")
    terminal_run.sendline("1")
    terminal_run.expect("F4: open")
    terminal_run.send(TO_THE_START + "amount = (4\r" + CTRL_C)
    terminal_run.expect("sums failed")  # The choices again.
    terminal_run.expect("leave it open > ")
    terminal_run.sendline("1")
    terminal_run.expect("F4: open")
    terminal_run.send(ALT_ENTER)
    terminal_run.expect("not valid Python in line 1")
    terminal_run.expect("send it as it is > ")
    terminal_run.sendline("")
    terminal_run.expect("F4: open")
    terminal_run.send(TO_THE_START + "amount = 4\r# " + ALT_ENTER)
    terminal_run.expect("Answered: Retry cell")

    terminal_run.expect(pexpect.EOF)
    terminal_run.close()
    assert terminal_run.exitstatus == 0
    [execution] = client.list_executions(flow_name="interactive", limit=1)
    assert execution.output == {"total": 12}
    assert (tmp_path / "counter").read_text() == "x"


def test_an_answer_from_another_place_ends_the_prompt(terminal, client):
    terminal_run = terminal(*COMMAND, "run", "sums.ipynb", "--using", "interactive")
    terminal_run.expect("leave it open > ")

    [message] = client.get("/message", is_open="true")
    client.answer(message["message_id"], {"fail": True}, answered_from="my page")

    terminal_run.expect("has already answered")
    terminal_run.expect(pexpect.EOF)
    terminal_run.close()
    assert terminal_run.exitstatus == 1


def test_in_ipython_the_prompt_is_below_the_magic_and_in_the_inbox(terminal, client):
    terminal_run = terminal(
        sys.executable, "-m", "IPython", "--simple-prompt", "--no-banner"
    )
    terminal_run.sendline("%load_ext flowkernel")
    terminal_run.sendline("%flow_run sums.ipynb --using interactive")
    terminal_run.expect("leave it open > ")
    terminal_run.sendline("later")
    terminal_run.expect("The message stays open")
    terminal_run.expect("To leave: ")
    terminal_run.sendintr()
    terminal_run.expect(r"\[y/N\]")
    terminal_run.sendline("n")

    terminal_run.sendline("%inbox")
    terminal_run.expect("leave it open > ")
    terminal_run.sendline("fail")
    terminal_run.expect("Answered: Fail")

    [execution] = client.list_executions(flow_name="interactive", limit=1)
    until(lambda: client.get_execution(execution.execution_id).status.is_ended)


def test_a_notebook_without_widgets_has_prompts_in_lines(
    terminal, tmp_path, home, client
):
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

        request = person.get_stdin_msg(timeout=60)
        assert request["content"]["prompt"] == "1 to 5; later: leave it open > "
        person.input("skip")
        request = person.get_stdin_msg(timeout=60)
        assert request["content"]["prompt"] == "  total (JSON, or text) > "
        person.input("99")

        executions = until(
            lambda: client.list_executions(flow_name="interactive", limit=1)
        )
        until(lambda: client.get_execution(executions[0].execution_id).status.is_ended)
        assert client.get_execution(executions[0].execution_id).output == {"total": 99}
    finally:
        person.stop_channels()
        manager.shutdown_kernel(now=True)
