"""The runs under way that this notebook started, named when the extension is loaded.

A kernel that was started again no longer follows them: their trees in the notebook stand still.
"""

from collections.abc import Iterable, Iterator
from contextlib import suppress

from flowkernel.client.client import Client
from flowkernel.client.quick_look import quick_get
from flowkernel.client.starter_name import notebook_suffix
from flowkernel.core.clock import short_id
from flowkernel.core.models import Execution
from flowkernel.core.status import ExecutionStatus
from flowkernel.core.text import one_line
from flowkernel.display.live_terminal import write
from flowkernel.display.outcome_text import waiting_since

READ = 50  #: The newest runs under way among which they are looked for, inclusive.
NAMED = 5  #: Runs that are named, inclusive; more are counted.
LIST = f"/execution?level=root&is_ended=false&limit={READ}"


def name_runs(client: Client) -> None:
    """Name them, in one line each; say nothing if there are none, or no engine answers."""
    suffix = notebook_suffix(client.home)
    records = quick_get(client, LIST) if suffix else None
    with suppress(ValueError, TypeError):  # What an engine of a later version has.
        own = [r for r in records or () if r["started_by"].endswith(f"{suffix})")]
        for line in run_lines(map(Execution.from_json, own)):
            write(line)


def run_lines(runs: Iterable[Execution]) -> Iterator[str]:
    """A line for each run that is under way, and how to see it."""
    started = [run for run in runs if run.status is not ExecutionStatus.PENDING]
    for run in started[:NAMED]:
        command = f"%execution {short_id(run.execution_id)} shows it"
        state = f"is {run.status.label}"
        if waiting_since(run) is not None:
            state, command = "waits for a person", f"{command}, %inbox what it asks"
        yield f"This notebook started {one_line(run.name)!r}, which {state}: {command}."
    if len(started) > NAMED:
        yield f"And {len(started) - NAMED} more: %executions --running lists them."
