"""What the `flowkernel execution` commands do."""

import json
import sys
import textwrap
import time
from collections.abc import Mapping
from dataclasses import fields
from functools import partial
from operator import attrgetter
from typing import Any

from flowkernel.cli.cli_client import (
    CommandClient,
    is_interactive,
    make_client,
    waiting,
)
from flowkernel.cli.confirmation import count_text, is_deletion_confirmed
from flowkernel.cli.ending_note import print_ending
from flowkernel.cli.execution_csv import COLUMNS, csv_record
from flowkernel.cli.exit_codes import INTERRUPTED, SUCCESS
from flowkernel.cli.log_lines import EventLines, LogDecisions, make_log_lines
from flowkernel.cli.output import (
    OutputForm,
    facts_text,
    print_json,
    print_list,
    print_marked,
    print_record,
    print_records,
    print_text,
    terminal_columns,
)
from flowkernel.cli.run_history import decisions_of, retries_of
from flowkernel.cli.termination import interrupted_with
from flowkernel.client.client import Client
from flowkernel.client.failure_lookup import own_failure
from flowkernel.client.watch import get_tree
from flowkernel.core.clock import SHORT, now, short_id
from flowkernel.core.errors import MoveNotAllowed
from flowkernel.core.models import CellRun, Execution
from flowkernel.core.status import ExecutionStatus
from flowkernel.core.suggestions import quoted_name, suggestion
from flowkernel.core.text import one_line, plain_text, text_width
from flowkernel.display.cell_table import cell_table
from flowkernel.display.columns import (
    WAITED,
    ShowMoment,
    execution_table,
    moment_text,
)
from flowkernel.display.decision_text import cell_marks, decision_lines
from flowkernel.display.failed_runs import failure_lines
from flowkernel.display.file_links import file_link
from flowkernel.display.kernel_note import kernel_text
from flowkernel.display.live_terminal import FinalText, LiveText, can_redraw
from flowkernel.display.outcome_text import status_text, took_text
from flowkernel.display.parameter_list import defaults_text
from flowkernel.display.table import NARROW, Table
from flowkernel.display.tree import Tree

S = ExecutionStatus

#: Seconds between two requests for a log that is followed.
POLL_SECONDS = 0.5
ERASE_SECONDS = 60.0  #: How long a deletion waits for the files.
STILL_ERASED = (
    "The engine is still removing what is left of it from its files; `flowkernel engine "
    "status` says when that is done."
)
#: Behind the sentence that no run matches.
NOT_ALL_LEVELS = "--all-levels looks at runs that other runs started, too."
FACT_WIDTH = 14  #: Columns of the title of a fact, and its colon.
#: Facts that may be long texts; all but the message are JSON.
WRAPPED_FACTS = {"message", "inputs", "inputs before", "output"}
#: The columns of CSV, of one execution.
EXECUTION_FIELDS = [field.name for field in fields(Execution)]
#: What a verb does, in a sentence.
OUTCOMES = {
    "cancel": "{name!r} is being cancelled, and all runs under it.",
    "pause": "{name!r} pauses as soon as the current cell has ended.",
    "resume": "{name!r} continues.",
    "release_kernel": "The kernel of {name!r} is released.",
}
#: The same, where there was no kernel to wait for.
IMMEDIATE_OUTCOMES = {
    ("cancel", S.ENDED_CANCELLED): "{name!r} is cancelled.",
    ("pause", S.PAUSED): "{name!r} is paused.",
}


def list_executions(form: OutputForm, **filters: Any) -> None:
    """Print the newest ones first. `filters`: those of `Client.list_executions`."""
    client = make_client()
    executions = client.list_executions(**filters)
    if form is OutputForm.TEXT:
        retries = retries_of(client, executions)
        print_list(
            partial(whole_table, executions, retries=retries),
            (WAITED, "flow", "message"),
            empty="" if executions else _no_match(client, filters),
        )
    elif form is OutputForm.CSV:
        print_records([*map(csv_record, executions)], form, COLUMNS)
    else:
        print_json([execution.to_json() for execution in executions])


def whole_table(
    executions: list[Execution],
    show_moment: ShowMoment,
    retries: Mapping[str, Execution] | None = None,
) -> Table:
    """The list with messages as long as they are; a terminal cuts them where it ends."""
    table = execution_table(
        executions, show_moment=show_moment, widest=None, retries=retries
    )
    has_waited = any(record[WAITED] for record in table.to_dicts())
    return table if has_waited else table.without(WAITED)


def _no_match(client: Client, filters: dict[str, Any]) -> str:
    """That no run matches, and why that may be so."""
    sentences = ["No run matches."]
    if filters.get("level") is not None:
        sentences.append(NOT_ALL_LEVELS)
    flow_name = filters.get("flow_name")
    if flow_name is not None:
        ran = (execution.flow_name for execution in client.list_executions())
        names = {flow.name for flow in client.list_flows()} | {*ran}
        if flow_name not in names:
            sentences.append(f"There is no flow named {quoted_name(flow_name)}.")
            sentences.append(suggestion(flow_name, names, otherwise=""))
    return " ".join(filter(None, sentences))


