"""Whether a person is at a shell."""

from types import SimpleNamespace

import pytest
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from flowkernel.magics import CELL_EVENT, channel, load, unload
from flowkernel.magics.channel import REPORT_EVERY, PresenceChannel, is_attended

#: Of the person whose machine this is: a shell would open it, and leave it open.
WITHOUT_HISTORY = Config({"HistoryManager": {"enabled": False}})


def in_a_kernel(*, takes_input):
    return SimpleNamespace(kernel=SimpleNamespace(_allow_stdin=takes_input))


@pytest.fixture
def reports(monkeypatch):
    """One entry for each report to the engine that was started."""
    reports = []

    class RecordedThread:
        def __init__(self, **_arguments):
            pass

        def start(self):
            reports.append(1)

    monkeypatch.setattr(channel.threading, "Thread", RecordedThread)
    return reports


@pytest.fixture
def clock(monkeypatch):
    seconds = [1000.0]
    monkeypatch.setattr(channel, "monotonic", lambda: seconds[0])
    return seconds


def test_a_notebook_in_a_front_end_is_attended_and_one_that_papermill_runs_is_not():
    assert is_attended(in_a_kernel(takes_input=True))
    assert not is_attended(in_a_kernel(takes_input=False))


@pytest.mark.parametrize("is_terminal", [True, False])
def test_ipython_is_attended_if_a_person_types_into_it(monkeypatch, is_terminal):
    shell = type("TerminalInteractiveShell", (), {})()
    stdin = SimpleNamespace(isatty=lambda: is_terminal)
    monkeypatch.setattr(channel.sys, "stdin", stdin)

    assert is_attended(shell) is is_terminal


def test_a_flow_s_kernel_is_not_attended(monkeypatch):
    monkeypatch.setattr(channel, "current", SimpleNamespace)

    assert not is_attended(in_a_kernel(takes_input=True))


def test_the_engine_gets_a_report_now_and_then(reports, clock):
    presence = PresenceChannel(in_a_kernel(takes_input=True))

    presence.on_cell()
    presence.on_cell()
    clock[0] += REPORT_EVERY
    presence.on_cell()
    assert len(reports) == 1
    clock[0] += 1
    presence.on_cell()

    assert len(reports) == 2


def test_without_a_person_there_is_no_report(reports, clock):
    PresenceChannel(in_a_kernel(takes_input=False)).on_cell()

    assert reports == []


def test_without_an_engine_nothing_is_started(tmp_path, monkeypatch):
    home = tmp_path / "home"
    monkeypatch.setenv("FLOWKERNEL_HOME", str(home))

    channel.report_presence(channel.NOTEBOOK)

    assert not home.exists()


def test_unloading_leaves_nothing():
    shell = InteractiveShell(config=WITHOUT_HISTORY)
    before = list(shell.events.callbacks[CELL_EVENT])

    load(shell)
    unload(shell)

    assert shell.events.callbacks[CELL_EVENT] == before
