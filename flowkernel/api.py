"""What `import flowkernel` offers: run, register and list flows, and query the record."""

from functools import lru_cache
from pathlib import Path
from typing import Any

from flowkernel.client.client import Client
from flowkernel.client.flow_source import kernel_fields, read_source, start_request
from flowkernel.core.errors import FlowNotFound
from flowkernel.core.models import Flow, FlowKind, Json, OnLost
from flowkernel.display.table import Table
from flowkernel.flow_api import Execution, current
from flowkernel.flow_api.execution import start_child
from flowkernel.home import Home, find_home

#: A home, or its folder; None: the home of the current folder.
HomeLike = Home | Path | str | None


def run(
    target: str,
    /,
    *,
    name: str | None = None,
    home: HomeLike = None,
    inputs: dict[str, Any] | None = None,
    using: list[Json] | None = None,
    interactive: bool = False,
    attended: bool | None = None,
    extra: bool = False,
    environ: dict[str, str] | None = None,
    kernel: str | None = None,
    keep_kernel: bool = False,
    **more_inputs: Any,
) -> Execution:
    """Start a flow, and return its execution at once; `.wait()` waits for the end.

    Its name is that of the flow, unless `name` is given. In a flow's own kernel it is a child
    of that flow. Example: `execution = flowkernel.run("report", day=date(2026, 1, 1)).wait()`.

    Args:
        target: The name of a flow, or the path of a notebook or script.
        inputs: By name, with those given as keywords: JSON, and what has a form in it (a date).
        using: Wrappers, outermost first: `[{"name": "retry", "inputs": {"max_tries": 5}}]`.
        interactive: If it fails, wait for a person's decision, however long that takes.
        attended: Whether a person is there to be asked. Default: if one was active lately.
        extra: Whether names that the flow does not declare are passed on.
        environ: Environment variables that this run sees besides those of this process.
        kernel: Another one for this run alone: its name, or the folder of an environment.
        keep_kernel: Whether its kernel is kept after its end, with its variables.

    Raises:
        FlowNotFound, FileMissing, BadArgument: It cannot be run, or not with these inputs.
    """
    inputs, client = {**(inputs or {}), **more_inputs}, client_of(home)
    options: Json = {"name": name, "using": using, "extra": extra, "kernel": kernel}
    options["keep_kernel"] = keep_kernel
    of_root = {"interactive": interactive, "attended": attended, "environ": environ}
    return _start_here(client, target, inputs, options, of_root)


def _start_here(
    client: Client, target: str, inputs: dict[str, Json], options: Json, of_root: Json
) -> Execution:
    """Start a flow: in the kernel of a flow as its child, else as a root.

    Args:
        of_root: Options of a root alone.
    """
    if (parent := current()) is not None:
        client.own_environ(of_root["environ"])  # It refuses those of a flow.
        return start_child(parent, target, inputs, **options)
    return start(client, target, inputs, **options, **of_root)


def start(
    client: Client,
    target: str,
    inputs: dict[str, Json],
    *,
    name: str | None = None,
    using: list[Json] | None = None,
    interactive: bool = False,
    attended: bool | None = None,
    extra: bool = False,
    texts: dict[str, str] | None = None,
    environ: dict[str, str] | None = None,
    kernel: str | None = None,
    keep_kernel: bool = False,
) -> Execution:
    """Start a flow as a root. `inputs` and `texts` are those of `start_request`.

    Raises:
        FlowNotFound, FileMissing, BadArgument: It cannot be run, or not with these inputs.
    """
    options = {"name": name, "using": using or [], "is_interactive": interactive}
    if attended is not None:  # An engine of the version before does not know it.
        options["is_attended"] = attended
    options |= kernel_fields(kernel, is_kept=keep_kernel)
    request = start_request(target, inputs, extra=extra, texts=texts)
    if "source" in request and not client.home.engine_file.exists():
        _check_early(request)
    record = client.start({**request, **options, **client.own_environ(environ)})
    return as_object(client, record.to_json())


def _check_early(request: dict[str, Json]) -> None:
    """Refuse at once what cannot start; the engine, which checks all, takes seconds to start.

    `request`: with the source of a file.
    """
    from flowkernel.core.handler_source import check_handler
    from flowkernel.core.signature_reader import read_signature
    from flowkernel.forms.input_check import InputCheck, PassedInputs

    source = request["source"]
    name, kind, text = source["name"], FlowKind(source["kind"]), source["source"]
    check_handler(name, kind, text)
    signature = read_signature(kind, text)
    inputs = PassedInputs(
        values=request["inputs"],
        texts=request.get("texts", {}),
        allow_extra=request.get("allow_extra", False),
    )
    InputCheck.of(signature).check(name, inputs)


