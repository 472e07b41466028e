"""What a start runs: the flow version, and how its flow wants to be run."""

import re
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Annotated, Any, assert_never

from pydantic import ConfigDict, Field, with_config

from flowkernel.client.bare_notebook import bare_notebook
from flowkernel.client.flow_source import MAX_SOURCE
from flowkernel.core.clock import new_id
from flowkernel.core.errors import BadArgument, NotANotebook
from flowkernel.core.handler_source import check_handler
from flowkernel.core.json_values import (
    MAX_NAME,
    check_parameter_names,
    checked_name,
    dumps,
)
from flowkernel.core.models import (
    Environment,
    Execution,
    Flow,
    FlowKind,
    FlowVersion,
    Json,
    OnLost,
    Wrapped,
)
from flowkernel.core.status import ExecutionType, RetrySource
from flowkernel.engine.field_types import (
    UUID,
    Actor,
    CallKey,
    Id,
    JsonValue,
    KernelChoice,
    Variables,
)
from flowkernel.engine.wrapper_registry import MAX_WRAPPERS, WrapperUse, wrapper_flow
from flowkernel.store import Store

MAX_NAMES = 1_000  #: Environment variables that one start names, inclusive.


@with_config(ConfigDict(extra="forbid"))
@dataclass(frozen=True, slots=True, kw_only=True)
class SourceRecord:
    """A flow without a registration: what runs, and where."""

    name: str
    kind: FlowKind
    source: str
    path: str | None = None
    environment: Environment = field(default_factory=Environment)


#: Who starts something, if the request does not say.
UNNAMED = "REST"


@with_config(ConfigDict(extra="forbid"))
@dataclass(frozen=True, slots=True, kw_only=True)
class StartRequest:
    """A request to start. One of `flow`, `source`, `clone_of`, `wrapped_of`, `retry_of`."""

    execution_id: Id = field(default_factory=new_id)
    flow: str | None = None
    source: SourceRecord | None = None
    clone_of: str | None = None
    retry_of: Id | None = None
    inputs: JsonValue = field(default_factory=dict)
    name: str | None = None
    run: bool = True
    parent_id: str | None = None
    call_key: CallKey | None = None
    started_by: Actor = UNNAMED
    #: A papermill of its own, which runs it itself.
    worker: Annotated[str, Field(pattern=f"^papermill-{UUID}$")] | None = None
    #: Outermost first.
    using: Annotated[list[WrapperUse], Field(max_length=MAX_WRAPPERS)] = field(
        default_factory=list
    )
    wrapped_of: Id | None = None  #: The wrapper that starts what it wraps.
    parks: bool = False
    keep_kernel: bool = False  #: After its end, for people.
    is_interactive: bool = False
    #: Whether a person is there; None: as seen when it fails, or as of parent or retried run.
    is_attended: bool | None = None
    #: Environment variables, by name, of a person who starts a root. Never recorded.
    environ: Variables = field(default=None, repr=False)
    #: Names of variables in it that pass, whatever `pass_environment` says.
    environ_names: Annotated[list[str], Field(max_length=MAX_NAMES)] = field(
        default_factory=list
    )
    #: Inputs as they were typed, by name, where the JSON of the value is another text.
    texts: dict[str, str] = field(default_factory=dict)
    #: Whether names that the flow does not declare are passed on.
    allow_extra: bool = False
    #: Of `retry_of`: which source runs. None: see `RetryBody`.
    retry_source: RetrySource | None = None
    retry_file: SourceRecord | None = None
    #: The kernel for this run alone: a name, or the folder of an environment.
    kernel: KernelChoice | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionPlan:
    """What all plans have: the version that would run, and how its flow wants to be run."""

    flow_name: str
    version: FlowVersion
    environment: Environment
    on_lost: OnLost = OnLost.RUN_AGAIN
    cell_timeout: float | None = None
    wrappers: tuple[Json, ...] = ()  #: Outermost first.
    #: The name of a registered flow, so that a retry takes its source as it is then.
    flow: str | None = None
    name: str | None = None  #: Of the execution, unless the request names it.


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowPlan(VersionPlan):
    """A cell or a notebook."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScriptPlan(VersionPlan):
    """A .py file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WrapperPlan(VersionPlan):
    """A wrapper, and what it runs."""

    wrapped: Wrapped | None
    inputs: Json = None  #: Its parameters. None: those of the request.


