"""`flowkernel execution ...`: the options and the help of each command.

Imported for every help text, so what a command does is imported when it is called.
"""

from collections.abc import Mapping
from typing import Annotated, Any

from flowkernel.cli.options import (
    Argument,
    AsCsv,
    AsJson,
    Complete,
    Detach,
    NoWait,
    Option,
    Words,
    Yes,
    one_of,
)
from flowkernel.core.status import LABELS, RetrySource
from flowkernel.display.list_options import (
    ALL,
    ALL_LEVELS,
    FAILED,
    FLOW,
    RUNNING,
    SINCE,
    STATUS,
    ListOption,
)


def _complete_run(_parameters: Mapping[str, Any], incomplete: str) -> Words:
    from flowkernel.cli.completion import complete_run

    return complete_run(incomplete)


def _complete_live_run(_parameters: Mapping[str, Any], incomplete: str) -> Words:
    from flowkernel.cli.completion import complete_run

    return complete_run(incomplete, is_ended=False)


def _complete_ended_run(_parameters: Mapping[str, Any], incomplete: str) -> Words:
    from flowkernel.cli.completion import complete_run

    return complete_run(incomplete, is_ended=True)


def _complete_flow(_parameters: Mapping[str, Any], incomplete: str) -> Words:
    from flowkernel.cli.completion import complete_flow

    return complete_flow(incomplete)


def _run_id(complete: Complete) -> Argument:
    help_text = "The id of a run, or its first or last characters, 4 or more."
    return Argument(metavar="ID", help=help_text, complete=complete)


def _list_option(option: ListOption, complete: Complete | None = None) -> Option:
    return Option((option.flag,), option.help, option.metavar, complete=complete)


RunId = Annotated[str, _run_id(_complete_run)]
LiveRunId = Annotated[str, _run_id(_complete_live_run)]
EndedRunId = Annotated[str, _run_id(_complete_ended_run)]
FirstId = Annotated[
    str,
    Argument(
        metavar="A",
        help="The id of a run, or its first or last characters, 4 or more.",
        complete=_complete_run,
    ),
]
SecondId = Annotated[
    str,
    Argument(metavar="B", help="The id of another run.", complete=_complete_run),
]
Status = Annotated[str | None, _list_option(STATUS, one_of(LABELS.values()))]
OfFlow = Annotated[str | None, _list_option(FLOW, _complete_flow)]
Since = Annotated[str | None, _list_option(SINCE)]
Failed = Annotated[bool, _list_option(FAILED)]
Running = Annotated[bool, _list_option(RUNNING)]
AllLevels = Annotated[bool, _list_option(ALL_LEVELS)]
Limit = Annotated[
    int,
    Option(
        ("--limit",),
        metavar="COUNT",
        minimum=1,
        help="The largest number of runs to list.",
    ),
]
WithArchived = Annotated[bool, _list_option(ALL)]
Source = Annotated[
    str | None,
    Option(
        ("--source",),
        metavar="SOURCE",
        help=f"Which source runs: {' or '.join(RetrySource)}, as the flow or its file is now. "
        "Default: recorded; if it has changed, a person at the terminal is asked.",
        complete=one_of(RetrySource),
    ),
]
Follow = Annotated[
    bool,
    Option(("-f", "--follow"), help="Print new lines too, until the run has ended."),
]


WithIds = Annotated[
    bool, Option(("--ids",), help="Begin each line with the id of the run.")
]
Whole = Annotated[
    bool, Option(("--all",), help="Show each run, and each text to its end.")
]
NoTimes = Annotated[
    bool,
    Option(("--no-times",), help="Print the text alone, without times and streams."),
]


def list_executions(
    status: Status = None,
    flow: OfFlow = None,
    since: Since = None,
    failed: Failed = False,
    running: Running = False,
    limit: Limit = 20,
    all_levels: AllLevels = False,
    all: WithArchived = False,
    json: AsJson = False,
    csv: AsCsv = False,
) -> None:
    """List the latest runs, the newest first.

    Runs that other runs started are left out; `flowkernel execution tree` shows them.

    Examples:
        flowkernel execution list
        flowkernel execution list --failed --since "2 hours"
        flowkernel execution list --flow report --all-levels --limit 5
    """
    from flowkernel.cli import execution_operations
    from flowkernel.cli.output import OutputForm
    from flowkernel.display.columns import list_filters

    filters = list_filters(
        status, since, flow, is_failed=failed, is_running=running, has_archived=all
    )
    form = OutputForm.of(json=json, csv=csv)
    level = None if all_levels or all else "root"
    execution_operations.list_executions(form, limit=limit, level=level, **filters)


