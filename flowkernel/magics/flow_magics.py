"""The magics: parse the line, ask the engine, display.

An option of a magic is declared once, above it; the help of a magic is its docstring with
the options behind it.
"""

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
from flowkernel.core.status import RetrySource
from flowkernel.display import list_options
from flowkernel.display.table import Table
from flowkernel.magics.channel import channel_of
from flowkernel.magics.flow_notes import (
    print_parameters,
    quoted,
    register_cell,
    warn_of_names,
)
from flowkernel.magics.magic_arguments import (
    WrapperArgument,
    attendance_in,
    inputs_of,
    list_argument,
    parse,
    texts_of,
)
from flowkernel.magics.notebook_client import NotebookClient


@magics_class
class FlowMagics(Magics):
    """Register flows, run them, and look at what they did."""

    _cached_client: Client | None = None

    @property
    def _client(self) -> Client:
        """Made when it is first needed: loading the extension starts nothing."""
        if self._cached_client is None:
            self._cached_client = NotebookClient()
        # Each time: papermill may execute a notebook that a person used before.
        self._cached_client.channel = channel_of(self.shell)
        return self._cached_client

    @cell_magic
    @magic_arguments("%flow")  # IPython puts one % before it, for a line magic.
    @argument("name", help="The name of the flow.")
    @argument(
        "--setup",
        metavar="NAME",
        help="A flow whose source runs before this one, as a cell of its own.",
    )
    @argument(
        "--on-lost",
        choices=[choice.value for choice in OnLost],
        default=OnLost.RUN_AGAIN.value,
        help="What to do if the worker of a run is lost. Default: run_again.",
    )
    @argument(
        "--cell-timeout",
        type=float,
        metavar="SECONDS",
        help="How long one cell may take, in seconds. Default: no limit.",
    )
    @argument("--description", metavar="TEXT", help="What the flow does, in quotes.")
    @argument(
        "--param",
        action="append",
        metavar="NAME",
        help="A parameter of the flow, in quotes, with its type and default: "
        "--param 'day: date = today'. May be repeated. Other names are then refused.",
    )
    @WrapperArgument(
        "--wrapper",
        metavar="WRAPPER",
        help="Every run goes through this wrapper. May be repeated, the outermost first. "
        "The parameters of the wrapper follow it as options: --wrapper interactive "
        "--interactive-limit-minutes 10. Default: no wrapper.",
    )
    def flow(self, line: str, cell: str) -> None:
        """Register the cell as a flow; it does not run yet.

        The cell defines `handler(system, this)` or `handler(system, this, inputs)`, or is
        plain statements that find `system`, `this` and `inputs` ready. It runs in a kernel
        of its own and sees no variable of this notebook.

        Examples:
            %%flow fetch --cell-timeout 60 --description "Fetches the sales of a day."
            %%flow report --setup shared --wrapper retry --max-tries 5
            %%flow report --param "day: date = today" --param "rate: float"
        """
        args = parse(FlowMagics.flow, line, self.shell.user_ns)
        if args.cell_timeout is not None and not args.cell_timeout > 0:
            raise BadArgument(
                f"--cell-timeout is {args.cell_timeout:g}; it takes seconds, more than 0."
            )
        setup = self._client.get_flow(args.setup).source if args.setup else ""
        warn_of_names(self.shell, args.name, cell, setup)
        flow, notes = self._register(
            name=args.name,
            source=cell,
            setup=args.setup,
            description=args.description,
            on_lost=OnLost(args.on_lost),
            cell_timeout=args.cell_timeout,
            wrappers=args.wrapper,
            parameters=args.param,
        )
        sys.stdout.write(
            f"Registered {flow.name!r} (version {flow.flow_version[:8]}). "
            f"Start it with %flow_run {quoted(flow.name)}.\n{notes}"
        )

    def _register(self, **fields: Any) -> tuple[Flow, str]:
        """Register a cell of this notebook; the flow, and lines about what it replaces."""
        flow = Flow(kind=FlowKind.CELL, environment=current_environment(), **fields)
        return register_cell(self._client, flow)

    @line_magic
    @no_var_expand
    @magic_arguments()
    @argument(
        "target", help="The name of a flow, or the path of an .ipynb or .py file."
    )
    @argument(
        "inputs",
        nargs="*",
        metavar="name=value",
        help="An input of the flow: a Python literal (3, 'text', [1, 2]), the name of a "
        "variable, {expression} or $name; anything else is text.",
    )
    @argument(
        "--name",
        metavar="NAME",
        help="Name of this run. Default: the name of the flow.",
    )
    @argument(
        "--no-wait",
        action="store_true",
        help="Return at once. Default: wait until the run has ended.",
    )
    @WrapperArgument(
        "--using",
        metavar="WRAPPER",
        help="Run it through this wrapper. May be repeated, the outermost first. The "
        "parameters of the wrapper follow it as options: --using retry --max-tries 5. "
        "Default: only the wrappers of the flow.",
    )
    @argument(
        "--interactive",
        action="store_true",
        help="If it fails, wait until a person decides, without a time limit.",
    )
    @argument(
        "--attended", action="store_true", help="A person is there, to ask if it fails."
    )
    @argument(
        "--unattended", action="store_true", help="Nobody is there: it fails at once."
    )
    @argument(
        "--allow-extra",
        action="store_true",
        help="Pass inputs on that the flow does not declare. Default: they are refused.",
    )
    @argument(
        "-k",
        "--kernel",
        metavar="NAME",
        help="Another kernel for this run alone: its name, or the folder of a venv or conda "
        "environment. Default: that of the flow.",
    )
    @argument(
        "--keep-kernel",
        action="store_true",
        help="Keep the kernel after the end. Default: it ends with the run.",
    )
    @argument(
        "--help",
        action="store_true",
        help="List the parameters that the target declares, as %%flow_run TARGET? does.",
    )
    def flow_run(self, line: str) -> Any:
        """Run a flow, a notebook or a script, and show its tree until it has ended.

        The result is the Execution: `.output`, `.children`, `.notebook`, `.tree()`. When it
        fails, so does the cell. An interrupt asks whether to cancel the run.

        Examples:
            %flow_run square n=3
            execution = %flow_run report.ipynb day="2026-01-01" --no-wait
            %flow_run report --using retry --max-tries 5
        """
        from flowkernel.api import start
        from flowkernel.flow_api import current
        from flowkernel.flow_api.execution import start_child
        from flowkernel.magics import execution_display

        args = parse(FlowMagics.flow_run, line, self.shell.user_ns)
        if args.help:
            return print_parameters(self._client, args.target)
        inputs = inputs_of(args.inputs, self.shell.user_ns)
        options = {"name": args.name, "using": args.using, "extra": args.allow_extra}
        options |= {"kernel": args.kernel, "texts": texts_of(args.inputs, inputs)}
        options["keep_kernel"] = args.keep_kernel
        parent = current()
        if parent is not None:
            child = start_child(parent, args.target, inputs, **options)
            if args.no_wait:
                return child
            return execution_display.wait_for_child(parent, child)
        options |= {"interactive": args.interactive, "attended": attendance_in(args)}
        execution = start(self._client, args.target, inputs, **options)
        if not args.no_wait:
            return execution_display.watch_execution(
                self.shell, self._client, execution
            )
        execution_display.watch_in_background(self.shell, self._client, execution)
        return execution

    @cell_magic
    @magic_arguments("%wrapper")
    @argument("name", help="The name of the wrapper.")
    @argument("--description", metavar="TEXT", help="What the wrapper does, in quotes.")
    def wrapper(self, line: str, cell: str) -> None:
        """Register the cell as a wrapper: a flow that runs another one.

        Its `handler(system, this, inputs)` has the flow it wraps as `this.wrapped`. A
        literal `PARAMETERS = {"name": default}` says which parameters it takes.

        Examples:
            %%wrapper on_workdays --description "Runs the flow on workdays only."
        """
        args = parse(FlowMagics.wrapper, line)
        warn_of_names(self.shell, args.name, cell, "")
        flow, notes = self._register(
            name=args.name,
            source=cell,
            description=args.description,
            is_wrapper=True,
        )
        sys.stdout.write(
            f"Registered the wrapper {flow.name!r}. "
            f"Use it with %flow_run NAME --using {quoted(flow.name)}.\n{notes}"
        )

    @line_magic
    @magic_arguments()
    def flows(self, line: str) -> Table:
        """List the flows, by name.

        Examples:
            %flows
        """
        from flowkernel.display.columns import flow_table

        parse(FlowMagics.flows, line)
        return flow_table(self._client.list_flows())

    @line_magic
    @magic_arguments()
    @list_argument(list_options.STATUS)
    @list_argument(list_options.FLOW)
    @list_argument(list_options.SINCE)
    @list_argument(list_options.FAILED)
    @list_argument(list_options.RUNNING)
    @list_argument(list_options.ALL_LEVELS)
    @argument(
        "--limit",
        type=int,
        default=20,
        metavar="COUNT",
        help="The largest number of runs to list. Default: 20.",
    )
    @list_argument(list_options.ALL)
    def executions(self, line: str) -> Table:
        """List the latest runs, the newest first.

        Runs that other runs started are left out; %execution ID shows them.

        Examples:
            %executions
            %executions --failed --since '2 hours'
            %executions --flow report --all-levels --limit 5
        """
        from flowkernel.display.columns import execution_table, list_filters

        args = parse(FlowMagics.executions, line)
        filters = list_filters(
            args.status,
            args.since,
            args.flow,
            is_failed=args.failed,
            is_running=args.running,
            has_archived=args.all,
        )
        filters |= {
            "level": None if args.all_levels or args.all else "root",
            "limit": args.limit,
        }
        return execution_table(self._client.list_executions(**filters))

    @line_magic
    @magic_arguments()
    @argument(
        "id", help="The id of the run, or its first or last characters, 4 or more."
    )
    @argument(
        "--retry",
        action="store_true",
        help="Run it again, and show it until it has ended. What succeeded is kept.",
    )
    @argument(
        "--source",
        choices=[*RetrySource],
        help="Of a retry: the source of then, or the current one. Default: recorded.",
    )
    @argument(
        "--copy",
        action="store_true",
        help="Copy its output notebook to the folder of this notebook, and link to it.",
    )
    def execution(self, line: str) -> Any:
        """Show a run, all runs under it, and why it failed; the result is the Execution.

        Examples:
            %execution 1eacc1a0
            execution = %execution 1eacc1a0 --retry --source current
            %execution 1eacc1a0 --copy
        """
        from flowkernel.magics import execution_display
        from flowkernel.magics.notebook_copy import copy_notebook

        args = parse(FlowMagics.execution, line)
        if args.copy:
            return copy_notebook(self._client, args.id)
        return execution_display.show_or_retry(self.shell, self._client, args)

    @line_magic
    @magic_arguments()
    def inbox(self, line: str) -> Table | None:
        """Show the messages that wait for an answer, with their forms and buttons.

        In a terminal you answer them one after the other. Where no person can answer, the
        result is a table.

        Examples:
            %inbox
        """
        from flowkernel.magics.inbox_magic import show_inbox

        parse(FlowMagics.inbox, line)
        return show_inbox(self.shell, self._client)

    @cell_magic
    @magic_arguments("%flow_sql")
    def flow_sql(self, line: str, cell: str) -> Any:
        """Query the database of this home in SQL, written in the cell.

        The tables are execution, cell_run, event, flow, flow_version, message and others.
        The result is a DataFrame of pandas or polars if one is installed, else a table.

        Examples:
            %%flow_sql
        """
        from flowkernel.magics.dataframes import data_frame

        parse(FlowMagics.flow_sql, line)
        if not cell.strip():
            raise BadArgument("The cell is empty. Write a query below %%flow_sql.")
        return data_frame(self._client.sql(cell, on_wait=print))
