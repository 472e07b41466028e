"""Who waits for the engine is told that it starts: a person, and nobody else."""

import io
import sys
from types import SimpleNamespace

import pytest

from flowkernel.client.start_announcement import announce_start


class Stream(io.StringIO):
    """Standard output or standard error: on a terminal, or somewhere else."""

    def __init__(self, *, is_terminal=False):
        super().__init__()
        self.is_terminal = is_terminal

    def isatty(self):
        return self.is_terminal


def announced(monkeypatch, *, kernel=None, error_stream):
    """What `announce_start` writes to standard output and to standard error."""
    shell = SimpleNamespace(kernel=kernel)
    ipython = SimpleNamespace(get_ipython=lambda: shell)
    output = Stream()
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "IPython", ipython)
        patch.setattr(sys, "stdout", output)
        patch.setattr(sys, "stderr", error_stream)
        announce_start()
    return output.getvalue(), error_stream.getvalue() if error_stream else ""


def test_a_person_at_a_terminal_is_told(monkeypatch):
    terminal = Stream(is_terminal=True)

    texts = announced(monkeypatch, error_stream=terminal)

    assert texts == ("", "Starting the engine ...\n")


def test_a_person_in_a_notebook_is_told_without_the_extension(monkeypatch):
    kernel = SimpleNamespace(_allow_stdin=True)

    texts = announced(monkeypatch, kernel=kernel, error_stream=Stream())

    assert texts == ("Starting the engine ...\n", "")


@pytest.mark.parametrize("error_stream", [None, Stream()])
@pytest.mark.parametrize("kernel", [None, SimpleNamespace(_allow_stdin=False)])
def test_a_program_is_told_nothing(monkeypatch, kernel, error_stream):
    texts = announced(monkeypatch, kernel=kernel, error_stream=error_stream)

    assert texts == ("", "")
