"""What is to run when somebody asks for a start: the version, and how its flow is run."""

import re
from dataclasses import dataclass, field
from hashlib import sha256

from flowkernel.errors import BadArgument, NotANotebook
from flowkernel.jsonvalue import checked_name, dumps
from flowkernel.models import (
    Environment,
    Execution,
    Flow,
    FlowKind,
    FlowVersion,
    Json,
    OnLost,
)
from flowkernel.source import MAX_SOURCE, bare_notebook
from flowkernel.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """What somebody asks to be started. One of `flow`, `source`, `clone_of`, `retry_of`."""

    execution_id: str
    flow: str | None = None
    source: dict[str, Json] | None = None
    clone_of: str | None = None
    retry_of: str | None = None
    inputs: Json = field(default_factory=dict)
    name: str | None = None
    run: bool = True
    parent_id: str | None = None
    call_key: str | None = None
    started_by: str = ""
    worker: str | None = None  #: Somebody's own papermill, which runs it itself.


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What would run: the version, and how its flow wants to be run."""

    flow_name: str
    version: FlowVersion
    environment: Environment
    on_lost: OnLost = OnLost.RUN_AGAIN
    cell_timeout: float | None = None


def plan_of(store: Store, asked: Start) -> Plan:
    """The plan for a request."""
    if asked.flow is not None:
        flow = store.get_flow(asked.flow)
        return Plan(
            flow_name=flow.name,
            version=version_of_flow(store, flow),
            environment=flow.environment,
            on_lost=flow.on_lost,
            cell_timeout=flow.cell_timeout,
        )
    if asked.source is not None:
        return plan_of_source(asked.source)
    before = asked.clone_of or asked.retry_of
    if before is None:
        raise BadArgument("Say what to start: `flow` (a name) or `source`.")
    model = store.get_execution(before)
    return Plan(
        flow_name=model.flow_name,
        version=store.get_version(model.flow_version),
        environment=model.environment,
        on_lost=model.on_lost,
        cell_timeout=model.cell_timeout,
    )


def version_of_flow(store: Store, flow: Flow) -> FlowVersion:
    """The version that a flow is now, with the source of its setup as it is now."""
    setup = store.get_flow(flow.setup).source if flow.setup else None
    return version_of(flow.name, flow.kind, flow.source, setup, flow.path)


def version_of(
    flow_name: str, kind: FlowKind, source: str, setup: str | None, path: str | None
) -> FlowVersion:
    """The version that a source is, named by the hash of what runs."""
    digest = sha256(dumps([kind, setup, source]).encode()).hexdigest()
    return FlowVersion(
        flow_version=digest,
        flow_name=flow_name,
        kind=kind,
        source=source,
        setup_source=setup,
        path=path,
    )


def plan_of_source(source: dict[str, Json]) -> Plan:
    kind, text = FlowKind(source["kind"]), source["source"]
    name = checked_name(re.sub(r"[/\\]", "-", source["name"])[:128])
    check_source(kind, text, name)
    return Plan(
        flow_name=name,
        version=version_of(name, kind, text, None, source["path"]),
        environment=Environment.from_json(source["environment"]),
    )


def check_source(kind: FlowKind, source: str, name: str) -> None:
    size = len(source.encode("utf-8", "surrogatepass"))
    if size > MAX_SOURCE:
        raise BadArgument(
            f"The source of {name!r} has {size:,} bytes; the limit is {MAX_SOURCE:,}."
        )
    if not source.strip():
        if kind is FlowKind.NOTEBOOK:
            raise NotANotebook(name, "it is empty")
        raise BadArgument(f"The flow {name!r} has no source: the cell is empty.")
    if kind is FlowKind.NOTEBOOK:
        bare_notebook(source, name)


def notebook_path(execution: Execution) -> str:
    """Where the output notebook goes, relative to the home."""
    safe = "".join(
        c if c.isascii() and (c.isalnum() or c in "-_") else "_" for c in execution.name
    )
    month = f"{execution.created_at:%Y-%m}"
    return f"notebooks/{month}/{safe[:40]}-{execution.execution_id}.ipynb"
