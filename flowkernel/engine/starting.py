"""How an execution is started: what runs is planned first, then decided where it is written."""

from dataclasses import dataclass, replace

from flowkernel.core.clock import now
from flowkernel.core.errors import BadArgument, MoveNotAllowed, TooDeep
from flowkernel.core.event_factory import make_event
from flowkernel.core.interventions import changed_inputs
from flowkernel.core.json_values import checked_name, dumps, plain_json
from flowkernel.core.models import (
    Event,
    EventKind,
    Execution,
    Json,
    PassedVariables,
    RequestedAction,
)
from flowkernel.core.status import ExecutionStatus
from flowkernel.engine.caller_checks import check_caller, decide_as
from flowkernel.engine.callers import Caller, PersonCaller
from flowkernel.engine.child_calls import ParentCall, earlier_children
from flowkernel.engine.kernel_plan import plan_with_kernel
from flowkernel.engine.retry_source import with_source
from flowkernel.engine.start_inputs import checked_inputs
from flowkernel.engine.start_plan import (
    UNNAMED,
    StartPlan,
    StartRequest,
    WrapperPlan,
    plan_around,
    plan_without_wrappers,
    type_of,
)
from flowkernel.engine.wrapper_registry import checked_uses
from flowkernel.forms.input_check import CheckedInputs
from flowkernel.store import Batch, Store, checked_event

S = ExecutionStatus
K = EventKind


def start_execution(
    store: Store,
    request: StartRequest,
    *,
    max_depth: int,
    caller: Caller | None,
    variables: PassedVariables | None = None,
) -> Execution:
    """Record an execution, unless it is there, or its call has a child. See `Service.start`.

    Args:
        max_depth: Levels under a root, inclusive.
        caller: Who starts it; None: the engine itself.
        variables: What came with the start; None: those of the parent, if it has any.
    """
    check_caller(store, caller)
    existing = store.find_execution(request.execution_id)
    if existing is not None:
        return existing
    parent = store.get_execution(request.parent_id) if request.parent_id else None
    _check_retried(store, request)
    execution = _planned(store, request, parent)
    previous = store.get_execution(request.retry_of) if request.retry_of else None
    person = _person(request, caller)
    changes = changed_inputs(previous, execution, person, parent)
    variables = variables or _inherited(parent)
    execution = replace(execution, variables=variables, **changes)
    created = checked_event(_created_event(execution))
    plan = _Start(request, execution, created, max_depth)
    earlier = earlier_children(store, parent, request.call_key)

    def start(batch: Batch) -> Execution:
        return batch.start(execution, earlier, plan.decide)

    return decide_as(store, caller, start)


@dataclass(frozen=True, slots=True)
class _Start:
    """A start that is planned. Whether it happens is decided where it is written. Pure."""

    request: StartRequest
    execution: Execution  #: As it would be.
    created: Event  #: What records it.
    max_depth: int

    def decide(
        self, parent: Execution | None, children: list[Execution]
    ) -> tuple[str, list[Event]]:
        """The id of the child of the call, and what records, or adopts, it.

        Raises:
            MoveNotAllowed, TooDeep: The parent cannot have another child.
        """
        new_id = self.execution.execution_id
        if parent is None:
            return new_id, self._first_events(self.execution.retry_of)
        _check_parent(parent, self.execution, self.max_depth)
        call = ParentCall(
            parent=parent,
            child=self.execution,
            is_wrapped=self.request.wrapped_of is not None,
            children=children,
        )
        child = call.existing()
        if child is None:
            return new_id, self._first_events(call.retry_of())
        is_own = call.has(child)
        return child.execution_id, [] if is_own else [adopted_event(parent, child)]

    def _first_events(self, retry_of: str | None) -> list[Event]:
        """What records it; and its start, if a process that is not ours runs it itself."""
        payload = {**self.created.payload, "retry_of": retry_of}
        events = [replace(self.created, payload=payload)]
        if self.request.worker is not None:
            started = {"worker": self.request.worker, "attempt": self.execution.attempt}
            events.append(make_event(self.execution.execution_id, K.STARTED, **started))
        return events


def _check_retried(store: Store, request: StartRequest) -> None:
    """Refuse a retry of what may still succeed. An end is for good: no one comes between.

    Raises:
        ExecutionNotFound: There is no such execution.
        MoveNotAllowed: It has not ended.
    """
    if request.retry_of is not None:
        previous = store.get_execution(request.retry_of)
        if not previous.status.is_ended:
            change = "retried before it has ended"
            raise MoveNotAllowed(previous.execution_id, previous.status, change)


def _planned(
    store: Store, request: StartRequest, parent: Execution | None
) -> Execution:
    """The execution as it would be; the source that it runs is recorded."""
    values = _plain_inputs(request)
    wrappers = checked_uses(store, request.using)
    bare_plan = with_source(store, request, plan_without_wrappers(store, request))
    bare_plan = plan_with_kernel(bare_plan, request.kernel)
    inputs = checked_inputs(store, request, bare_plan, values)
    plan = plan_around(store, request, bare_plan, wrappers, inputs.values)
    store.save_version(plan.version)
    if isinstance(plan, WrapperPlan) and plan.inputs is not None:
        inputs = CheckedInputs(values=plan.inputs)
    origins = [
        parent,
        store.get_execution(request.retry_of) if request.retry_of else None,
    ]
    request = _with_attendance(request, [o for o in origins if o is not None])
    request = _with_keeping(request, *origins)
    return _new_execution(request, plan, parent, inputs)


