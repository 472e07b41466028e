"""What the engine can do with flows and executions. Synchronous; no HTTP here."""

import glob
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import replace
from functools import partial

from flowkernel.config import Config
from flowkernel.core.clock import now
from flowkernel.core.errors import BadArgument, FlowkernelError
from flowkernel.core.event_factory import make_event
from flowkernel.core.json_values import checked_name
from flowkernel.core.models import EventKind, Execution, Flow, Json, PassedVariables
from flowkernel.engine.caller_checks import append_as, decide_as
from flowkernel.engine.callers import Caller
from flowkernel.engine.execution_verbs import (
    OutputPatch,
    cancel_family,
    pause_events,
    release_kept,
    resume_events,
    run_recorded,
)
from flowkernel.engine.start_plan import StartRequest, check_source, version_of_flow
from flowkernel.engine.starting import start_execution
from flowkernel.engine.wrapper_registry import (
    WrapperUse,
    checked_uses,
    limits_of,
    parameters_of,
)
from flowkernel.environment_files import EnvironmentFiles
from flowkernel.forms.input_check import check_declarations
from flowkernel.home import Home
from flowkernel.store import Batch, Change, FamilyMember, Store, members_under

K = EventKind


class Service:
    """What can be done in one home. Safe in threads; a method returns once it is on disk."""

    def __init__(
        self,
        store: Store,
        home: Home,
        config: Config,
        *,
        key: bytes = b"",
        owns_home: Callable[[], bool] = lambda: True,
    ) -> None:
        """Make the verbs of one home.

        Args:
            key: Of the home; without it the names of files could be guessed.
            owns_home: Whether the home at the path is still the one of this store.
        """
        self._owns_home = owns_home
        self.store = store
        self.home = home
        self.config = config
        self.environments = EnvironmentFiles(home, key)

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
        if flow.parameters:
            check_declarations(version_of_flow(self.store, flow))
        if flow.is_wrapper:
            limits_of(flow, parameters_of(flow) or {})

    def wrap(self, name: str, wrappers: Json) -> Flow:
        """Set the wrappers of a flow, outermost first; an empty list removes them.

        Executions that are under way are not affected.
        """
        uses = self._checked_wrappers(self.store.get_flow(name), wrappers)
        return self.store.decide(
            lambda batch: batch.change_flow(name, partial(_with_wrappers, uses=uses))
        )

    def _checked_wrappers(self, flow: Flow, wrappers: Json) -> Json:
        uses = checked_uses(self.store, map(WrapperUse.from_json, wrappers))
        return _with_wrappers(flow, uses).wrappers

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
            HomeNotWritable, DiskFull: Its environment variables cannot be kept.
        """
        self._check_keeping(request)
        try:
            with self._kept_variables(request) as variables:
                return start_execution(
                    self.store,
                    replace(request, environ=None),
                    max_depth=self.config.max_depth,
                    caller=caller,
                    variables=variables,
                )
        except FlowkernelError:
            if request.environ is not None:  # Nothing was started with them.
                with suppress(OSError):  # Then they go with those of what has ended.
                    self.drop_variables()
            raise

    def _check_keeping(self, request: StartRequest) -> None:
        if request.keep_kernel and self.config.parked_kernels < 1:
            raise BadArgument(
                "No kernel is kept here: `parked_kernels` is "
                f"{self.config.parked_kernels}. Raise that setting, or leave `keep_kernel` "
                "(--keep-kernel) out."
            )

    def _kept_variables(
        self, request: StartRequest
    ) -> AbstractContextManager[PassedVariables | None]:
        """What is recorded of the environment variables of a start, while it is recorded."""
        if request.environ is None:
            return nullcontext()
        if request.parent_id is not None and request.retry_of is None:
            raise BadArgument(
                "A run under another one sees the environment variables of its root. Leave "
                "`environ` out."
            )
        named = map(glob.escape, request.environ_names)
        patterns = (*self.config.pass_environment, *named)
        return self.environments.held(request.environ, patterns)

    def drop_variables(self) -> None:
        """Remove the environment variables with which nothing was started that is live."""
        if self._owns_home():
            self.environments.remove_unused(self._used_variables)

    def _used_variables(self) -> set[str]:
        live = list(self.store.live.values())
        return {e.variables.file for e in live if e.variables is not None}

    def run(
        self,
        execution_id: str,
        inputs: Json,
        actor: str,
        *,
        event_id: str | None = None,
        caller: Caller | None = None,
    ) -> Execution:
        """Start an execution that was only recorded. The same `event_id` again does nothing.

        Raises:
            BadArgument: There are inputs: those that are recorded stay.
            MoveNotAllowed: It was started already, or has ended.
        """
        if inputs:
            raise BadArgument(
                "An execution that is recorded keeps its inputs. Give them to this.flow(), "
                "or clone() it with others."
            )
        event = make_event(execution_id, K.QUEUED, actor)
        event = replace(event, event_id=event_id or event.event_id)
        return decide_as(self.store, caller, partial(run_recorded, event=event))

    def retry(
        self, execution_id: str, request: StartRequest, *, caller: Caller | None = None
    ) -> Execution:
        """Start it again, as a new execution; children that succeeded are not run again.

        Raises:
            MoveNotAllowed: It has not ended.
        """
        model = self.store.get_execution(execution_id)
        parent = self.store.live.get(model.current_parent_id or "")
        return self.start(
            replace(
                request,
                retry_of=execution_id,
                inputs=request.inputs or model.inputs,
                name=model.name,
                parent_id=parent.execution_id if parent else None,
            ),
            caller=caller,
        )

    # -- stopping ------------------------------------------------------------------------

    def cancel(
        self, execution_id: str, actor: str, *, caller: Caller | None = None
    ) -> Execution:
        """Cancel it and everything under it. What runs ends when its kernel has ended.

        Raises:
            MoveNotAllowed: It has ended otherwise.
        """
        cancel = partial(cancel_family, execution_id=execution_id, actor=actor)
        return decide_as(self.store, caller, cancel)

    def pause(
        self, execution_id: str, actor: str, *, caller: Caller | None = None
    ) -> Execution:
        """Pause it after the cell that runs now; one that is queued is paused at once.

        Raises:
            MoveNotAllowed: It is not under way, or is being cancelled.
        """
        return self._change(execution_id, partial(pause_events, actor=actor), caller)

    def resume(
        self, execution_id: str, actor: str, *, caller: Caller | None = None
    ) -> Execution:
        """Continue a paused one. One that has a kernel gets its slot from the dispatcher.

        Raises:
            MoveNotAllowed: It is not paused, or is being cancelled.
            Undecided: It failed, and a decision is needed.
        """
        return self._change(execution_id, partial(resume_events, actor=actor), caller)

    def release_kernel(
        self, execution_id: str, actor: str, *, caller: Caller | None = None
    ) -> Execution:
        """End the kernel that it keeps after its end. One that is gone already stays so.

        Of a wrapper: the kernels that the runs that it wraps keep.

        Raises:
            NotParked: It has not ended, or keeps no kernel.
        """
        kept_ids = [execution.execution_id for execution in self.store.list_kept()]
        release = partial(
            release_kept, execution_id=execution_id, kept_ids=kept_ids, actor=actor
        )
        return decide_as(self.store, caller, release)

    def _change(
        self, execution_id: str, decide: Change, caller: Caller | None
    ) -> Execution:
        def change(batch: Batch) -> Execution:
            return batch.change(execution_id, decide)

        return decide_as(self.store, caller, change)

    # -- what a flow reports -------------------------------------------------------------

    def set_output(
        self,
        execution_id: str,
        output: Json,
        *,
        merge: bool,
        caller: Caller | None = None,
    ) -> Execution:
        """Add to the output, or replace it.

        Raises:
            BadValue, ValueTooBig: The output would be no JSON, or too large.
        """
        patch = OutputPatch.of(output, merge=merge)
        return self._change(execution_id, patch.events, caller)

    def save(
        self,
        execution_id: str,
        values: dict[str, Json],
        actor: str,
        *,
        caller: Caller | None = None,
    ) -> Execution:
        """Set `name`, `status_message` or `is_archived`."""
        if "name" in values:
            values = {**values, "name": checked_name(str(values["name"]), "run")}
        event = make_event(execution_id, K.SAVED, actor, **values)
        append_as(self.store, caller, [event])
        return self.store.get_execution(execution_id)

    def log(
        self,
        execution_id: str,
        stream: str,
        text: str,
        *,
        event_id: str,
        caller: Caller | None = None,
    ) -> None:
        """Add to the log of an execution. The same `event_id` again adds nothing."""
        event = make_event(execution_id, K.LOGGED, stream=stream, text=text)
        append_as(self.store, caller, [replace(event, event_id=event_id)])

    # -- reading -------------------------------------------------------------------------

    def find(self, id_or_part: str) -> Execution:
        """The execution of this id, or of its unambiguous beginning or end."""
        return self.store.get_execution(self.store.resolve_id(id_or_part))

    def subtree(self, execution_id: str) -> tuple[Execution, list[FamilyMember]]:
        """It, and what it started or adopted with all under that, parents before children."""
        top = self.store.get_execution(execution_id)
        return top, members_under(execution_id, self.store.family(top.root_id))


def _with_wrappers(flow: Flow, uses: Json) -> Flow:
    """The flow with these wrappers around it.

    Raises:
        BadArgument: It is a wrapper itself.
    """
    if flow.is_wrapper and uses:
        raise BadArgument(
            f"{flow.name!r} is a wrapper itself. Put both around the flow: the first one "
            "is the outermost."
        )
    return replace(flow, wrappers=uses)
