"""`flowkernel execution ...`."""

import json
import sys
import time

from flowkernel.cli.output import say, say_json, say_table
from flowkernel.cli.session import client
from flowkernel.client.client import Client
from flowkernel.client.watch import get_tree
from flowkernel.core.models import CellRun, Execution
from flowkernel.core.status import ExecutionStatus
from flowkernel.core.text import duration_text, one_line, plain_text
from flowkernel.display.columns import (
    execution_table,
    moment_text,
    parse_status,
    short_id,
)
from flowkernel.display.live_terminal import FinalText, LiveText, can_redraw
from flowkernel.display.table import Table
from flowkernel.display.tree import Tree

S = ExecutionStatus

LOOK_EVERY = 0.5  #: Seconds between two looks at a log that is followed.


def list_executions(
    status: str | None,
    flow: str | None,
    limit: int,
    *,
    everything: bool,
    as_json: bool,
) -> None:
    """The newest first; archived ones only if `everything` is asked for."""
    found = client().list_executions(
        status=parse_status(status),
        flow_name=flow,
        is_archived=None if everything else False,
        limit=limit,
    )
    if as_json:
        say_json([execution.to_json() for execution in found])
    else:
        say_table(execution_table(found), empty="There is no such execution.")


def show_execution(execution_id: str, *, as_json: bool) -> None:
    """Everything that is recorded of it."""
    engine = client()
    execution = engine.get_execution(execution_id)
    cell_runs = engine.cell_runs(execution.execution_id)
    if as_json:
        say_json(
            {
                **execution.to_json(),
                "cell_runs": [cell_run.to_json() for cell_run in cell_runs],
            }
        )
        return
    say(_facts(execution, engine))
    if cell_runs:
        say("\n" + _cell_table(cell_runs).text())
    cause = _cause(execution, engine)
    if cause.error is not None and cause.error.traceback:
        say("\n" + plain_text(cause.error.traceback).rstrip())
    if cause is not execution:
        there = f"flowkernel execution show {cause.execution_id[-8:]}"
        say(f"\n{one_line(cause.name)!r} failed under it: {there}")


def _cause(execution: Execution, engine: Client) -> Execution:
    """What a wrapper failed for: what failed under it last; else itself."""
    while execution.status is S.ENDED_ERROR and execution.failed_for_another:
        found = engine.list_executions(
            parent_id=execution.execution_id, status=S.ENDED_ERROR, limit=1
        )
        if not found:
            break
        [execution] = found
    return execution


def _facts(execution: Execution, engine: Client) -> str:
    notebook = execution.notebook_path and engine.home.path / execution.notebook_path
    took = execution.duration
    facts = {
        "id": execution.execution_id,
        "name": execution.name,
        "flow": f"{execution.flow_name} (version {execution.flow_version[:8]})",
        "status": execution.status.label,
        "message": execution.status_message
        and one_line(execution.status_message, 1000),
        "started by": execution.started_by,
        "parent": execution.parent_id,
        "retry of": execution.retry_of,
        "lost": execution.losses and f"its worker was lost {execution.losses} time(s)",
        "created": moment_text(execution.created_at),
        "started": moment_text(execution.started_at),
        "ended": moment_text(execution.ended_at),
        "took": "" if took is None else duration_text(took),
        "inputs": execution.inputs and json.dumps(execution.inputs, ensure_ascii=False),
        "output": execution.output and json.dumps(execution.output, ensure_ascii=False),
        "notebook": notebook,
    }
    return "\n".join(
        f"{word + ':':<12} {plain_text(str(fact))}"
        for word, fact in facts.items()
        if fact
    )


def _cell_table(cell_runs: list[CellRun]) -> Table:
    rows = []
    for run in cell_runs:
        took = (
            duration_text((run.ended_at - run.started_at).total_seconds())
            if run.ended_at
            else ""
        )
        said = ": ".join(part for part in (run.error_name, run.error_message) if part)
        rows.append(
            (run.cell_index, run.cell_id, run.status.label, took, one_line(said))
        )
    return Table(("cell", "cell id", "status", "took", "error"), tuple(rows))


def show_tree(execution_id: str, *, as_json: bool) -> None:
    """It and everything under it."""
    engine = client()
    tree = get_tree(engine, engine.get_execution(execution_id).execution_id)
    if as_json:
        say_json(tree.to_reply())
    else:
        _still(tree)


def _still(tree: Tree) -> None:
    display = LiveText() if can_redraw(sys.stdout) else FinalText()
    display.finish(tree)


def print_log(execution_id: str, *, follows: bool, as_json: bool) -> None:
    """What it logged and printed: as text, or as one JSON object a line."""
    engine = client()
    execution = engine.get_execution(execution_id)
    seq = _print_lines(engine, execution, 0, as_json=as_json)
    while follows and not execution.status.is_ended:
        time.sleep(LOOK_EVERY)
        execution = engine.get_execution(execution.execution_id)
        seq = _print_lines(engine, execution, seq, as_json=as_json)


def _print_lines(
    engine: Client, execution: Execution, seq: int, *, as_json: bool
) -> int:
    for event in engine.log(execution.execution_id, after_seq=seq):
        seq = max(seq, event.seq)
        if as_json:
            record = {"happened_at": event.to_json()["happened_at"], **event.payload}
            sys.stdout.write(json.dumps(record) + "\n")
        else:
            sys.stdout.write(plain_text(event.payload["text"]))
    sys.stdout.flush()
    return seq


DONE = {
    "cancel": "{name!r} is being cancelled, and everything under it.",
    "pause": "{name!r} pauses as soon as the cell that runs now has ended.",
    "resume": "{name!r} goes on.",
}


#: When the verb found no kernel to wait for.
DONE_AT_ONCE = {
    ("cancel", S.ENDED_CANCELLED): "{name!r} is cancelled.",
    ("pause", S.PAUSED): "{name!r} is paused.",
}


def act_on(execution_id: str, verb: str, *, as_json: bool) -> None:
    """Cancel, pause, resume or retry it."""
    engine = client()
    before = engine.get_execution(execution_id)
    after = engine.act(before.execution_id, verb)
    if as_json:
        say_json(after.to_json())
    elif verb == "retry":
        short = short_id(after.execution_id)
        say(
            f"Started {after.name!r} again as {short}. "
            f"`flowkernel execution tree {short}` shows it."
        )
    else:
        done = DONE_AT_ONCE.get((verb, after.status), DONE[verb])
        say(done.format(name=after.name))
