"""What `flowkernel execution diff` does: two runs, side by side."""

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
from flowkernel.core.models import Execution, FlowVersion
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
    ran = execution.wrapped or execution
    record = client.get(f"/flow_version/{quote(ran.flow_version, safe='')}")
    return ComparedRun(execution=execution, version=FlowVersion.from_json(record))


def _run_line(side: str, execution: Execution) -> str:
    name, moment = one_line(execution.name), moment_text(execution.created_at)
    parts = (short_id(execution.execution_id), name, execution.status.label, moment)
    return f"{side}: {'  '.join(parts)}"
