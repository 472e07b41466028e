"""What is said of a run when Ctrl-C ends the command that follows it is what is known."""

import os
import signal
from contextlib import nullcontext

import pytest

from flowkernel.cli import interrupted_run, run_output
from flowkernel.cli.exit_codes import CANCELLED, FAILED, INTERRUPTED, SUCCESS
from flowkernel.cli.run_output import watch_run
from flowkernel.cli.termination import termination
from flowkernel.core.models import RequestedAction
from flowkernel.core.status import ExecutionStatus as S
from flowkernel.display.tree import Tree
from tests.records import an_execution
from tests.unit.test_termination import hears_interrupts

__all__ = ["hears_interrupts"]

CANCEL = {"requested_action": RequestedAction.CANCEL}


class Run:
    """A run that was started, and the client of the command."""

    execution_id = an_execution("a").execution_id

    def __init__(self):
        self.note = self
        self.channel = None

    def get(self, _name):
        return "report"

    def close(self):
        """The note has no line."""

    def shown(self, _text, *, delay):
        """The note draws nothing."""
        return nullcontext(delay)


def followed(monkeypatch, watch, *, current=None):
    """The exit code of a command that watches so; `current`: the run as the engine has it."""
    run = Run()
    record = current and current.to_json()
    monkeypatch.setattr(run_output, "watch", watch)
    monkeypatch.setattr(interrupted_run, "quick_record", lambda *_of: record)
    monkeypatch.setattr("builtins.input", lambda _text: "y")
    with termination() as request:
        return watch_run(run, run, as_json=False, termination=request)


def interrupted_watch(*executions, asks):
    """Watch up to the last of these; then Ctrl-C comes, the second one if it `asks`."""

    def watch(_client, _id, _display, *, confirm_cancel, on_tree, **_more):
        for execution in executions:
            on_tree(Tree("a", [execution]))
        if asks:
            assert confirm_cancel()
        os.kill(os.getpid(), signal.SIGINT)

    return watch


RUNNING = an_execution("a")


@pytest.mark.parametrize(
    ("last", "current", "asks", "words", "code"),
    [
        (
            RUNNING,
            RUNNING,
            True,
            "Interrupted before the engine confirmed",
            INTERRUPTED,
        ),
        (RUNNING, None, True, "the run may continue", INTERRUPTED),
        (RUNNING, an_execution("a", **CANCEL), True, "is being cancelled", CANCELLED),
        (an_execution("a", **CANCEL), None, True, "is being cancelled", CANCELLED),
        (RUNNING, RUNNING, False, "It continues.", INTERRUPTED),
        (RUNNING, an_execution("a", S.ENDED_SUCCESS), True, "succeeded", SUCCESS),
        (an_execution("a", S.ENDED_SUCCESS), None, False, "succeeded", SUCCESS),
        (an_execution("a", S.ENDED_ERROR), None, False, "failed", FAILED),
        (RUNNING, an_execution("a", S.ENDED_CANCELLED), True, "cancelled", CANCELLED),
    ],
)
def test_a_second_interrupt_says_how_the_run_is(
    monkeypatch, capsys, last, current, asks, words, code
):
    watch = interrupted_watch(last, asks=asks)

    assert followed(monkeypatch, watch, current=current) == code

    note = capsys.readouterr().err
    assert words in note
    assert ("being cancelled" in note) is (words == "is being cancelled")


def test_an_interrupt_before_the_first_tree_does_not_say_that_it_is_cancelled(
    monkeypatch, capsys
):
    assert followed(monkeypatch, interrupted_watch(asks=False)) == INTERRUPTED
    assert "It continues." in capsys.readouterr().err


def test_an_interrupt_while_the_ending_is_printed_has_the_exit_code_of_the_run(
    monkeypatch, capsys
):
    def watch(_client, _id, _display, *, on_tree, **_more):
        tree = Tree("a", [an_execution("a", S.ENDED_SUCCESS)])
        on_tree(tree)
        return tree

    def print_ending(_execution, _tree):
        os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(run_output, "print_ending", print_ending)

    assert followed(monkeypatch, watch) == SUCCESS