def _person(request: StartRequest, caller: Caller | None) -> str | None:
    """The name of the person who starts it; None: a program does."""
    if not isinstance(caller, PersonCaller):
        return None
    name = request.started_by.partition(" (")[0]
    return caller.name if name == UNNAMED else name


def _with_attendance(request: StartRequest, origins: list[Execution]) -> StartRequest:
    """The request with what it inherits: whether a person is there for it.

    Args:
        origins: Its parent, and the run that it is a retry of, if there are any.

    Raises:
        BadArgument: It says two things.
    """
    if request.is_interactive and request.is_attended is False:
        raise BadArgument(
            "`is_interactive` (--interactive) waits for a person, and `is_attended: false` "
            "(--unattended) says that there is none: leave one out."
        )
    values = [request.is_attended, *(origin.is_attended for origin in origins)]
    is_attended = next((value for value in values if value is not None), None)
    is_interactive = request.is_interactive or any(o.is_interactive for o in origins)
    return replace(request, is_interactive=is_interactive, is_attended=is_attended)


def _with_keeping(
    request: StartRequest, parent: Execution | None, previous: Execution | None
) -> StartRequest:
    """The request with what it inherits: whether it keeps its kernel.

    What a wrapper runs does so if the wrapper was started so; and a retry, as the run before
    it. Other children have to be asked for it.
    """
    is_wrapped = request.wrapped_of is not None
    wrapper = parent if is_wrapped else None
    origins = [o for o in (wrapper, previous) if o is not None]
    is_inherited = any(origin.keeps_kernel for origin in origins)
    return replace(request, keep_kernel=request.keep_kernel or is_inherited)


def _inherited(parent: Execution | None) -> PassedVariables | None:
    """The variables of a child: those of its root, whose names are not repeated."""
    passed = parent.variables if parent is not None else None
    return replace(passed, names=None) if passed is not None else None


def _plain_inputs(request: StartRequest) -> dict[str, Json]:
    inputs = plain_json(request.inputs, "inputs")
    if not isinstance(inputs, dict):
        raise BadArgument(
            f"inputs is {dumps(inputs)[:60]}; it must be an object of names and values."
        )
    if request.worker is not None and not request.run:
        raise BadArgument(
            "`worker` says who runs it, and `run` is false: leave one out."
        )
    if request.worker is not None and request.keep_kernel:
        raise BadArgument(
            "`worker` says who runs it, and that process ends the kernel: leave "
            "`keep_kernel` out."
        )
    return inputs


def _new_execution(
    request: StartRequest,
    plan: StartPlan,
    parent: Execution | None,
    inputs: CheckedInputs,
) -> Execution:
    return Execution(
        execution_id=request.execution_id,
        root_id=parent.root_id if parent else request.execution_id,
        type=type_of(plan),
        flow_name=plan.flow_name,
        flow_version=plan.version.flow_version,
        name=checked_name(_name_of(request, plan), "run"),
        status=S.QUEUED if request.run else S.PENDING,
        created_at=now(),
        parent_id=request.parent_id,
        depth=parent.depth + 1 if parent else 0,
        call_key=request.call_key,
        retry_of=request.retry_of,
        inputs=inputs.values,
        defaults=inputs.defaults,
        environment=plan.environment,
        on_lost=plan.on_lost,
        cell_timeout=plan.cell_timeout,
        started_by=request.started_by,
        wrapped=plan.wrapped if isinstance(plan, WrapperPlan) else None,
        parks=request.parks and parent is not None,
        keeps_kernel=request.keep_kernel,
        is_interactive=request.is_interactive,
        is_attended=request.is_attended,
    )


def _name_of(request: StartRequest, plan: StartPlan) -> str:
    """The name of an execution; a wrapper has that of what it wraps in its own."""
    is_around = isinstance(plan, WrapperPlan) and plan.inputs is not None
    return (plan.name if is_around else request.name) or plan.name or plan.flow_name


def _created_event(execution: Execution) -> Event:
    payload = execution.to_json()
    id_, actor = execution.execution_id, execution.started_by
    return make_event(id_, K.CREATED, actor, **payload)


def adopted_event(parent: Execution, child: Execution) -> Event:
    """What records that a child of an earlier try of the parent is its child from now on."""
    return make_event(
        child.execution_id,
        K.ADOPTED,
        parent_id=parent.execution_id,
        root_id=parent.root_id,
        call_key=child.call_key,
        former_parent_id=child.current_parent_id,
    )


def _check_parent(parent: Execution, child: Execution, max_depth: int) -> None:
    """Refuse a child of what has ended, is being cancelled, or is too deep already.

    Raises:
        MoveNotAllowed, TooDeep: The parent cannot have another child.
    """
    is_cancelled = parent.requested_action is RequestedAction.CANCEL
    if parent.status.is_ended or is_cancelled:
        state = parent.status if parent.status.is_ended else "being cancelled"
        raise MoveNotAllowed(parent.execution_id, state, "a parent of something new")
    if child.depth > max_depth:
        raise TooDeep(child.flow_name, max_depth)
