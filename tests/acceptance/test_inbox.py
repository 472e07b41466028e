"""%inbox in a notebook: shown while another cell waits, and kept current."""

import os

import ipykernel
import pytest
from jupyter_client.manager import KernelManager

from tests.acceptance.flows import write_notebook
from tests.acceptance.test_terminal_prompts import CELLS
from tests.conftest import until

pytestmark = pytest.mark.kernel

WIDGET = "application/vnd.jupyter.widget-view+json"
HAS_SUBSHELLS = not ipykernel.__version__.startswith("6.")


@pytest.fixture
def person(tmp_path, home):
    """A person at a kernel, as a page is."""
    write_notebook(tmp_path / "sums.ipynb", *CELLS)
    manager = KernelManager(kernel_name="python3")
    environ = {**os.environ, "FLOWKERNEL_HOME": str(home.path)}
    manager.start_kernel(env=environ, cwd=str(tmp_path))
    person = manager.client()
    person.start_channels()
    try:
        person.wait_for_ready(timeout=60)
        person.execute("%load_ext flowkernel", reply=True, timeout=60)
        yield person
    finally:
        person.stop_channels()
        manager.shutdown_kernel(now=True)


class Page:
    """What a page gets, as text."""

    def __init__(self, person):
        self._person = person

    def until(self, words, request=None):
        """Read until some words come; those of the output of a request, if one is given."""
        while True:
            message = self._person.get_iopub_msg(timeout=60)
            parent_id = message["parent_header"].get("msg_id")
            is_its_own = request in (None, parent_id)
            if is_its_own and words in str(message["content"]):
                return message


def answer(client, **response):
    [message] = until(lambda: client.get("/message", is_open="true"), seconds=60)
    client.answer(message["message_id"], response, answered_from="test")


def test_it_is_shown_while_a_cell_waits_and_shows_what_comes_next(person, client):
    page = Page(person)
    waiting = person.execute("%flow_run sums.ipynb --using interactive")
    until(lambda: client.get("/message", is_open="true"), seconds=60)

    inbox = person.execute("%inbox")

    if not HAS_SUBSHELLS:  # It waits for the cell.
        answer(client, fail=True)
        page.until("Nothing waits for an answer", inbox)
        return
    page.until(WIDGET, inbox)
    reply = person.get_shell_msg(timeout=60)
    assert reply["parent_header"]["msg_id"] == inbox
    assert reply["content"]["status"] == "ok"

    answer(client, retry=True)  # It fails again: another prompt.
    page.until("Nothing waits for an answer")
    page.until("1 message waits for an answer")
    answer(client, fail=True)
    reply = person.get_shell_msg(timeout=60)
    assert reply["parent_header"]["msg_id"] == waiting
    assert reply["content"]["ename"] == "ExecutionFailed"
