"""How a cell ended is decided from the reply of its kernel."""

import pytest
from nbclient.exceptions import CellTimeoutError, DeadKernelError

from flowkernel.core.kernel_contract import SIGNAL
from flowkernel.core.report_limits import (
    ERROR_MESSAGE_CHARACTERS,
    TRACEBACK_CHARACTERS,
)
from flowkernel.core.status import CellStatus, ExecutionStatus
from flowkernel.worker.notebook.cell_location import CellLocation
from flowkernel.worker.notebook.cell_outcome import (
    allowed_error_outcome,
    error_outcome,
    is_signal,
    kernel_loss_reason,
    no_reply_outcome,
    timeout_outcome,
)

S = ExecutionStatus
C = CellStatus
LOCATION = CellLocation(cell_id="b", index=4, number=2, count=3)
TIMEOUT = CellTimeoutError("too long")


def reply(name="ValueError", message="no such day", *, traceback=("line 1",)):
    return {
        "status": "error",
        "ename": name,
        "evalue": message,
        "traceback": list(traceback),
    }


def signal(name, message=""):
    return reply(name, message, traceback=[SIGNAL + name])


def outcome_of(content, *, is_cancelled=False):
    return error_outcome(content, LOCATION, is_cancelled=is_cancelled)


def outcome_without_reply(error, *, limit=None, exit_code=None, is_cancelled=False):
    return no_reply_outcome(
        error, LOCATION, limit=limit, exit_code=exit_code, is_cancelled=is_cancelled
    )


def test_a_cell_that_raised_ends_the_notebook_and_says_where():
    outcome = outcome_of(reply())

    assert outcome.status is C.ERROR
    assert outcome.error.name == "ValueError"
    assert (outcome.error.cell_id, outcome.error.cell_index) == ("b", 4)
    assert outcome.ending.status is S.ENDED_ERROR
    assert outcome.ending.message == "Cell 2 of 3: ValueError: no such day"
    assert outcome.ending.error == outcome.error


def test_a_traceback_is_kept_without_colours_and_the_end_of_it():
    lines = ["x" * TRACEBACK_CHARACTERS, "\x1b[31mValueError\x1b[0m"]

    text = outcome_of(reply(traceback=lines)).error.traceback

    assert text.endswith("x\nValueError")
    assert len(text) == TRACEBACK_CHARACTERS


def test_a_message_is_bounded_wherever_it_stands():
    long = reply(message="x" * (ERROR_MESSAGE_CHARACTERS + 1))

    outcome = outcome_of(long)

    assert (
        len(outcome.error.message)
        == len(outcome.ending.message)
        == ERROR_MESSAGE_CHARACTERS
    )
    assert len(allowed_error_outcome(long).error.message) == ERROR_MESSAGE_CHARACTERS


@pytest.mark.parametrize(
    ("content", "status", "message"),
    [
        (signal("ExecutionSuccess"), S.ENDED_SUCCESS, None),
        (signal("ExecutionSuccess", "all there"), S.ENDED_SUCCESS, "all there"),
        (signal("ExecutionCancel"), S.ENDED_CANCELLED, "It cancelled itself."),
        (signal("ExecutionCancel", "too late"), S.ENDED_CANCELLED, "too late"),
        (reply("SystemExit", "0"), S.ENDED_SUCCESS, None),
        (reply("SystemExit", "None"), S.ENDED_SUCCESS, None),
        (reply("SystemExit", ""), S.ENDED_SUCCESS, None),
    ],
)
def test_a_flow_that_ends_itself_has_no_error(content, status, message):
    outcome = outcome_of(content)

    assert (outcome.status, outcome.error) == (C.EXITED, None)
    assert (outcome.ending.status, outcome.ending.message) == (status, message)


def test_an_error_of_the_flow_is_its_own_sentence():
    """`this.error()`: no cell, no name, no traceback."""
    outcome = outcome_of(signal("ExecutionError", "no rows today"))

    assert outcome.status is C.ERROR
    assert outcome.error.traceback == ""
    assert outcome.ending.message == "no rows today"