def show_execution(id: RunId, json: AsJson = False, csv: AsCsv = False) -> None:
    """Show a run: its inputs, its output, its cells and its error.

    Examples:
        flowkernel execution show 1eacc1a0
    """
    from flowkernel.cli import execution_operations
    from flowkernel.cli.output import OutputForm

    execution_operations.show_execution(id, OutputForm.of(json=json, csv=csv))


def compare_executions(
    first: FirstId, second: SecondId, json: AsJson = False, csv: AsCsv = False
) -> None:
    """Show what differs between two runs.

    Their source, inputs, output and environment are compared.

    Examples:
        flowkernel execution diff 1eacc1a0 5c0ffee5
    """
    from flowkernel.cli import execution_comparison
    from flowkernel.cli.output import OutputForm

    form = OutputForm.of(json=json, csv=csv)
    execution_comparison.compare_runs(first, second, form)


def show_tree(
    id: RunId,
    ids: WithIds = False,
    all: Whole = False,
    json: AsJson = False,
    csv: AsCsv = False,
) -> None:
    """Show a run and all runs under it, as a tree.

    A terminal shows some of many runs that are alike, and the beginning of long texts.
    With --all, and in a pipe, each run has its line, and nothing is cut off.

    Examples:
        flowkernel execution tree 1eacc1a0
        flowkernel execution tree 1eacc1a0 --all
    """
    from flowkernel.cli import execution_operations
    from flowkernel.cli.output import OutputForm

    form = OutputForm.of(json=json, csv=csv)
    execution_operations.show_tree(id, form, has_ids=ids, is_whole=all)


def print_log(
    id: RunId,
    follow: Follow = False,
    no_times: NoTimes = False,
    json: AsJson = False,
    csv: AsCsv = False,
) -> None:
    """Print what a run logged and printed.

    Each line begins with its time and its stream. With --json, it is one JSON object.

    Examples:
        flowkernel execution log 1eacc1a0
        flowkernel execution log --follow 1eacc1a0
    """
    from flowkernel.cli import execution_operations
    from flowkernel.cli.output import OutputForm

    form = OutputForm.of(json=json, csv=csv)
    execution_operations.print_log(id, form, follows=follow, has_times=not no_times)


def cancel_execution(id: LiveRunId, json: AsJson = False) -> None:
    """Stop a run and all runs under it.

    Examples:
        flowkernel execution cancel 1eacc1a0
    """
    _act_on(id, "cancel", as_json=json)


def pause_execution(id: LiveRunId, json: AsJson = False) -> None:
    """Pause a run after its current cell.

    Examples:
        flowkernel execution pause 1eacc1a0
    """
    _act_on(id, "pause", as_json=json)


def resume_execution(id: LiveRunId, json: AsJson = False) -> None:
    """Continue a paused run.

    Examples:
        flowkernel execution resume 1eacc1a0
    """
    _act_on(id, "resume", as_json=json)


def release_kernel(id: EndedRunId, json: AsJson = False) -> None:
    """End the kernel that a run has kept.

    A run that was started with `flowkernel run --keep-kernel` keeps it after its end.

    Examples:
        flowkernel execution release 1eacc1a0
    """
    _act_on(id, "release_kernel", as_json=json)


def retry_execution(
    id: EndedRunId,
    source: Source = None,
    no_wait: NoWait = False,
    detach: Detach = False,
    json: AsJson = False,
) -> int:
    """Start a run again, as a new run, and show its progress.

    Runs under it that succeeded are not repeated: their output is used again.

    Examples:
        flowkernel execution retry 1eacc1a0
        flowkernel execution retry 1eacc1a0 --source current
    """
    from flowkernel.cli import execution_retry

    return execution_retry.retry_run(
        id, source, waits=not no_wait, detaches=detach, as_json=json
    )


def delete_execution(id: EndedRunId, yes: Yes = False, json: AsJson = False) -> int:
    """Delete a run that has ended, and all runs under it, for good.

    Their rows, inputs, outputs, messages, logs and output notebooks are removed from the home.
    Copies that you made with `flowkernel backup` keep them.

    Examples:
        flowkernel execution delete 1eacc1a0
    """
    from flowkernel.cli import execution_operations

    return execution_operations.delete_run(id, asks=not (yes or json), as_json=json)


def _act_on(execution_id: str, verb: str, *, as_json: bool) -> None:
    from flowkernel.cli import execution_operations

    execution_operations.act_on(execution_id, verb, as_json=as_json)
