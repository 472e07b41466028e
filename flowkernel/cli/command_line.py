"""Every command: its arguments and its help. What it does is imported when it is called."""

from typing import Annotated

import typer

app = typer.Typer(
    name="flowkernel",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


def _group(name: str, help: str) -> typer.Typer:
    group = typer.Typer(help=help, no_args_is_help=True, rich_markup_mode=None)
    app.add_typer(group, name=name)
    return group


flow = _group("flow", "Flows: named notebooks, scripts and cells.")
execution = _group("execution", "Executions: what ran, runs, or will run.")
message = _group("message", "Messages: what executions tell and ask people.")
engine = _group("engine", "The engine of this home.")

AsJson = Annotated[bool, typer.Option("--json", help="For programs: JSON on stdout.")]
Id = Annotated[
    str,
    typer.Argument(
        metavar="ID", help="The id, or the beginning or end of it.", show_default=False
    ),
]
FlowName = Annotated[str, typer.Argument(metavar="NAME", help="The flow's name.")]


@app.callback(invoke_without_command=False)
def _flowkernel(
    version: Annotated[
        bool, typer.Option("--version", help="Say the version.")
    ] = False,
) -> None:
    """Notebook cells and notebooks become flows: run in their own kernels, and recorded."""


@app.command()
def run(
    target: Annotated[
        str,
        typer.Argument(
            metavar="TARGET", help="A flow's name, or a path to .ipynb or .py."
        ),
    ],
    parameter: Annotated[
        list[str] | None,
        typer.Option(
            "-p",
            "--parameter",
            metavar="NAME VALUE",
            help="An input; may be repeated. true, false, none, numbers, and JSON in [], "
            '{} or "" are what they look like; anything else is text.',
        ),
    ] = None,
    name: Annotated[
        str | None, typer.Option("--name", metavar="N", help="Name of the execution.")
    ] = None,
    no_wait: Annotated[
        bool, typer.Option("--no-wait", help="Print the id and come back at once.")
    ] = False,
    using: Annotated[
        list[str] | None,
        typer.Option(
            "--using",
            metavar="WRAPPER",
            help="Through a wrapper (interactive, retry, ...); its parameters follow as "
            "options: --using retry --max-tries 5.",
        ),
    ] = None,
    interactive: Annotated[
        bool,
        typer.Option("--interactive", help="If it fails, wait for somebody to decide."),
    ] = False,
    json: AsJson = False,
) -> int:
    """Run a flow, a notebook or a script, and show how it goes."""
    from flowkernel.cli.run_command import run

    return run(
        target,
        parameter or [],
        name=name,
        waits=not no_wait,
        as_json=json,
        using=using or [],
        interactive=interactive,
    )


@flow.command("list")
def flow_list(json: AsJson = False) -> None:
    """List the flows, by name."""
    from flowkernel.cli.flow_commands import list_flows

    list_flows(as_json=json)


@flow.command("show")
def flow_show(name: FlowName, json: AsJson = False) -> None:
    """Show a flow and its source."""
    from flowkernel.cli.flow_commands import show_flow

    show_flow(name, as_json=json)


@flow.command("register")
def flow_register(
    path: Annotated[str, typer.Argument(metavar="PATH", help="An .ipynb or .py file.")],
    name: Annotated[
        str | None,
        typer.Option(
            "--name", metavar="N", help="Default: the file's, less its ending."
        ),
    ] = None,
    json: AsJson = False,
) -> None:
    """Give a notebook or a script a name."""
    from flowkernel.cli.flow_commands import register_flow

    register_flow(path, name, as_json=json)


@flow.command("wrap")
def flow_wrap(
    name: FlowName,
    using: Annotated[
        list[str] | None,
        typer.Option(
            "--using",
            metavar="WRAPPER",
            help="As for run; may be repeated, outermost first. Without: no wrapper.",
        ),
    ] = None,
    json: AsJson = False,
) -> None:
    """Have every execution of a flow go through wrappers."""
    from flowkernel.cli.flow_commands import wrap_flow

    wrap_flow(name, using or [], as_json=json)


@flow.command("delete")
def flow_delete(name: FlowName, json: AsJson = False) -> None:
    """Forget a name. Versions that ran are kept."""
    from flowkernel.cli.flow_commands import delete_flow

    delete_flow(name, as_json=json)


@execution.command("list")
def execution_list(
    status: Annotated[
        str | None,
        typer.Option("--status", metavar="S", help="running, failed, ENDED_ERROR, ..."),
    ] = None,
    flow: Annotated[
        str | None, typer.Option("--flow", metavar="F", help="Of this flow.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="At most so many.")] = 20,
    everything: Annotated[
        bool,
        typer.Option("--all", help="Also archived ones: tries that were repeated."),
    ] = False,
    json: AsJson = False,
) -> None:
    """List the latest executions, the newest first."""
    from flowkernel.cli.execution_commands import list_executions

    list_executions(status, flow, limit, everything=everything, as_json=json)


@execution.command("show")
def execution_show(id: Id, json: AsJson = False) -> None:
    """Show an execution, its cell runs and its error."""
    from flowkernel.cli.execution_commands import show_execution

    show_execution(id, as_json=json)


@execution.command("tree")
def execution_tree(id: Id, json: AsJson = False) -> None:
    """Show an execution and everything under it."""
    from flowkernel.cli.execution_commands import show_tree

    show_tree(id, as_json=json)


@execution.command("log")
def execution_log(
    id: Id,
    follow: Annotated[
        bool, typer.Option("-f", "--follow", help="Go on until it ends.")
    ] = False,
    json: AsJson = False,
) -> None:
    """Print what an execution logged and printed."""
    from flowkernel.cli.execution_commands import print_log

    print_log(id, follows=follow, as_json=json)


def _add_verb(verb: str, help: str) -> None:
    @execution.command(verb, help=help)
    def act(id: Id, json: AsJson = False) -> None:
        from flowkernel.cli.execution_commands import act_on

        act_on(id, verb, as_json=json)


_add_verb("cancel", "Stop an execution and everything under it.")
_add_verb("pause", "Let an execution stop after the cell that runs now.")
_add_verb("resume", "Let a paused execution go on.")
_add_verb(
    "retry", "Run it once more, as a new execution. What succeeded is not run twice."
)


@message.command("list")
def message_list(
    everything: Annotated[
        bool, typer.Option("--all", help="Also what waits for no answer.")
    ] = False,
    json: AsJson = False,
) -> None:
    """List the messages that wait for an answer, the newest first."""
    from flowkernel.cli.message_commands import list_messages

    list_messages(is_open=not everything, as_json=json)


@message.command("show")
def message_show(id: Id, json: AsJson = False) -> None:
    """Show a message, and how to answer it."""
    from flowkernel.cli.message_commands import show_message

    show_message(id, as_json=json)


@message.command("answer")
def message_answer(
    id: Id,
    button: Annotated[
        str | None,
        typer.Argument(
            metavar="BUTTON",
            help="The button to press, by its name or label; needed if there are several.",
        ),
    ] = None,
    parameter: Annotated[
        list[str] | None,
        typer.Option(
            "-p",
            "--parameter",
            metavar="NAME VALUE",
            help="What is filled in; may be repeated. For a file, its path.",
        ),
    ] = None,
    json: AsJson = False,
) -> None:
    """Answer a message, once and for all."""
    from flowkernel.cli.message_commands import answer_message

    answer_message(id, button, parameter or [], as_json=json)


@app.command()
def sql(
    question: Annotated[str, typer.Argument(metavar='"SELECT ..."', help="Read-only.")],
    json: AsJson = False,
    csv: Annotated[bool, typer.Option("--csv", help="Comma-separated values.")] = False,
) -> None:
    """Ask the record: the tables execution, cell_run, event, flow, message, ..."""
    from flowkernel.cli.record_commands import ask_sql

    ask_sql(question, as_json=json, as_csv=csv)


@app.command()
def backup(
    file: Annotated[str, typer.Argument(metavar="FILE", help="Must not exist yet.")],
    json: AsJson = False,
) -> None:
    """Copy the record into a file, while everything goes on."""
    from flowkernel.cli.record_commands import back_up

    back_up(file, as_json=json)


@app.command()
def prune(
    older_than: Annotated[
        str | None,
        typer.Option("--older-than", metavar="AGE", help="Such as 30d, 12h or 6w."),
    ] = None,
    keep: Annotated[
        int | None,
        typer.Option("--keep", metavar="N", min=0, help="Families, the newest."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would go.")
    ] = False,
    json: AsJson = False,
) -> None:
    """Let families go that ended, while everything goes on."""
    from flowkernel.cli.record_commands import prune

    prune(older_than, keep, is_dry=dry_run, as_json=json)


@app.command()
def compact(json: AsJson = False) -> None:
    """Give the free room in the database back, while everything goes on."""
    from flowkernel.cli.record_commands import compact

    compact(as_json=json)


@app.command()
def rebuild(json: AsJson = False) -> None:
    """Make the database anew from its journal. The engine must be stopped."""
    from flowkernel.cli.record_commands import rebuild

    rebuild(as_json=json)


@engine.command("start")
def engine_start(json: AsJson = False) -> None:
    """Start the engine, if it does not run. Other commands do so by themselves."""
    from flowkernel.cli.engine_commands import start_engine

    start_engine(as_json=json)


@engine.command("stop")
def engine_stop(
    force: Annotated[
        bool, typer.Option("--force", help="Even if executions are under way.")
    ] = False,
    json: AsJson = False,
) -> None:
    """Stop the engine. What is recorded stays; the next command starts it again."""
    from flowkernel.cli.engine_commands import stop_engine

    stop_engine(force=force, as_json=json)


@engine.command("status")
def engine_status(json: AsJson = False) -> int:
    """Say how the engine is. Never starts it."""
    from flowkernel.cli.engine_commands import engine_status

    return engine_status(as_json=json)


@app.command()
def doctor(json: AsJson = False) -> int:
    """Look at everything flowkernel needs here, and say what to do about what is wrong."""
    from flowkernel.cli.doctor import examine

    return examine(as_json=json)
