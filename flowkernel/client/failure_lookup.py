"""Why an execution failed: the chain down to the cause, and the cells, from their notebooks."""

import json
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from flowkernel.client.client import Client
from flowkernel.client.output_notebook import notebook_path, notebook_steps
from flowkernel.core.cell_numbers import defining_id, first_line, source_of
from flowkernel.core.clock import short_id
from flowkernel.core.errors import FlowkernelError
from flowkernel.core.models import Execution
from flowkernel.core.status import ExecutionStatus
from flowkernel.display.failed_runs import failure_sentences, failures_under
from flowkernel.display.failure_report import STEPS, FailedStep, FailureReport
from flowkernel.display.next_step import NextStep
from flowkernel.display.tree import Tree

S = ExecutionStatus
#: Bytes of an output notebook in which the failed cell is looked for, inclusive.
MAX_NOTEBOOK = 16 * 1024 * 1024


def failure_report(client: Client, execution_id: str) -> FailureReport | None:
    """The report of an execution that failed; None if it did not, or nobody answers."""
    with suppress(FlowkernelError, OSError):
        execution = client.get_execution(execution_id)
        if execution.status is S.ENDED_ERROR or execution.is_failed:
            return _report(client, execution)
    return None


def _report(client: Client, execution: Execution) -> FailureReport:
    tree = Tree.from_reply(client.tree(execution.execution_id), execution.execution_id)
    chain = failure_chain(client, execution, tree)
    home = client.home.path
    failures = failure_sentences(failures_under(tree), "%execution")
    named = (NextStep(sentence=words, command=command) for words, command in failures)
    return FailureReport(
        name=execution.name,
        steps=tuple(_step(home, item) for item in reversed(chain)),
        next_steps=(*named, *_next_steps(home, execution, chain[-1])),
    )


def failure_chain(client: Client, execution: Execution, tree: Tree) -> list[Execution]:
    """The execution, the child that made it fail, the child of that, down to the cause."""
    children = tree.causes(execution)[1:STEPS]
    return [execution, *(client.get_execution(c.execution_id) for c in children)]


def own_failure(client: Client, execution: Execution, tree: Tree) -> Execution:
    """What failed by itself: of wrappers, what they failed for."""
    for cause in tree.causes(execution)[1:]:
        if not execution.failed_for_another:
            break
        execution = client.get_execution(cause.execution_id)
    return execution


def _step(home: Path, execution: Execution) -> FailedStep:
    error = execution.error
    path = notebook_path(home, execution)
    return FailedStep(
        name=execution.name,
        outcome="was cancelled" if execution.status is S.ENDED_CANCELLED else "failed",
        reason=execution.status_message or "",
        source_line=_line_of(execution, path),
        traceback=error.traceback if error is not None else "",
    )


def _line_of(execution: Execution, path: Path | None) -> str:
    """The first line of the cell that failed; of a wrapper it says nothing."""
    cell_id = execution.error.cell_id if execution.error is not None else None
    if path is None or cell_id is None or execution.wrapped is not None:
        return ""
    return line_of_cell(path, cell_id)


def line_of_cell(path: Path, cell_id: str) -> str:
    """The first line of the source of a cell; empty if it cannot be read.

    Of the cell that calls a handler it is that of the cell with the handler.
    """
    with suppress(OSError, ValueError, KeyError, TypeError, AttributeError):
        if path.stat().st_size <= MAX_NOTEBOOK:
            cells = json.loads(path.read_bytes())["cells"]
            by_id = {cell.get("id"): cell for cell in cells}
            cell = by_id[cell_id]
            return first_line(source_of(by_id.get(defining_id(cell), cell)))
    return ""


def _next_steps(
    home: Path, execution: Execution, cause: Execution
) -> Iterable[NextStep]:
    """What a person can do after the failure of `execution`, whose cause was `cause`."""
    short = short_id(execution.execution_id)
    path = notebook_path(home, cause)
    if path is not None:
        yield from notebook_steps(path, short_id(cause.execution_id))
    if execution.is_failed:
        yield NextStep(sentence="It waits for a decision", command="%inbox")
    yield NextStep(sentence="See this again", command=f"%execution {short}")
    if execution.status.is_ended:
        yield from retry_steps(execution, cause)


def retry_steps(execution: Execution, cause: Execution) -> Iterable[NextStep]:
    """How it is run again. What it starts has the source of then; it has that of now."""
    command = f"%execution {short_id(execution.execution_id)} --retry"
    note = "what succeeded in it is kept"
    if cause.execution_id != execution.execution_id:
        note += f", and {cause.flow_name!r} runs as it is then"
    yield NextStep(sentence=f"Run it again ({note})", command=command)
    if cause.execution_id == execution.execution_id:
        yield NextStep(
            sentence="Run it again with the source of now",
            command=f"{command} --source current",
        )