def show_execution(execution_id: str, form: OutputForm) -> None:
    """Print everything that is recorded of it."""
    client = make_client()
    execution = client.get_execution(execution_id)
    cell_runs = client.cell_runs(execution.execution_id)
    if form is OutputForm.TEXT:
        _show(client, execution, cell_runs)
        return
    records = [cell_run.to_json() for cell_run in cell_runs]
    record = {**execution.to_json(), "cell_runs": records}
    print_record(record, form, [*EXECUTION_FIELDS, "cell_runs"])


def _show(client: Client, execution: Execution, cell_runs: list[CellRun]) -> None:
    facts = _facts(execution, client).items()
    room = terminal_columns() - FACT_WIDTH - 1 if can_redraw(sys.stdout) else None
    plain_facts = {
        title: fact_text(title, plain_text(str(fact)), room)
        for title, fact in facts
        if fact
    }
    text = facts_text(plain_facts, FACT_WIDTH)
    if execution.notebook_path:
        path = client.home.path / execution.notebook_path
        text = text.replace(plain_text(str(path)), file_link(path, sys.stdout))
    print_marked(text)
    events = decisions_of(client, execution)
    if cell_runs:
        print_text("")
        table = cell_table(cell_runs, cell_marks(cell_runs, events))
        print_list(lambda _show_moment: table, ("took",), empty="")
    for line in decision_lines(events, execution.execution_id, cell_runs):
        print_text(line)
    _show_failure(client, execution)


def fact_text(title: str, text: str, room: int | None) -> str:
    """A fact, below itself as far as it is too long for `room` columns; None: one line.

    JSON is laid out. A path stays whole, so that it can be copied.
    """
    if room is None or text_width(text) <= room or title not in WRAPPED_FACTS:
        return text
    if title != "message":
        text = json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    wrap = partial(textwrap.wrap, width=max(room, NARROW), break_on_hyphens=False)
    lines = [part for line in text.splitlines() for part in wrap(line)]
    return ("\n" + " " * (FACT_WIDTH + 1)).join(lines)


def _show_failure(client: Client, execution: Execution) -> None:
    """Print the traceback, and what failed under it; of a wrapper, what it failed for."""
    lines: list[str] = []
    if execution.status is S.ENDED_ERROR or execution.is_failed:
        tree = get_tree(client, execution.execution_id)
        execution, lines = own_failure(client, execution, tree), failure_lines(tree)
    if execution.error is not None and execution.error.traceback:
        print_text("\n" + plain_text(execution.error.traceback).rstrip())
    if lines:
        print_text("\n" + "\n".join(lines))


def _facts(execution: Execution, client: Client) -> dict[str, object]:
    notebook = execution.notebook_path and client.home.path / execution.notebook_path
    return {
        "id": execution.execution_id,
        "name": execution.name,
        "flow": f"{execution.flow_name} (version {execution.flow_version[:8]})",
        "status": status_text(execution),
        "message": execution.status_message
        and one_line(execution.status_message, 1000),
        "started by": execution.started_by,
        "parent": execution.current_parent_id,
        "retry of": execution.retry_of,
        "retried as": _retry_text(client, execution),
        "lost": execution.losses and f"its worker was lost {execution.losses} time(s)",
        "created": moment_text(execution.created_at),
        "started": moment_text(execution.started_at),
        "ended": moment_text(execution.ended_at),
        "took": took_text(execution),
        "inputs": execution.inputs and json.dumps(execution.inputs, ensure_ascii=False),
        "inputs before": execution.replaced_inputs
        and json.dumps(execution.replaced_inputs, ensure_ascii=False),
        "defaults": defaults_text(execution.defaults),
        "output": execution.output and json.dumps(execution.output, ensure_ascii=False),
        "notebook": notebook,
        "kernel": kernel_text(execution, now()),
    }


def _retry_text(client: Client, execution: Execution) -> str:
    """Its last retry, and how that is."""
    retry = retries_of(client, [execution]).get(execution.execution_id)
    return f"{short_id(retry.execution_id)}: {retry.status.label}" if retry else ""


def show_tree(
    execution_id: str, form: OutputForm, *, has_ids: bool, is_whole: bool
) -> None:
    """Print it and everything under it. In a pipe it is whole in any case."""
    client = make_client()
    tree = get_tree(client, client.get_execution(execution_id).execution_id)
    if form is OutputForm.JSON:
        print_json(tree.to_reply())
        return
    if form is OutputForm.CSV:
        records = [csv_record(execution) for execution in tree.executions.values()]
        print_records(records, form, COLUMNS)
        return
    is_whole = is_whole or not sys.stdout.isatty()
    if has_ids:
        for line in tree.lines(is_whole=is_whole):
            id_ = short_id(line.execution_id or "")
            print_text(f"{id_:<{SHORT}}  {line.text}")
    else:
        display = LiveText if can_redraw(sys.stdout) else FinalText
        display(is_whole=is_whole).finish(tree)


