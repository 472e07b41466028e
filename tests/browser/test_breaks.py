"""Jupyter Server, the engine or the network is away: nothing is missed, nothing doubled."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Page, WebSocketRoute, expect

from tests.browser.panel import line, open_run, open_window, section, sidebar
from tests.conftest import kill_engine, until

pytestmark = [pytest.mark.kernel, pytest.mark.browser]

#: Runs until there is a file.
SLOW = """\
import time
def handler(system, this, *, path: str):
    from pathlib import Path
    while not Path(path).exists():
        time.sleep(0.05)
"""
#: Longer than a page waits in silence until it connects anew.
ASLEEP_MS = 61_000


class Network:
    """What is between a window and Jupyter Server. A machine that sleeps hears nothing."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self._nights = 0
        page.route_web_socket(re.compile("/flowkernel/changes"), self._carry)

    def _carry(self, socket: WebSocketRoute) -> None:
        night = self._nights
        server = socket.connect_to_server()

        def receive(text: str | bytes) -> None:
            if night == self._nights:  # What comes while it sleeps is lost.
                socket.send(text)

        server.on_message(receive)

    @contextmanager
    def asleep(self) -> Iterator[None]:
        """A minute without network, of which the page has seen nothing when it wakes.

        The clock of the page is moved, so that nobody waits: its timers, and the moment that
        it reads, are all by which it knows of a minute. The connection stays open and is
        silent, as one is whose other end is no longer there.
        """
        self._nights += 1
        self._page.context.set_offline(True)
        yield
        self._page.context.set_offline(False)
        self._page.clock.fast_forward(ASLEEP_MS)


@pytest.fixture
def network(page):
    """The network of the window, whose clock can be moved."""
    page.clock.install()
    return Network(page)


@pytest.fixture
def window(network, panel, page):
    return open_window(panel, page)


@contextmanager
def without_server(panel, window):
    """`kill -9`; the same address and the same token later."""
    panel.server.kill()
    banner = sidebar(window).get_by_role("alert")
    expect(banner).to_contain_text("Jupyter Server is away")
    expect(
        window.get_by_role("button", name="flowkernel: no connection")
    ).to_be_visible()
    yield
    panel.server.start()


@contextmanager
def without_engine(home, window):
    """`kill -9`; who works with it next starts another one."""
    kill_engine(home)
    yield


@pytest.mark.parametrize("cause", ["server", "engine", "sleep"])
def test_what_happens_meanwhile_is_there_afterwards_and_once(
    window, panel, home, network, client, register, run, start, tmp_path, cause
):
    gate = tmp_path / "gate"
    for name in ("before", "gone", "later"):
        register(name, "x = 1")
    register("slow", SLOW)
    register("asks", "this.message('Go on?')")
    run("before")
    gone = run("gone")
    slow = start("slow", path=str(gate))
    page = open_run(window, "slow")
    expect(page).to_contain_text("running", timeout=30_000)
    runs = section(window, "Runs")
    window.evaluate("window.isTheSame = true")
    away = {
        "server": lambda: without_server(panel, window),
        "engine": lambda: without_engine(home, window),
        "sleep": network.asleep,
    }

    with away[cause]():
        gate.touch()
        until(lambda: client.get_execution(slow.execution_id).status.is_ended)
        client.request("DELETE", f"/execution/{gone.execution_id}")
        later = run("later")
        asks = start("asks")
        [message] = until(lambda: client.get_list("/message", is_open=True))

    expect(row(runs, later)).to_contain_text("succeeded", timeout=20_000)
    expect(page).to_contain_text("succeeded")
    expect(sidebar(window).get_by_role("alert")).to_have_count(0)
    expect(row(runs, asks)).to_contain_text("waits for you")
    status = window.get_by_role("button", name=re.compile("^flowkernel: "))
    expect(status).to_have_accessible_name("flowkernel: 1 active, 1 waits for you")
    until(lambda: listed(runs) == recorded(client), seconds=10)
    # What happens now comes as it did before.
    client.answer(message["message_id"], {"ok": True}, answered_from="test")
    expect(row(runs, asks)).to_contain_text("succeeded", timeout=30_000)
    expect(status).to_have_accessible_name("flowkernel: 0 active")
    until(lambda: listed(runs) == recorded(client), seconds=10)
    assert window.evaluate("window.isTheSame")


def test_an_answer_that_comes_too_late_says_who_was_faster(
    window, network, client, register, start
):
    """Two windows answer one question, and this one has not heard of the other."""
    register("asks", "this.message('Go on?')")
    start("asks")
    line(section(window, "Inbox"), "Go on?").press("Enter")
    question = window.get_by_role("dialog", name="Go on?")
    question.get_by_role("button", name="OK").wait_for()
    [message] = client.get_list("/message", is_open=True)
    with network.asleep():
        client.answer(message["message_id"], {"ok": True}, answered_from="test")
        # Requests reach the server, and nothing comes.
        window.context.set_offline(False)

        question.get_by_role("button", name="OK").click()

        refusal = question.get_by_role("alert")
        expect(refusal).to_contain_text("test has already answered")
    expect(question.get_by_role("status")).to_have_text("answered by test (test)")
    id_ = message["message_id"]
    answers = f"SELECT answered_by FROM message WHERE message_id = '{id_}'"
    assert client.sql(answers)["rows"] == [["test"]]


def row(runs, execution):
    """The line of a run."""
    return runs.locator(f"[data-execution-id='{execution.execution_id}']")


def listed(runs):
    """The ids in the list, from the top."""
    rows = runs.get_by_role("treeitem")
    return rows.evaluate_all("rows => rows.map(row => row.dataset.executionId)")


def recorded(client):
    """The ids in the record, the newest first."""
    return [execution.execution_id for execution in client.list_executions()]
