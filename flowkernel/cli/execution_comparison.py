"""What `flowkernel execution diff` does: two runs, side by side."""

from collections.abc import Iterable
from urllib.parse import quote

from flowkernel.cli.cli_client import make_client
from flowkernel.cli.output import (
    OutputForm,
    print_code,
    print_csv,
    print_json,
    print_note,
    print_text,
)
from flowkernel.client.client import Client
from flowkernel.core.clock import short_id
from flowkernel.core.kernel_contract import CALL_KEY
from flowkernel.core.models import Execution, FlowVersion
from flowkernel.core.status import ExecutionType
from flowkernel.core.text import one_line
from flowkernel.display.columns import moment_text
from flowkernel.display.execution_diff import ComparedRun, ExecutionDiff

SAME = "They have the same source, inputs, output and environment, and ended alike."


def compare_runs(first_id: str, second_id: str, form: OutputForm) -> None:
    """Print what differs between two runs."""
    client = make_client()
    runs = [_compared(client, id_) for id_ in (first_id, second_id)]
    difference = ExecutionDiff.of(*runs)
    if form is OutputForm.CSV:
        print_csv(["part", "name", "a", "b"], difference.rows())
    elif form is OutputForm.JSON:
        ids = {k: r.execution.execution_id for k, r in zip("ab", runs, strict=True)}
        print_json({**ids, **difference.to_json()})
    else:
        for side, run in zip("AB", runs, strict=True):
            print_text(_run_line(side, run.execution))
        lines = [*difference.lines()]
        if lines:
            print_code("\n".join(lines), "diff")
        else:
            print_note(SAME)


def _compared(client: Client, execution_id: str) -> ComparedRun:
    execution = client.get_execution(execution_id)
    last_run = _last_run(client, execution)
    ran = last_run or execution
    version = (ran.wrapped or ran).flow_version  # Of a wrapper that ran nothing yet.
    record = client.get(f"/flow_version/{quote(version, safe='')}")
    return ComparedRun(
        execution=execution,
        version=FlowVersion.from_json(record),
        last_run=last_run,
    )


def _last_run(client: Client, execution: Execution) -> Execution | None:
    """What a wrapper ran last, at any depth: its flow may be another version by then."""
    if execution.wrapped is None:
        return None
    records = client.tree(execution.execution_id)["executions"]
    members = [Execution.from_json(record) for record in records]
    last, child = execution, last_try(execution, members)
    while child is not None:
        last, child = child, last_try(child, members)
    return client.get_execution(last.execution_id) if last is not execution else None


def last_try(wrapper: Execution, members: Iterable[Execution]) -> Execution | None:
    """The last try of what a wrapper runs; None: it ran nothing, or is no wrapper. Pure."""
    tries = [
        member
        for member in members
        if wrapper.type == ExecutionType.WRAPPER
        and member.current_parent_id == wrapper.execution_id
        and member.call_key == CALL_KEY
    ]
    return max(tries, key=lambda member: member.created_at, default=None)


def _run_line(side: str, execution: Execution) -> str:
    name, moment = one_line(execution.name), moment_text(execution.created_at)
    parts = (short_id(execution.execution_id), name, execution.status.label, moment)
    return f"{side}: {'  '.join(parts)}"