#: What would run. A new type of execution is one more member, with an executor in the worker.
StartPlan = FlowPlan | ScriptPlan | WrapperPlan


def type_of(plan: StartPlan) -> ExecutionType:
    """The type of the execution that a plan becomes."""
    match plan:
        case FlowPlan():
            return ExecutionType.FLOW
        case ScriptPlan():
            return ExecutionType.SCRIPT
        case WrapperPlan():
            return ExecutionType.WRAPPER
        case _:
            assert_never(plan)


def _plan_of_type(type_name: str, wrapped: Wrapped | None, **fields: Any) -> StartPlan:
    """The plan for what is recorded as of this type.

    Raises:
        BadArgument: Another version has recorded it: this one has no such type.
    """
    if type_name not in list(ExecutionType):
        raise BadArgument(
            f"{fields['flow_name']!r} is of type {type_name}, which this version of "
            "flowkernel cannot run. Run it with the version that recorded it."
        )
    execution_type = ExecutionType(type_name)
    match execution_type:
        case ExecutionType.FLOW:
            return FlowPlan(**fields)
        case ExecutionType.SCRIPT:
            return ScriptPlan(**fields)
        case ExecutionType.WRAPPER:
            return WrapperPlan(wrapped=wrapped, **fields)
        case _:
            assert_never(execution_type)


def plan_around(
    store: Store,
    request: StartRequest,
    plan: StartPlan,
    wrappers: list[Json],
    inputs: Json,
) -> StartPlan:
    """The plan, or that of the outermost wrapper around it.

    Args:
        wrappers: Those of the request, with all their parameters.
        inputs: What the flow of `plan` gets.

    Raises:
        BadName: An input of a notebook has a name that no variable can have.
    """
    if plan.version.kind is FlowKind.NOTEBOOK:
        check_parameter_names(inputs, plan.flow_name)
    wrappers = [*wrappers, *plan.wrappers]
    if not wrappers:
        return plan
    return plan_of_wrapper(store, wrappers, plan, name=request.name, inputs=inputs)


def plan_without_wrappers(store: Store, request: StartRequest) -> StartPlan:
    """The plan for what a request names, without the wrappers around it."""
    if request.flow is not None:
        return plan_of_flow(store, request.flow)
    if request.source is not None:
        return plan_of_source(request.source)
    if request.wrapped_of is not None:
        return plan_of_wrapped(store, store.get_execution(request.wrapped_of))
    model_id = request.clone_of or request.retry_of
    if model_id is None:
        raise BadArgument("Say what to start: `flow` (a name) or `source`.")
    model = store.get_execution(model_id)
    return _plan_of_type(
        model.type,
        model.wrapped,
        flow_name=model.flow_name,
        version=store.get_version(model.flow_version),
        environment=model.environment,
        on_lost=model.on_lost,
        cell_timeout=model.cell_timeout,
    )


def plan_of_flow(store: Store, name: str) -> StartPlan:
    """The plan for a registered flow, as it is now, with its wrappers.

    Raises:
        FlowNotFound: There is none of this name.
        BadArgument: It is a wrapper.
    """
    flow = store.get_flow(name)
    if flow.is_wrapper:
        raise BadArgument(
            f"{name!r} is a wrapper: it runs another flow. Use it with "
            f"`--using {name}`, or this.using({name!r}).flow(NAME)."
        )
    return _source_plan(flow.kind)(
        flow_name=flow.name,
        version=version_of_flow(store, flow),
        environment=flow.environment,
        on_lost=flow.on_lost,
        cell_timeout=flow.cell_timeout,
        wrappers=tuple(flow.wrappers),
        flow=flow.name,
    )


def _source_plan(kind: FlowKind) -> type[FlowPlan | ScriptPlan]:
    """The plan for a source of this kind."""
    match kind:
        case FlowKind.CELL | FlowKind.NOTEBOOK:
            return FlowPlan
        case FlowKind.SCRIPT:
            return ScriptPlan
        case _:
            assert_never(kind)


