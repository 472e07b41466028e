"""How a run ended, in a sentence for the person who followed it."""

from flowkernel.cli.output import print_note
from flowkernel.client.output_notebook import run_in
from flowkernel.core.clock import now, short_id
from flowkernel.core.models import Execution
from flowkernel.core.status import ExecutionStatus
from flowkernel.core.text import one_line
from flowkernel.display.failed_runs import failure_lines
from flowkernel.display.kernel_note import kernel_text
from flowkernel.display.outcome_text import intervention_text, status_text
from flowkernel.display.tree import Tree

#: How a notebook waits for what it starts.
HOW_TO_WAIT = (
    "To have a run wait for what it starts, let its flow start that without wait=False, or "
    "wait for it: `child.wait()`."
)
#: Characters of the reason of a failure that are shown, inclusive.
REASON_LENGTH = 300


def print_ending(execution: Execution, tree: Tree | None = None) -> None:
    """Say how it ended, unless it succeeded and nobody touched it.

    `tree`: it and what is under it, of which those that failed are named.
    """
    if execution.status is ExecutionStatus.ENDED_ERROR:
        print_note(failure_note(execution, tree))
    elif execution.status is ExecutionStatus.ENDED_CANCELLED:
        print_note(f"{execution.name!r} was cancelled.")
    elif intervention_text(execution):
        print_note(f"{execution.name!r} {status_text(execution)}.")


def print_kernel(tree: Tree) -> None:
    """Say it, if the kernel of the run is kept: until when, and how to release it."""
    run = run_in(tree)
    if run is not None and run.is_kept:
        print_note(f"The kernel of {run.name!r} is {kernel_text(run, now())}.")


def failure_note(execution: Execution, tree: Tree | None) -> str:
    """Why it failed, what failed under it, and what shows more, as lines."""
    reason = one_line(execution.status_message or "it gave no reason", REASON_LENGTH)
    lines = [f"{execution.name!r} failed: {reason}"]
    lines += [] if tree is None else failure_lines(tree)
    short = short_id(execution.execution_id)
    has_traceback = execution.error is not None and execution.error.traceback
    content = "the cell and the traceback" if has_traceback else "what is recorded"
    return "\n".join([*lines, f"`flowkernel execution show {short}` shows {content}."])


def print_rest(tree: Tree) -> None:
    """Say it, if runs that it started go on after its end."""
    sentence = rest_text(tree)
    if sentence:
        print_note(sentence)


def rest_text(tree: Tree) -> str:
    """That runs under it go on, how many failed, and how to wait; empty if all have ended."""
    others = [run for id_, run in tree.executions.items() if id_ != tree.execution_id]
    live = sum(not run.status.is_ended for run in others)
    failed = sum(run.status is ExecutionStatus.ENDED_ERROR for run in others)
    if not live:
        return ""
    rest = f"{live:,} runs that it started go on"
    if live == 1:
        rest = "1 run that it started goes on"
    failures = f" ({failed:,} failed already)" if failed else ""
    command = f"`flowkernel execution tree {short_id(tree.execution_id)}`"
    return f"{rest}{failures}: {command} shows them. {HOW_TO_WAIT}"
