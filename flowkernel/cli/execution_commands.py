"""`flowkernel execution ...`: the options and the help of each command.

Imported for every help text, so what a command does is imported when it is called.
"""

from typing import Annotated

from flowkernel.cli.options import Argument, AsJson, Option

RunId = Annotated[
    str,
    Argument(
        metavar="ID",
        help="The id of a run, or its first or last characters, 4 or more.",
    ),
]
Status = Annotated[
    str | None,
    Option(
        ("--status",),
        metavar="STATUS",
        help="Only runs with this status: queued, running, waiting, paused, succeeded, "
        'failed, cancelled or "not started". Default: all.',
    ),
]
OfFlow = Annotated[
    str | None,
    Option(("--flow",), metavar="NAME", help="Only runs of this flow. Default: all."),
]
Limit = Annotated[
    int,
    Option(
        ("--limit",),
        metavar="COUNT",
        minimum=1,
        help="The largest number of runs to list.",
    ),
]
WithArchived = Annotated[
    bool,
    Option(
        ("--all",),
        help="Also archived runs, such as the earlier tries of the wrapper retry.",
    ),
]
Follow = Annotated[
    bool,
    Option(("-f", "--follow"), help="Print new lines too, until the run has ended."),
]


def list_executions(
    status: Status = None,
    flow: OfFlow = None,
    limit: Limit = 20,
    all: WithArchived = False,
    json: AsJson = False,
) -> None:
    """List the latest runs, the newest first.

    Examples:
        flowkernel execution list
        flowkernel execution list --flow report --status failed --limit 5
    """
    from flowkernel.cli import execution_operations

    execution_operations.list_executions(
        status, flow, limit, has_archived=all, as_json=json
    )


def show_execution(id: RunId, json: AsJson = False) -> None:
    """Show a run: its inputs, its output, its cells and its error.

    Examples:
        flowkernel execution show 1eacc1a0
    """
    from flowkernel.cli import execution_operations

    execution_operations.show_execution(id, as_json=json)


def show_tree(id: RunId, json: AsJson = False) -> None:
    """Show a run and all runs under it, as a tree.

    Examples:
        flowkernel execution tree 1eacc1a0
    """
    from flowkernel.cli import execution_operations

    execution_operations.show_tree(id, as_json=json)


def print_log(id: RunId, follow: Follow = False, json: AsJson = False) -> None:
    """Print what a run logged and printed.

    With --json, each line is one JSON object.

    Examples:
        flowkernel execution log 1eacc1a0
        flowkernel execution log --follow 1eacc1a0
    """
    from flowkernel.cli import execution_operations

    execution_operations.print_log(id, follows=follow, as_json=json)


def cancel_execution(id: RunId, json: AsJson = False) -> None:
    """Stop a run and all runs under it.

    Examples:
        flowkernel execution cancel 1eacc1a0
    """
    _act_on(id, "cancel", as_json=json)


def pause_execution(id: RunId, json: AsJson = False) -> None:
    """Pause a run after its current cell.

    Examples:
        flowkernel execution pause 1eacc1a0
    """
    _act_on(id, "pause", as_json=json)


def resume_execution(id: RunId, json: AsJson = False) -> None:
    """Continue a paused run.

    Examples:
        flowkernel execution resume 1eacc1a0
    """
    _act_on(id, "resume", as_json=json)


def retry_execution(id: RunId, json: AsJson = False) -> None:
    """Start a run again, as a new run of the same version.

    Runs under it that succeeded are not repeated: their output is used again.

    Examples:
        flowkernel execution retry 1eacc1a0
    """
    _act_on(id, "retry", as_json=json)


def delete_execution(id: RunId, json: AsJson = False) -> None:
    """Delete a run that has ended, and all runs under it, for good.

    Their rows, inputs, outputs, messages, logs and output notebooks are removed from the home.
    Copies that you made with `flowkernel backup` keep them.

    Examples:
        flowkernel execution delete 1eacc1a0
    """
    from flowkernel.cli import execution_operations

    execution_operations.delete_run(id, as_json=json)


def _act_on(execution_id: str, verb: str, *, as_json: bool) -> None:
    from flowkernel.cli import execution_operations

    execution_operations.act_on(execution_id, verb, as_json=as_json)
