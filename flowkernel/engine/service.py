"""What the engine can do with flows and executions. Synchronous; no HTTP here."""

import threading
from contextlib import suppress
from dataclasses import replace

from flowkernel.config import Config
from flowkernel.core.clock import now
from flowkernel.core.errors import (
    BadArgument,
    MoveNotAllowed,
    TooDeep,
    Undecided,
)
from flowkernel.core.json_values import checked_name, dumps, plain_json
from flowkernel.core.models import (
    Event,
    EventKind,
    Execution,
    Flow,
    Json,
    RequestedAction,
)
from flowkernel.core.status import ExecutionStatus
from flowkernel.engine.caller_checks import check_caller
from flowkernel.engine.callers import Caller
from flowkernel.engine.child_calls import as_next_try, child_of_call
from flowkernel.engine.event_factory import cancel_event, make_event
from flowkernel.engine.start_plan import (
    StartPlan,
    StartRequest,
    check_source,
    plan_of,
    version_of_flow,
)
from flowkernel.engine.wrapper_registry import (
    WrapperUse,
    checked_uses,
    limits_of,
    parameters_of,
)
from flowkernel.home import Home
from flowkernel.store import FamilyMember, Store

S = ExecutionStatus
K = EventKind


class Service:
    """What can be done in one home. Safe in threads; a method returns once it is on disk."""

    def __init__(self, store: Store, home: Home, config: Config) -> None:
        self.store = store
        self.home = home
        self.config = config
        #: An output is read, merged and written under the lock of its execution.
        self._output_locks = [threading.Lock() for _ in range(64)]

    # -- flows ---------------------------------------------------------------------------

    def register(self, flow: Flow) -> Flow:
        """Register a source under a name; a flow that has the name already is replaced.

        Raises:
            BadName, BadArgument, NotANotebook: Something about the flow is wrong.
            FlowNotFound: There is no flow with the name of its setup.
        """
        name = checked_name(flow.name)
        self._check_flow(flow, name)
        version = version_of_flow(self.store, replace(flow, name=name))
        flow = replace(
            flow,
            name=name,
            flow_version=version.flow_version,
            registered_at=now(),
            wrappers=self._checked_wrappers(flow, flow.wrappers),
        )
        self.store.save_version(version)
        self.store.save_flow(flow)
        return flow

    def _check_flow(self, flow: Flow, name: str) -> None:
        check_source(flow.kind, flow.source, name)
        if flow.setup is not None:
            self.store.get_flow(flow.setup)
            if flow.setup == name:
                raise BadArgument(f"The flow {name!r} cannot be its own setup.")
        if flow.cell_timeout is not None and flow.cell_timeout <= 0:
            raise BadArgument(
                f"cell_timeout is {flow.cell_timeout}; give seconds above 0."
            )
        if flow.is_wrapper:
            limits_of(flow, parameters_of(flow) or {})

    def wrap(self, name: str, wrappers: Json) -> Flow:
        """Set the wrappers of a flow, outermost first; an empty list removes them.

        Executions that are under way are not affected.
        """
        flow = self.store.get_flow(name)
        flow = replace(flow, wrappers=self._checked_wrappers(flow, wrappers))
        self.store.save_flow(flow)
        return flow

    def _checked_wrappers(self, flow: Flow, wrappers: Json) -> Json:
        if flow.is_wrapper and wrappers:
            raise BadArgument(
                f"{flow.name!r} is a wrapper itself. Put both around the flow: the first one "
                "is the outermost."
            )
        return checked_uses(self.store, map(WrapperUse.from_json, wrappers))

    # -- starting ------------------------------------------------------------------------

    def start(
        self, request: StartRequest, *, caller: Caller | None = None
    ) -> Execution:
        """Record an execution, to be run as soon as there is a slot.

        The same id again returns the execution that is there. A call that succeeded in an
        earlier try of the same parent returns that child and starts nothing. Here this
        process checks the inputs.

        Raises:
            BadArgument, BadName, BadValue, ValueTooBig: Something in the request is wrong.
            FlowNotFound, ExecutionNotFound: What it names is not there.
            MoveNotAllowed, TooDeep: The parent cannot have another child.
        """
        check_caller(self.store, caller)
        existing = self.store.find_execution(request.execution_id)
        if existing is not None:
            return existing
        inputs = _checked_inputs(request)
        wrappers = checked_uses(self.store, request.using)
        plan = plan_of(self.store, request, wrappers, inputs)
        inputs = inputs if plan.inputs is None else plan.inputs
        parent = None
        if request.parent_id:
            parent = self.store.get_execution(request.parent_id)
            self._check_parent(parent, plan.flow_name)
            child = child_of_call(self.store, parent, request, plan, inputs)
            if child is not None:
                return child
            request = as_next_try(self.store, parent, request)
        self.store.save_version(plan.version)
        execution = self._new_execution(request, plan, parent, inputs)
        return self._record_created(execution, request)

    def _check_parent(self, parent: Execution, flow_name: str) -> None:
        is_cancelled = parent.requested_action is RequestedAction.CANCEL
        if parent.status.is_ended or is_cancelled:
            state = parent.status if parent.status.is_ended else "being cancelled"
            raise MoveNotAllowed(
                parent.execution_id, state, "a parent of something new"
            )
        if parent.depth + 1 > self.config.max_depth:
            raise TooDeep(flow_name, self.config.max_depth)

    def _new_execution(
        self,
        request: StartRequest,
        plan: StartPlan,
        parent: Execution | None,
        inputs: Json,
    ) -> Execution:
        is_interactive = bool(parent and parent.is_interactive)
        return Execution(
            execution_id=request.execution_id,
            root_id=parent.root_id if parent else request.execution_id,
            type=plan.type,
            flow_name=plan.flow_name,
            flow_version=plan.version.flow_version,
            name=checked_name(_name_of(request, plan), "execution"),
            status=S.QUEUED if request.run else S.PENDING,
            created_at=now(),
            parent_id=request.parent_id,
            depth=parent.depth + 1 if parent else 0,
            call_key=request.call_key,
            retry_of=request.retry_of,
            inputs=inputs,
            environment=plan.environment,
            on_lost=plan.on_lost,
            cell_timeout=plan.cell_timeout,
            started_by=request.started_by,
            wrapped=plan.wrapped,
            parks=request.parks and parent is not None,
            is_interactive=request.is_interactive or is_interactive,
        )

    def _record_created(self, execution: Execution, request: StartRequest) -> Execution:
        id_, payload = execution.execution_id, execution.to_json()
        events = [make_event(id_, K.CREATED, request.started_by, **payload)]
        if request.worker is not None:
            started = {"worker": request.worker, "attempt": execution.attempt}
            events.append(make_event(id_, K.STARTED, **started))
        # The same request may have been carried out a moment ago.
        with suppress(MoveNotAllowed):
            self.store.append(events)
        return self.store.get_execution(id_)

    def run(self, execution_id: str, inputs: Json, actor: str) -> Execution:
        """Start an execution that was only recorded.

        Raises:
            BadArgument: There are inputs: those that are recorded stay.
            MoveNotAllowed: It was started already, or has ended.
        """
        if inputs:
            raise BadArgument(
                "An execution that is recorded keeps its inputs. Give them to this.flow(), "
                "or clone() it with others."
            )
        return self._append(make_event(execution_id, K.QUEUED, actor))

    def retry(self, execution_id: str, request: StartRequest) -> Execution:
        """Start it again, as a new execution; children that succeeded are not run again.

        Raises:
            MoveNotAllowed: It has not ended.
        """
        model = self.store.get_execution(execution_id)
        if not model.status.is_ended:
            raise MoveNotAllowed(
                execution_id, model.status, "retried before it has ended"
            )
        parent = self.store.live.get(model.parent_id or "")
        return self.start(
            replace(
                request,
                retry_of=execution_id,
                inputs=request.inputs or model.inputs,
                name=model.name,
                parent_id=parent.execution_id if parent else None,
            )
        )

    # -- stopping ------------------------------------------------------------------------

    def cancel(self, execution_id: str, actor: str) -> Execution:
        """Cancel it and everything under it. What runs ends when its kernel has ended.

        Raises:
            MoveNotAllowed: It has ended otherwise.
        """
        top = self.store.get_execution(execution_id)
        if top.status is S.ENDED_CANCELLED:
            return top
        if top.status.is_ended:
            raise MoveNotAllowed(execution_id, top.status, S.ENDED_CANCELLED)
        events = []
        for execution in self.live_under(top):
            is_top = execution.execution_id == execution_id
            cause = f"by {actor}" if is_top else f"with {top.name!r}"
            events.append(cancel_event(execution, actor, f"Cancelled {cause}."))
        self.store.append(events, strict=False)
        return self.store.get_execution(execution_id)

    def live_under(self, top: Execution) -> list[Execution]:
        """It and everything under it that has not ended."""
        family = [e for e in list(self.store.live.values()) if e.root_id == top.root_id]
        return subtree_of(top, family)

    def pause(self, execution_id: str, actor: str) -> Execution:
        """Pause it after the cell that runs now; one that is queued is paused at once."""
        execution = self.store.get_execution(execution_id)
        if execution.status is S.QUEUED:
            return self._append(make_event(execution_id, K.PAUSED, actor))
        if execution.status not in (S.RUNNING, S.WAITING):
            raise MoveNotAllowed(execution_id, execution.status, S.PAUSED)
        return self._append(
            make_event(execution_id, K.REQUESTED, actor, what=RequestedAction.PAUSE)
        )

    def resume(self, execution_id: str, actor: str) -> Execution:
        """Continue a paused one. One that has a kernel gets its slot from the dispatcher.

        Raises:
            MoveNotAllowed: It is not paused.
            Undecided: It failed, and a decision is needed.
        """
        execution = self.store.get_execution(execution_id)
        if execution.requested_action is RequestedAction.PAUSE:
            return self._append(make_event(execution_id, K.REQUESTED, actor, what=None))
        if execution.status is not S.PAUSED:
            raise MoveNotAllowed(execution_id, execution.status, "resumed")
        if execution.is_failed:
            raise Undecided(execution.name)
        if execution.worker is None:
            return self._append(make_event(execution_id, K.QUEUED, actor))
        return self._append(
            make_event(execution_id, K.REQUESTED, actor, what=RequestedAction.RESUME)
        )

    # -- what a flow reports -------------------------------------------------------------

    def set_output(
        self,
        execution_id: str,
        output: Json,
        *,
        merge: bool,
        caller: Caller | None = None,
    ) -> Execution:
        """Add to the output, or replace it."""
        check_caller(self.store, caller)
        with self._output_locks[hash(execution_id) % len(self._output_locks)]:
            previous = self.store.get_execution(execution_id).output
            if merge and isinstance(previous, dict) and isinstance(output, dict):
                output = {**previous, **output}
            output = plain_json(output, "output")
            return self._append(make_event(execution_id, K.OUTPUT_SET, output=output))

    def save(
        self,
        execution_id: str,
        values: dict[str, Json],
        actor: str,
        *,
        caller: Caller | None = None,
    ) -> Execution:
        """Set `name`, `status_message` or `is_archived`."""
        check_caller(self.store, caller)
        if "name" in values:
            values = {**values, "name": checked_name(str(values["name"]), "run")}
        return self._append(make_event(execution_id, K.SAVED, actor, **values))

    def log(
        self,
        execution_id: str,
        stream: str,
        text: str,
        *,
        caller: Caller | None = None,
    ) -> None:
        """Add to the log of an execution."""
        check_caller(self.store, caller)
        self.store.append(
            [make_event(execution_id, K.LOGGED, stream=stream, text=text)]
        )

    def _append(self, event: Event) -> Execution:
        self.store.append([event])
        return self.store.get_execution(event.execution_id)

    # -- reading -------------------------------------------------------------------------

    def find(self, id_or_part: str) -> Execution:
        """The execution of this id, or of its unambiguous beginning or end."""
        return self.store.get_execution(self.store.resolve_id(id_or_part))

    def subtree(self, execution_id: str) -> tuple[Execution, list[FamilyMember]]:
        """It, and everything under it, parents before children, oldest first."""
        top = self.store.get_execution(execution_id)
        ids, below = {execution_id}, []
        for member in self.store.family(top.root_id):
            if member.parent_id in ids:
                ids.add(member.execution_id)
                below.append(member)
        return top, below


def _checked_inputs(request: StartRequest) -> dict[str, Json]:
    inputs = plain_json(request.inputs, "inputs")
    if not isinstance(inputs, dict):
        raise BadArgument(
            f"inputs is {dumps(inputs)[:60]}; it must be an object of names and values."
        )
    if request.worker is not None and not request.run:
        raise BadArgument(
            "`worker` says who runs it, and `run` is false: leave one out."
        )
    return inputs


def _name_of(request: StartRequest, plan: StartPlan) -> str:
    """The name of an execution; a wrapper has that of what it wraps in its own."""
    is_wrapper = plan.inputs is not None
    return (plan.name if is_wrapper else request.name) or plan.name or plan.flow_name


def subtree_of(top: Execution, family: list[Execution]) -> list[Execution]:
    """`top` and all of its family below it, parents before children, oldest first."""
    ids, subtree = {top.execution_id}, [top]
    for execution in sorted(family, key=lambda e: (e.depth, e.created_at)):
        if execution.parent_id in ids:
            ids.add(execution.execution_id)
            subtree.append(execution)
    return subtree