@pytest.mark.parametrize("name", ["ExecutionSuccess", "ExecutionCancel"])
def test_a_name_alone_makes_no_signal(name):
    assert not is_signal(reply(name))
    assert outcome_of(reply(name)).ending.status is S.ENDED_ERROR


def test_an_exit_code_other_than_zero_is_an_error():
    outcome = outcome_of(reply("SystemExit", "2"))

    assert outcome.ending.message == "Cell 2 of 3: SystemExit: 2"


@pytest.mark.parametrize(
    ("is_cancelled", "status"), [(True, S.ENDED_CANCELLED), (False, S.ENDED_ERROR)]
)
def test_an_interrupt_cancels_only_a_cancelled_execution(is_cancelled, status):
    outcome = outcome_of(reply("KeyboardInterrupt", ""), is_cancelled=is_cancelled)

    assert (outcome.status, outcome.ending.status) == (C.INTERRUPTED, status)


def test_an_error_before_the_cancel_is_an_error():
    assert outcome_of(reply(), is_cancelled=True).ending.status is S.ENDED_ERROR


@pytest.mark.parametrize("content", [{}, {"status": "error"}, {"traceback": None}])
def test_an_empty_reply_is_an_error_without_a_name(content):
    ending = outcome_of(content).ending

    assert ending.message == "Cell 2 of 3: it failed, and its kernel gave no reason"


def test_a_cell_that_may_raise_ends_nothing():
    outcome = allowed_error_outcome(reply())

    assert (outcome.status, outcome.ending) == (C.ALLOWED_ERROR, None)
    assert (outcome.error.name, outcome.error.message) == ("ValueError", "no such day")


@pytest.mark.parametrize(
    ("error", "status", "message"),
    [
        (TIMEOUT, C.TIMED_OUT, "Cell 2 of 3: it ran longer than 7 s."),
        (DeadKernelError(), C.KERNEL_DIED, "Cell 2 of 3: the kernel died{}."),
    ],
)
@pytest.mark.parametrize(
    ("exit_code", "words"),
    [(None, ""), (-9, " (killed by signal 9)"), (3, " (exit code 3)")],
)
def test_a_cell_without_a_reply_says_why(error, status, message, exit_code, words):
    outcome = outcome_without_reply(error, limit=7, exit_code=exit_code)

    assert (outcome.status, outcome.error.name) == (status, type(error).__name__)
    assert outcome.ending.status is S.ENDED_ERROR
    assert outcome.ending.message == message.format(words)
    assert outcome.ending.error == outcome.error


@pytest.mark.parametrize("error", [TIMEOUT, DeadKernelError(), KeyboardInterrupt()])
def test_a_cancelled_execution_ends_cancelled_whatever_happened_to_its_kernel(error):
    outcome = outcome_without_reply(error, is_cancelled=True)

    assert outcome.ending.status is S.ENDED_CANCELLED
    assert outcome.ending.message is None


def test_an_interrupt_from_outside_cancels_and_says_so():
    outcome = outcome_without_reply(KeyboardInterrupt())

    assert (outcome.status, outcome.ending.status) == (C.INTERRUPTED, S.ENDED_CANCELLED)
    assert outcome.ending.message == "Interrupted."


def test_a_cell_that_was_interrupted_in_time_has_a_traceback():
    outcome = timeout_outcome(reply("KeyboardInterrupt", ""), LOCATION, limit=7)

    assert outcome.status is C.TIMED_OUT
    assert outcome.error.name == "CellTimeoutError"
    assert outcome.error.traceback == "line 1"
    assert outcome.ending.message == "Cell 2 of 3: it ran longer than 7 s."
    assert outcome.ending.error == outcome.error


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (TIMEOUT, "Its kernel could not be interrupted."),
        (DeadKernelError(), "Its kernel died."),
    ],
)
def test_a_lost_kernel_says_why_it_is_lost(error, reason):
    assert kernel_loss_reason(error) == reason