def register(
    path: str | Path,
    /,
    *,
    name: str | None = None,
    home: HomeLike = None,
    setup: str | None = None,
    description: str | None = None,
    on_lost: OnLost | str = OnLost.RUN_AGAIN,
    cell_timeout: float | None = None,
    using: list[Json] | None = None,
) -> Flow:
    """Give a notebook or a script a name, so that it can be started by that name.

    A flow that has this name is replaced. What runs keeps its source.

    Example::

        flowkernel.register("reports/monthly.ipynb", name="report", cell_timeout=600)

    Args:
        path: An `.ipynb` or `.py` file.
        name: Default: that of the file, without its suffix.
        setup: The name of a flow whose source runs before that of this one.
        description: Shown in lists of flows.
        on_lost: `run_again` or `fail`: what follows when its worker is lost.
        cell_timeout: Seconds for one cell. Default: no limit.
        using: Wrappers that its runs go through, as for `run`. Default: none.

    Raises:
        FileMissing, NotANotebook, BadArgument: The file cannot be read.
        BadName: The name is empty, too long, or has a slash.
    """
    options: Json = {"setup": setup, "description": description, "on_lost": on_lost}
    options |= {"cell_timeout": cell_timeout, "using": using}
    return client_of(home).register(file_flow(str(path), name=name, **options))


def file_flow(
    path: str, *, name: str | None, using: list[Json] | None = None, **options: Json
) -> Flow:
    """A file as the flow to register. `options`: fields of a flow.

    Raises:
        FileMissing, NotANotebook, BadArgument: It cannot be read, or not be called.
    """
    from flowkernel.core.handler_source import check_handler

    fields = read_source(path) | options
    fields["name"] = name or fields["name"]
    flow = Flow.from_json({**fields, "wrappers": using or []})
    check_handler(flow.name, flow.kind, flow.source)
    return flow


def find_flow(name: str, *, home: HomeLike = None) -> Flow | None:
    """The flow with this name; None if there is none.

    Example::

        flow = flowkernel.find_flow("report")
        flow.kind, flow.registered_at
    """
    try:
        return client_of(home).get_flow(name)
    except FlowNotFound:
        return None


def list_executions(*, home: HomeLike = None, **filters: Any) -> list[Execution]:
    """Executions, the newest first, archived ones included.

    Example::

        flowkernel.list_executions(flow_name="report", status="ENDED_ERROR", limit=5)

    Args:
        home: The home to list. Default: that of the current folder.
        filters: `status` (a stored value, such as `ENDED_ERROR`), `flow_name`, `parent_id`,
            `root_id`, `is_archived`; `level="root"`: only those that no other one started;
            `is_ended`; `since` (a datetime); `limit` (1 to 10,000, by default 50); `cursor`,
            the id of the last execution of the page before.
    """
    client = client_of(home)
    records = client.list_executions(**filters)
    return [as_object(client, record.to_json()) for record in records]


def sql(question: str, *, home: HomeLike = None) -> Table:
    """The result of an SQL query over the tables of a home, which it can only read.

    Example::

        table = flowkernel.sql("SELECT name, status FROM execution LIMIT 5")
        table.to_dicts()

    Args:
        question: One `SELECT` in the SQL of DuckDB, over `execution`, `cell_run`, `event`,
            `flow`, ...
        home: The home to query. Default: that of the current folder.

    Raises:
        SqlRefused: It is not one query that only reads, or it takes too long.
    """
    return as_table(client_of(home).sql(question))


def as_table(result: dict[str, Json]) -> Table:
    """The result of `POST sql` as a table."""
    rows = tuple(tuple(row) for row in result["rows"])
    return Table(tuple(result["columns"]), rows, bool(result["is_cut"]))


def as_object(client: Client, record: dict[str, Json]) -> Execution:
    """The record of an execution as the object with its verbs."""
    return Execution(client, record["execution_id"], record)


def client_of(home: HomeLike = None) -> Client:
    """The client of a home. There is one for each home, because it keeps connections."""
    if isinstance(home, str | Path):
        home = Home(Path(home).expanduser().absolute())
    return _client((home or find_home()).path)


@lru_cache(maxsize=8)
def _client(path: Path) -> Client:
    return Client(Home(path))