def version_of_flow(store: Store, flow: Flow) -> FlowVersion:
    """The version of a flow as it is now, with the source of its setup as it is now."""
    setup = store.get_flow(flow.setup).source if flow.setup else None
    return version_of(
        flow.name, flow.kind, flow.source, setup, flow.path, flow.parameters
    )


def version_of(
    flow_name: str,
    kind: FlowKind,
    source: str,
    setup: str | None,
    path: str | None,
    parameters: Json = None,
) -> FlowVersion:
    """The version of a source, named by the hash of what runs."""
    content = [kind, setup, source, *([parameters] if parameters else ())]
    digest = sha256(dumps(content).encode()).hexdigest()
    return FlowVersion(
        flow_version=digest,
        flow_name=flow_name,
        kind=kind,
        source=source,
        setup_source=setup,
        path=path,
        parameters=parameters,
    )


def plan_of_source(source: SourceRecord) -> StartPlan:
    """The plan for a source that is not registered.

    Raises:
        BadArgument, NotANotebook: The source cannot run; see `check_source`.
    """
    name = checked_name(re.sub(r"[/\\]", "-", source.name)[:128])
    check_source(source.kind, source.source, name)
    return _source_plan(source.kind)(
        flow_name=name,
        version=version_of(name, source.kind, source.source, None, source.path),
        environment=source.environment,
    )


def check_source(kind: FlowKind, source: str, name: str) -> None:
    """Refuse a source that is empty, too large, or no notebook.

    Raises:
        BadArgument, NotANotebook: With the name of the flow, and what is wrong.
    """
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
    check_handler(name, kind, source)


def plan_of_wrapper(
    store: Store,
    wrappers: list[Json],
    plan: StartPlan,
    *,
    name: str | None,
    inputs: Json,
) -> WrapperPlan:
    """The plan of the outermost of some wrappers around a plan.

    Args:
        name: Of the execution of `plan`, if the request names it.
        inputs: What the flow of `plan` gets.
    """
    outermost, *inner = wrappers
    flow = wrapper_flow(store, outermost["name"])
    store.save_version(plan.version)
    name = name or plan.name or plan.flow_name
    suffix = f" ({flow.name})"
    folder = flow.environment.cwd or plan.environment.cwd
    return WrapperPlan(
        flow_name=flow.name,
        version=version_of_flow(store, flow),
        environment=replace(flow.environment, cwd=folder),
        name=name[: MAX_NAME - len(suffix)] + suffix,
        inputs=outermost["inputs"],
        wrapped=_wrapped(plan, inner, name, inputs),
    )


def _wrapped(plan: StartPlan, wrappers: list[Json], name: str, inputs: Json) -> Wrapped:
    return Wrapped(
        flow=plan.flow,
        flow_name=plan.flow_name,
        flow_version=plan.version.flow_version,
        environment=plan.environment,
        on_lost=plan.on_lost,
        cell_timeout=plan.cell_timeout,
        type=type_of(plan),
        inputs=inputs,
        name=name,
        wrappers=wrappers,
    )


def plan_of_wrapped(store: Store, wrapper: Execution) -> StartPlan:
    """The plan of what a wrapper runs; it may be a wrapper itself."""
    wrapped = wrapper.wrapped
    if wrapped is None:
        raise BadArgument(f"{wrapper.name!r} is no wrapper: it wraps nothing.")
    if wrapped.flow is not None:
        plan = plan_of_flow(store, wrapped.flow)
    else:
        plan = _plan_of_type(
            wrapped.type,
            None,
            flow_name=wrapped.flow_name,
            version=store.get_version(wrapped.flow_version),
            environment=wrapped.environment,
            on_lost=wrapped.on_lost,
            cell_timeout=wrapped.cell_timeout,
        )
    if wrapped.environment.is_chosen:
        plan = replace(plan, environment=wrapped.environment)
    return replace(plan, wrappers=tuple(wrapped.wrappers), name=wrapped.name)