def print_log(
    execution_id: str, form: OutputForm, *, follows: bool, has_times: bool
) -> None:
    """Print what it logged and printed: as text, CSV, or as one JSON object a line."""
    client = make_client()
    execution = client.get_execution(execution_id)
    lines = make_log_lines(form, sys.stdout, has_times=has_times)
    decisions = LogDecisions(client, is_shown=has_times)
    seq = _print_lines(client, execution, 0, lines, decisions)
    if follows:
        execution = _follow(client, execution, seq, lines, decisions)
    lines.end()
    if follows and form is OutputForm.TEXT:
        has_failed = execution.status is S.ENDED_ERROR
        tree = get_tree(client, execution.execution_id) if has_failed else None
        print_ending(execution, tree)


def _follow(
    client: CommandClient,
    execution: Execution,
    seq: int,
    lines: EventLines,
    decisions: LogDecisions,
) -> Execution:
    """Print what is logged after event `seq`, until the run has ended; the run at its end."""
    with (
        interrupted_with("Interrupted. The run continues."),
        waiting("Nothing is logged yet", client.note),
    ):
        while not execution.status.is_ended:
            time.sleep(POLL_SECONDS)
            execution = client.get_execution(execution.execution_id)
            seq = _print_lines(client, execution, seq, lines, decisions)
    return execution


def _print_lines(
    client: CommandClient,
    execution: Execution,
    seq: int,
    lines: EventLines,
    decisions: LogDecisions,
) -> int:
    """Print what was logged after event `seq`, and decided; the last event that was logged."""
    decided = decisions.new_events(execution)
    logged = client.log(execution.execution_id, after_seq=seq)
    for event in sorted([*decided, *logged], key=attrgetter("seq")):
        client.note.close()  # The last line may be open: nothing may be drawn over it.
        lines.write(event)
    return max([seq, *(event.seq for event in logged)])


def act_on(execution_id: str, verb: str, *, as_json: bool) -> None:
    """Cancel, pause or resume it, or release its kernel."""
    client = make_client()
    previous = client.get_execution(execution_id)
    try:
        execution = client.act(previous.execution_id, verb)
    except MoveNotAllowed as error:
        if verb == "resume" and previous.status.is_ended:
            command = f"flowkernel execution retry {short_id(previous.execution_id)}"
            error.args = (f"{error} `{command}` starts it again.",)
        raise
    if as_json:
        print_json(execution.to_json())
    else:
        key = (verb, execution.status)
        sentence = IMMEDIATE_OUTCOMES.get(key, OUTCOMES.get(verb, ""))
        print_text(sentence.format(name=execution.name))


def delete_run(execution_id: str, *, asks: bool, as_json: bool) -> int:
    """Delete it and all runs under it; wait until nothing of them is left in the files.

    `asks`: a person at the terminal, before. Gives the exit code.
    """
    client = make_client()
    execution = client.get_execution(execution_id)
    if asks and is_interactive():
        question = deletion_question(get_tree(client, execution.execution_id))
        if not is_deletion_confirmed(question):
            return INTERRUPTED
    _delete(client, execution, as_json=as_json)
    return SUCCESS


def deletion_question(tree: Tree) -> str:
    """What a person is asked who is about to delete a run, and all under it.

    What it has adopted stays: that belongs to the run that started it.
    """
    runs = [tree.execution]
    ids = {tree.execution_id}
    for run in tree.executions.values():  # Parents before children.
        if run.parent_id in ids and run.execution_id not in ids:
            ids.add(run.execution_id)
            runs.append(run)
    under = count_text(len(runs) - 1, "run", "runs")
    notebooks = sum(run.notebook_path is not None for run in runs)
    parts = [repr(one_line(tree.execution.name))]
    parts += [f"{under} under it"] if len(runs) > 1 else []
    parts += [count_text(notebooks, "output notebook", "output notebooks")]
    return f"Delete {', '.join(parts[:-1])} and {parts[-1]}, for good?"


def _delete(client: CommandClient, execution: Execution, *, as_json: bool) -> None:
    client.request("DELETE", f"/execution/{execution.execution_id}")
    with (
        interrupted_with(f"Interrupted. {execution.name!r} is deleted. {STILL_ERASED}"),
        client.note.shown("Removing it from the files of the home"),
    ):
        is_erased = _wait_until_erased(client)
    if as_json:
        values = {"execution_id": execution.execution_id, "is_erased": is_erased}
        print_json(values)
    elif is_erased:
        print_text(f"Deleted {execution.name!r}. Nothing of it is left in this home.")
    else:
        print_text(f"Deleted {execution.name!r}. {STILL_ERASED}")


def _wait_until_erased(client: Client) -> bool:
    """Whether the engine has removed from its files all that was deleted."""
    deadline = time.monotonic() + ERASE_SECONDS
    while client.get("/engine").get("is_erasing"):
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_SECONDS)
    return True
