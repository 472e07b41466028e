"""The magics: parse, ask the engine, display."""

import sys
from typing import Any

from IPython.core.magic import (
    Magics,
    cell_magic,
    line_magic,
    magics_class,
    no_var_expand,
)
from IPython.core.magic_arguments import argument, magic_arguments

from flowkernel.client.client import Client
from flowkernel.client.flow_source import current_environment
from flowkernel.core.errors import BadArgument
from flowkernel.core.models import Flow, FlowKind, OnLost
from flowkernel.core.status import ExecutionStatus
from flowkernel.display.table import Table
from flowkernel.magics.channel import channel_of
from flowkernel.magics.magic_arguments import inputs_of, parse, uses_of

FLOW_OPTIONS = frozenset({"--setup", "--on-lost", "--cell-timeout", "--description"})
RUN_OPTIONS = frozenset({"--name", "--no-wait", "--interactive"})
STATUSES = [status.value for status in ExecutionStatus]


@magics_class
class FlowMagics(Magics):
    """Register flows, run them, and look at what they did."""

    _kept_client: Client | None = None

    @property
    def _client(self) -> Client:
        """Made when it is first needed: loading the extension starts nothing."""
        if self._kept_client is None:
            client = Client()
            client.started_by = client.started_by.replace("(Python)", "(notebook)")
            self._kept_client = client
        # Each time: papermill may execute a notebook in which a person was just now.
        self._kept_client.channel = channel_of(self.shell)
        return self._kept_client

    @cell_magic
    @magic_arguments()
    @argument("name", help="Name of the flow.")
    @argument("--setup", metavar="NAME", help="A flow whose source is put in front.")
    @argument(
        "--on-lost",
        choices=[choice.value for choice in OnLost],
        default=OnLost.RUN_AGAIN.value,
        help="What follows when the worker of an execution is lost. Default: run_again.",
    )
    @argument(
        "--cell-timeout",
        type=float,
        metavar="SECONDS",
        help="Seconds one cell may take. Default: no limit.",
    )
    @argument("--description", metavar="TEXT", help="What it does, in quotes.")
    @argument(
        "--wrapper",
        metavar="NAME",
        help="Run it through this wrapper; may be repeated, outermost first. Parameters of "
        "the wrapper follow: --wrapper interactive --interactive-limit-minutes 10.",
    )
    def flow(self, line: str, cell: str) -> None:
        """Register the cell as a flow; it does not run yet.

        The cell defines `handler(system, this)` or `handler(system, this, inputs)`, or is
        plain statements that find `system`, `this` and `inputs` ready. It runs in a kernel
        of its own and sees no variable of this notebook.
        """
        line, wrappers = uses_of(line, "--wrapper", FLOW_OPTIONS, self.shell.user_ns)
        args = parse(FlowMagics.flow, line, marks="%%")
        if args.cell_timeout is not None and not args.cell_timeout > 0:
            raise BadArgument(
                f"--cell-timeout is {args.cell_timeout:g}; it takes seconds, more than 0."
            )
        setup = self._client.get_flow(args.setup).source if args.setup else ""
        self._check(args.name, cell, setup)
        flow = Flow(
            name=args.name,
            kind=FlowKind.CELL,
            source=cell,
            setup=args.setup,
            description=args.description,
            environment=current_environment(),
            on_lost=OnLost(args.on_lost),
            cell_timeout=args.cell_timeout,
            wrappers=wrappers,
        )
        flow = self._client.register(flow)
        sys.stdout.write(
            f"Registered {flow.name!r} (version {flow.flow_version[:8]}). "
            f"Start it with %flow_run {_quoted(flow.name)}.\n"
        )

    def _check(self, name: str, cell: str, setup: str) -> None:
        from flowkernel.client.source_check import check_source

        # IPython drops empty lines in front.
        left_out = len(cell) - len(cell.lstrip("\n"))
        checked = check_source(
            self.shell.transform_cell(cell),
            setup=self.shell.transform_cell(setup) if setup else "",
            offset=1 + left_out,
        )
        if checked.undefined:
            sys.stderr.write(_warning(name, checked.undefined) + "\n")

    @line_magic
    @no_var_expand
    @magic_arguments()
    @argument("target", help="A flow's name, or the path of an .ipynb or .py file.")
    @argument(
        "inputs",
        nargs="*",
        metavar="name=value",
        help="A Python literal (3, 'text', [1, 2]), a variable's name, {expression} or "
        "$name; anything else is text.",
    )
    @argument(
        "--name", metavar="NAME", help="Name of the execution. Default: the flow's."
    )
    @argument("--no-wait", action="store_true", help="Come back at once.")
    @argument(
        "--using",
        metavar="WRAPPER",
        help="Through this wrapper, with its parameters behind it: --using retry "
        "--max-tries 5.",
    )
    @argument(
        "--interactive",
        action="store_true",
        help="If it fails, wait for somebody to decide, however long that takes.",
    )
    def flow_run(self, line: str) -> Any:
        """Start a flow and show its tree until it has ended.

        The result is the Execution: `.output`, `.children`, `.notebook`, `.tree()`. When it
        fails, so does the cell. An interrupt asks whether to cancel it.
        """
        from flowkernel.magics.run_magic import run

        line, using = uses_of(line, "--using", RUN_OPTIONS, self.shell.user_ns)
        args = parse(FlowMagics.flow_run, line)
        inputs = inputs_of(args.inputs, self.shell.user_ns)
        return run(
            self.shell,
            self._client,
            args.target,
            inputs,
            name=args.name,
            waits=not args.no_wait,
            using=using,
            interactive=args.interactive,
        )

    @cell_magic
    @magic_arguments()
    @argument("name", help="Name of the wrapper.")
    @argument("--description", metavar="TEXT", help="What it does, in quotes.")
    def wrapper(self, line: str, cell: str) -> None:
        """Register the cell as a wrapper: a flow that runs another one.

        Its `handler(system, this, inputs)` finds what it wraps in `this.wrapped`. A literal
        `PARAMETERS = {"name": default}` says which parameters it takes.
        """
        args = parse(FlowMagics.wrapper, line, marks="%%")
        self._check(args.name, cell, "")
        flow = Flow(
            name=args.name,
            kind=FlowKind.CELL,
            source=cell,
            description=args.description,
            environment=current_environment(),
            is_wrapper=True,
        )
        self._client.register(flow)
        sys.stdout.write(
            f"Registered the wrapper {flow.name!r}. "
            f"Use it with %flow_run NAME --using {_quoted(flow.name)}.\n"
        )

    @line_magic
    @magic_arguments()
    def flows(self, line: str) -> Table:
        """List the flows, by name."""
        from flowkernel.display.columns import flow_table

        parse(FlowMagics.flows, line)
        return flow_table(self._client.list_flows())

    @line_magic
    @magic_arguments()
    @argument("--status", metavar="STATUS", help=f"Only these: {', '.join(STATUSES)}.")
    @argument("--flow", metavar="NAME", help="Only executions of this flow.")
    @argument("--limit", type=int, default=20, help="At most so many. Default: 20.")
    @argument(
        "--all",
        action="store_true",
        help="Also archived ones: tries that were repeated.",
    )
    def executions(self, line: str) -> Table:
        """List the latest executions, the newest first."""
        from flowkernel.display.columns import execution_table, parse_status

        args = parse(FlowMagics.executions, line)
        found = self._client.list_executions(
            status=parse_status(args.status),
            flow_name=args.flow,
            is_archived=None if args.all else False,
            limit=args.limit,
        )
        return execution_table(found)

    @line_magic
    @magic_arguments()
    @argument("id", help="Its id, or the beginning or end of it.")
    def execution(self, line: str) -> Any:
        """Show an execution and everything under it; the result is the Execution."""
        from flowkernel.magics.run_magic import show

        args = parse(FlowMagics.execution, line)
        return show(self._client, args.id)

    @line_magic
    @magic_arguments()
    def inbox(self, line: str) -> Table | None:
        """Show what waits for an answer, and answer it."""
        from flowkernel.magics.inbox_magic import show_inbox

        parse(FlowMagics.inbox, line)
        return show_inbox(self.shell, self._client)

    @cell_magic
    @magic_arguments()
    def flow_sql(self, line: str, cell: str) -> Any:
        """Ask the record in SQL: the tables execution, cell_run, event, flow, ...

        The result is a DataFrame of pandas or polars if one is installed, else a table.
        """
        from flowkernel.magics.dataframes import frame

        parse(FlowMagics.flow_sql, line, marks="%%")
        if not cell.strip():
            raise BadArgument("The cell has no question. Write SQL below %%flow_sql.")
        return frame(self._client.sql(cell))


def _quoted(name: str) -> str:
    return name if name.isidentifier() else repr(name)


def _warning(name: str, undefined: tuple[tuple[str, int], ...]) -> str:
    uses = ", ".join(f"`{word}` (line {line})" for word, line in undefined)
    it = "it" if len(undefined) == 1 else "them"
    return (
        f"The flow {name!r} uses {uses}, which it does not define: it runs in a kernel "
        f"of its own and sees no variable of this notebook. Define {it} in the cell, pass "
        f"{it} as an input (inputs[{undefined[0][0]!r}]), or put a shared cell in front "
        "with --setup NAME."
    )
