"""Whether a person is at a shell."""

from types import SimpleNamespace

import pytest
from IPython.core.interactiveshell import InteractiveShell

from flowkernel.magics import (
    ON_CELL,
    channel,
    load,
    unload,
)
from flowkernel.magics.channel import TELL_EVERY, PresenceChannel, is_attended


def in_a_kernel(*, takes_input):
    return SimpleNamespace(kernel=SimpleNamespace(_allow_stdin=takes_input))


@pytest.fixture
def told(monkeypatch):
    """How often the engine was told, with threads that do it at once."""
    times = []

    class AtOnce:
        def __init__(self, **_named):
            pass

        def start(self):
            times.append(1)

    monkeypatch.setattr(channel.threading, "Thread", AtOnce)
    return times


@pytest.fixture
def clock(monkeypatch):
    at = [1000.0]
    monkeypatch.setattr(channel, "monotonic", lambda: at[0])
    return at


def test_a_notebook_in_a_front_end_is_attended_and_one_that_papermill_runs_is_not():
    assert is_attended(in_a_kernel(takes_input=True))
    assert not is_attended(in_a_kernel(takes_input=False))


@pytest.mark.parametrize("is_terminal", [True, False])
def test_ipython_is_attended_if_somebody_types_into_it(monkeypatch, is_terminal):
    shell = type("TerminalInteractiveShell", (), {})()
    stdin = SimpleNamespace(isatty=lambda: is_terminal)
    monkeypatch.setattr(channel.sys, "stdin", stdin)

    assert is_attended(shell) is is_terminal


def test_a_flow_s_kernel_is_not_attended(monkeypatch):
    monkeypatch.setattr(channel, "current", SimpleNamespace)

    assert not is_attended(in_a_kernel(takes_input=True))


def test_the_engine_is_told_now_and_then(told, clock):
    ours = PresenceChannel(in_a_kernel(takes_input=True))

    ours.on_cell()
    ours.on_cell()
    clock[0] += TELL_EVERY
    ours.on_cell()
    assert len(told) == 1
    clock[0] += 1
    ours.on_cell()

    assert len(told) == 2


def test_nobody_is_told_of_nobody(told, clock):
    PresenceChannel(in_a_kernel(takes_input=False)).on_cell()

    assert told == []


def test_without_an_engine_nothing_is_started(tmp_path, monkeypatch):
    home = tmp_path / "home"
    monkeypatch.setenv("FLOWKERNEL_HOME", str(home))

    channel.tell(channel.NOTEBOOK)

    assert not home.exists()


def test_unloading_leaves_nothing():
    shell = InteractiveShell()
    before = list(shell.events.callbacks[ON_CELL])

    load(shell)
    unload(shell)

    assert shell.events.callbacks[ON_CELL] == before
