"""`import flowkernel`: what a person's Python can do: run, register, look, ask in SQL."""

from functools import lru_cache
from pathlib import Path
from typing import Any

from flowkernel.client.client import Client
from flowkernel.client.flow_source import read_source, start_request
from flowkernel.core.errors import FlowNotFound
from flowkernel.core.json_values import plain_json
from flowkernel.core.models import Flow, Json, OnLost
from flowkernel.display.table import Table
from flowkernel.flow_api import Execution, current
from flowkernel.home import Home, find_home

HomeLike = Home | Path | str | None  #: None: the home of the folder we are in.


def run(
    target: str,
    /,
    *,
    name: str | None = None,
    home: HomeLike = None,
    inputs: dict[str, Json] | None = None,
    using: list[Json] | None = None,
    interactive: bool = False,
    **more_inputs: Json,
) -> Execution:
    """Start a flow, by its name or its path. Comes back at once: `.wait()` waits.

    In a flow's own kernel the new execution is a child of that flow.

    Args:
        name: Of the execution; else the flow's.
        inputs: What the flow gets, together with the keyword arguments.
        using: Wrappers, outermost first: `[{"name": "retry", "inputs": {"max_tries": 5}}]`.
        interactive: If it fails, wait for somebody to decide, however long that takes.

    Raises:
        FlowNotFound: There is no such flow; says the nearest name.
        FileMissing, NotANotebook, BadArgument: The path cannot be run.
    """
    given = plain_json({**(inputs or {}), **more_inputs}, "inputs")
    parent = current()
    if parent is not None:
        return parent.flow(target, name=name, wait=False, inputs=given, using=using)
    return start(
        client_of(home), target, given, name=name, using=using, interactive=interactive
    )


def start(
    client: Client,
    target: str,
    inputs: dict[str, Json],
    *,
    name: str | None = None,
    using: list[Json] | None = None,
    interactive: bool = False,
) -> Execution:
    """Start a flow as a root. `inputs` are JSON."""
    more = {"name": name, "using": using or [], "is_interactive": interactive}
    record = client.start({**start_request(target, inputs), **more})
    return as_object(client, record.to_json())


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
) -> Flow:
    """Give a notebook or a script a name, so that flows can start it by that name.

    Args:
        name: Else the file's, without its ending.
        setup: Name of the flow whose source is put in front.
        on_lost: `run_again` or `fail`: what follows when its worker is lost.
        cell_timeout: Seconds for one cell. Default: no limit.
    """
    source = read_source(str(path))
    flow = Flow.from_json({**source, "name": name or source["name"]})
    chosen = {
        "setup": setup,
        "description": description,
        "on_lost": on_lost,
        "cell_timeout": cell_timeout,
    }
    return client_of(home).register(Flow.from_json({**flow.to_json(), **chosen}))


def find_flow(name: str, *, home: HomeLike = None) -> Flow | None:
    """The flow of this name; None if there is none."""
    try:
        return client_of(home).get_flow(name)
    except FlowNotFound:
        return None


def list_executions(*, home: HomeLike = None, **filters: Any) -> list[Execution]:
    """The newest first: `status`, `flow_name`, `parent_id`, `root_id`, `limit`."""
    client = client_of(home)
    found = client.list_executions(**filters)
    return [as_object(client, execution.to_json()) for execution in found]


def sql(question: str, *, home: HomeLike = None) -> Table:
    """Ask the record of this home, read-only: `execution`, `cell_run`, `event`, `flow`, ...

    Raises:
        SqlRefused: It is not one question that only reads, or it takes too long.
    """
    return as_table(client_of(home).sql(question))


def as_table(told: dict[str, Json]) -> Table:
    """The answer of `POST sql`."""
    rows = tuple(tuple(row) for row in told["rows"])
    return Table(tuple(told["columns"]), rows, bool(told["is_cut"]))


def as_object(client: Client, record: dict[str, Json]) -> Execution:
    """What a person holds of an execution."""
    return Execution(client, record["execution_id"], record)


def client_of(home: HomeLike = None) -> Client:
    """The client of a home: one for each, for its connections are kept."""
    if isinstance(home, str | Path):
        home = Home(Path(home).expanduser().absolute())
    return _client((home or find_home()).path)


@lru_cache(maxsize=8)
def _client(path: Path) -> Client:
    return Client(Home(path))
