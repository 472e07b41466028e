"""What the engine can do, in the words of the glossary. Synchronous; no HTTP here."""

import shutil
import threading
from dataclasses import replace
from typing import Any

from flowkernel.config import Config
from flowkernel.core.clock import new_id, now
from flowkernel.core.errors import (
    BadArgument,
    EngineFault,
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
    """The verbs of one home. Safe in threads; each returns once its effect is on disk."""

    def __init__(self, store: Store, home: Home, config: Config) -> None:
        self.store = store
        self.home = home
        self.config = config
        self._outputs = [
            threading.Lock() for _ in range(64)
        ]  # Read, merge, write as one.

    # -- flows ---------------------------------------------------------------------------

    def register(self, flow: Flow) -> Flow:
        """Give a source a name, or a new source to a name."""
        name = checked_name(flow.name)
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

    def wrap(self, name: str, wrappers: Json) -> Flow:
        """Have every execution of a flow go through these, outermost first; through none
        if there are none. Those that are under way stay as they are.
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

    def start(self, asked: StartRequest) -> Execution:
        """Record an execution, to be run as soon as there is a slot.

        Asking again with the same id returns what is there. A call that succeeded in an
        earlier try of the same parent returns that child and starts nothing.
        """
        known = self.store.find_execution(asked.execution_id)
        if known is not None:
            return known
        inputs = plain_json(asked.inputs, "inputs")
        if not isinstance(inputs, dict):
            raise BadArgument(
                f"inputs is {dumps(inputs)[:60]}; it must be an object of names and values."
            )
        if asked.worker is not None and not asked.run:
            raise BadArgument(
                "`worker` says who runs it, and `run` is false: leave one out."
            )
        wrappers = checked_uses(self.store, asked.using)
        plan = plan_of(self.store, asked, wrappers, inputs)
        inputs = inputs if plan.inputs is None else plan.inputs
        parent = self.store.get_execution(asked.parent_id) if asked.parent_id else None
        if parent is not None:
            self._check_parent(parent, plan.flow_name)
            made = self._made_before(parent, asked, plan, inputs)
            if made is not None:
                return made
            asked = self._next_try(parent, asked)
        self.store.save_version(plan.version)
        return self._create(self._born(asked, plan, parent, inputs), asked)

    def _check_parent(self, parent: Execution, flow_name: str) -> None:
        if parent.status.is_ended or parent.requested_action is RequestedAction.CANCEL:
            state = parent.status if parent.status.is_ended else "being cancelled"
            raise MoveNotAllowed(
                parent.execution_id, state, "a parent of something new"
            )
        if parent.depth + 1 > self.config.max_depth:
            raise TooDeep(flow_name, self.config.max_depth)

    def _made_before(
        self, parent: Execution, asked: StartRequest, plan: StartPlan, inputs: Json
    ) -> Execution | None:
        """The child of the same call, from this try of the parent or an earlier one.

        What a wrapper runs may have got other inputs meanwhile: it is the same all the same.
        """
        if asked.call_key is None:
            return None
        same = (plan.flow_name, inputs, plan.wrapped)
        made = [
            child
            for child in self.store.call_children(self._tries(parent), asked.call_key)
            if asked.wrapped_of is not None
            or (child.flow_name, child.inputs, child.wrapped) == same
        ]
        mine = [child for child in made if child.parent_id == parent.execution_id]
        if mine and parent.losses and asked.wrapped_of and asked.retry_of is None:
            return mine[-1]  # How the last try ended is what its wrapper goes on with.
        if asked.wrapped_of is not None and asked.retry_of is not None:
            again = [child for child in mine if child.retry_of == asked.retry_of]
            return again[-1] if again else None
        good = [child for child in made if child.status is S.ENDED_SUCCESS]
        live = [
            child
            for child in made
            if not child.status.is_ended and child.parent_id == parent.execution_id
        ]
        return next(iter(good + live), None)

    def _next_try(self, parent: Execution, asked: StartRequest) -> StartRequest:
        """All that a wrapper starts are tries of the same: each says which it follows."""
        if asked.wrapped_of is None or asked.retry_of is not None:
            return asked
        tries = self.store.call_children([parent], asked.call_key or "")
        return replace(asked, retry_of=tries[-1].execution_id) if tries else asked

    def _tries(self, execution: Execution) -> list[Execution]:
        tries = [execution]
        while tries[-1].retry_of is not None:
            before = self.store.find_execution(tries[-1].retry_of)
            if before is None:  # It was pruned.
                break
            tries.append(before)
        return tries

    def _born(
        self,
        asked: StartRequest,
        plan: StartPlan,
        parent: Execution | None,
        inputs: Json,
    ) -> Execution:
        return Execution(
            execution_id=asked.execution_id,
            root_id=parent.root_id if parent else asked.execution_id,
            type=plan.type,
            flow_name=plan.flow_name,
            flow_version=plan.version.flow_version,
            name=checked_name(_name_of(asked, plan), "run"),
            status=S.QUEUED if asked.run else S.PENDING,
            created_at=now(),
            parent_id=asked.parent_id,
            depth=parent.depth + 1 if parent else 0,
            call_key=asked.call_key,
            retry_of=asked.retry_of,
            inputs=inputs,
            environment=plan.environment,
            on_lost=plan.on_lost,
            cell_timeout=plan.cell_timeout,
            started_by=asked.started_by,
            wrapped=plan.wrapped,
            parks=asked.parks and parent is not None,
            is_interactive=asked.is_interactive
            or bool(parent and parent.is_interactive),
        )

    def _create(self, born: Execution, asked: StartRequest) -> Execution:
        events = [
            make_event(born.execution_id, K.CREATED, asked.started_by, **born.to_json())
        ]
        if asked.worker is not None:
            events.append(make_event(born.execution_id, K.STARTED, worker=asked.worker))
        try:
            self.store.append(events)
        except MoveNotAllowed:  # The same request was carried out a moment ago.
            pass
        return self.store.get_execution(born.execution_id)

    def run(self, execution_id: str, inputs: Json, actor: str) -> Execution:
        """Ask a pending one to start, with more inputs if given."""
        if inputs:
            raise BadArgument(
                "An execution that is recorded keeps its inputs. Give them to this.flow(), "
                "or clone() it with others."
            )
        return self._append(make_event(execution_id, K.QUEUED, actor))

    def retry(self, execution_id: str, asked: StartRequest) -> Execution:
        """Start it again, as a new execution; children that succeeded are not run twice."""
        model = self.store.get_execution(execution_id)
        if not model.status.is_ended:
            raise MoveNotAllowed(
                execution_id, model.status, "retried before it has ended"
            )
        parent = self.store.live.get(model.parent_id or "")
        return self.start(
            replace(
                asked,
                retry_of=execution_id,
                inputs=asked.inputs or model.inputs,
                name=model.name,
                parent_id=parent.execution_id if parent else None,
            )
        )

    # -- stopping ------------------------------------------------------------------------

    def cancel(self, execution_id: str, actor: str) -> Execution:
        """Stop it and everything under it. Those that run end when their kernel has."""
        top = self.store.get_execution(execution_id)
        if top.status is S.ENDED_CANCELLED:
            return top
        if top.status.is_ended:
            raise MoveNotAllowed(execution_id, top.status, S.ENDED_CANCELLED)
        events = []
        for execution in self.live_under(top):
            is_top = execution.execution_id == execution_id
            why = (
                f"Cancelled by {actor}." if is_top else f"Cancelled with {top.name!r}."
            )
            events.append(cancel_event(execution, actor, why))
        self.store.append(events, strict=False)
        return self.store.get_execution(execution_id)

    def live_under(self, top: Execution) -> list[Execution]:
        """It and everything under it that has not ended."""
        family = [e for e in list(self.store.live.values()) if e.root_id == top.root_id]
        return under(top, family)

    def pause(self, execution_id: str, actor: str) -> Execution:
        """Let it stop after the cell that runs now; one that is queued stays where it is."""
        execution = self.store.get_execution(execution_id)
        if execution.status is S.QUEUED:
            return self._append(make_event(execution_id, K.PAUSED, actor))
        if execution.status not in (S.RUNNING, S.WAITING):
            raise MoveNotAllowed(execution_id, execution.status, S.PAUSED)
        return self._append(
            make_event(execution_id, K.REQUESTED, actor, what=RequestedAction.PAUSE)
        )

    def resume(self, execution_id: str, actor: str) -> Execution:
        """Let a paused one go on. One that has a kernel gets its slot from the dispatcher."""
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

    # -- what a flow says ----------------------------------------------------------------

    def set_output(self, execution_id: str, output: Json, *, merge: bool) -> Execution:
        """Add to the output, or replace it."""
        with self._outputs[hash(execution_id) % len(self._outputs)]:
            execution = self.store.get_execution(execution_id)
            known = execution.output
            if merge and isinstance(known, dict) and isinstance(output, dict):
                output = {**known, **output}
            output = plain_json(output, "output")
            return self._append(make_event(execution_id, K.OUTPUT_SET, output=output))

    def save(self, execution_id: str, values: dict[str, Json], actor: str) -> Execution:
        """Set `name`, `status_message` or `is_archived`."""
        if "name" in values:
            values = {**values, "name": checked_name(str(values["name"]), "run")}
        return self._append(make_event(execution_id, K.SAVED, actor, **values))

    def log(self, execution_id: str, stream: str, text: str) -> None:
        """Add to the log of an execution."""
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

    def backup(self) -> str:
        """A copy of the database in the backup folder; its path."""
        path = self.home.backup / f"flowkernel-{new_id()}.duckdb"
        self._check_room()
        self.store.backup(path)
        return str(path)

    def compact(self) -> None:
        """Write the database anew, without the room that is free in it."""
        self._check_room()
        self.store.compact()

    def _check_room(self) -> None:
        size, free = self.store.size_bytes, shutil.disk_usage(self.home.backup).free
        if size * 1.2 > free:
            raise EngineFault(
                f"A copy needs about {size:,} bytes; the disk of the home has {free:,} free."
            )


def _name_of(asked: StartRequest, plan: StartPlan) -> str:
    """What an execution is called; a wrapper is called after what it wraps."""
    is_wrapper = plan.inputs is not None
    return (plan.name if is_wrapper else asked.name) or plan.name or plan.flow_name


def under(top: Execution, family: list[Execution]) -> list[Execution]:
    """`top` and all of its family below it, parents before children, oldest first."""
    ids, found = {top.execution_id}, [top]
    for execution in sorted(family, key=lambda e: (e.depth, e.created_at)):
        if execution.parent_id in ids:
            ids.add(execution.execution_id)
            found.append(execution)
    return found


def cancel_event(execution: Execution, actor: str, why: str) -> Event:
    """End it if no kernel runs it; else ask its worker to."""
    if execution.worker is None or execution.status in (S.PENDING, S.QUEUED):
        return make_event(
            execution.execution_id,
            K.ENDED,
            actor,
            status=S.ENDED_CANCELLED,
            status_message=why,
        )
    return make_event(
        execution.execution_id, K.REQUESTED, actor, what=RequestedAction.CANCEL, why=why
    )


def make_event(
    execution_id: str, kind: EventKind, actor: str = "", /, **payload: Any
) -> Event:
    return Event(
        event_id=new_id(),
        execution_id=execution_id,
        kind=kind,
        happened_at=now(),
        actor=actor,
        payload=payload,
    )
