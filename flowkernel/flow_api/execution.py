"""`Execution`: `this` in a flow, and what `this.flow()` and `flowkernel.run()` return.

This module has what an execution does with its children. The other parts are base classes, in
`handle`, `self_reporting` and `failure_handling`.
"""

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any, NoReturn

from flowkernel.client.client import Client
from flowkernel.core.clock import now
from flowkernel.core.errors import (
    BadArgument,
    ExecutionNotFound,
    MoveNotAllowed,
    NotYetAvailable,
)
from flowkernel.core.json_values import dumps, plain_json
from flowkernel.core.kernel_contract import CALL_KEY
from flowkernel.core.models import Decision, Json, Wrapped
from flowkernel.core.status import ExecutionStatus, ReturnWhen
from flowkernel.flow_api.child_request import child_request, merged_inputs
from flowkernel.flow_api.context import own_context, required_context, short_key
from flowkernel.flow_api.exceptions import (
    ExecutionCancel,
    ExecutionError,
    ExecutionSuccess,
)
from flowkernel.flow_api.failure_handling import FailureHandling
from flowkernel.flow_api.handle import wait_for_executions
from flowkernel.flow_api.not_available import MISSING_METHODS
from flowkernel.flow_api.self_reporting import SelfReporting
from flowkernel.flow_api.typed_inputs import call_arguments

S = ExecutionStatus
MAX_LOOKED_AT = 1_000  #: Of the executions that succeeded last, inclusive.


class Execution(SelfReporting, FailureHandling):
    """One run of a flow: `this` in a flow, and what `this.flow()` and `flowkernel.run()` give.

    Example::

        def handler(system, this, inputs):
            children = [this.flow("fetch", day=day, wait=False) for day in inputs["days"]]
            this.wait_for(*children)
            this.set_output(rows=sum(child.output["rows"] for child in children))
            return this.success(f"{len(children)} days")
    """

    def flow(
        self,
        flow: str,
        *,
        inputs: dict[str, Any] | None = None,
        name: str | None = None,
        wait: bool | ReturnWhen = True,
        run: bool = True,
        key: str | None = None,
        using: list[Json] | None = None,
        extra: bool = False,
        **more_inputs: Any,
    ) -> "Execution":
        """Start a flow as a child, by its name or its path, and wait for it.

        Args:
            inputs: Its inputs, together with the keyword arguments.
            name: Of the child. Default: the name of the flow.
            wait: False: do not wait. A `return_when`: wait so, and raise only if it says so.
            run: False: only record the child; `child.run()` starts it.
            using: Wrappers, outermost first; `this.using()` makes them.
            extra: Whether inputs that the flow does not declare are passed on.
            key: Says which call this is when the flow is run again after a failure or a
                loss. A call whose child succeeded then returns that child and starts
                nothing. Default: its place among the calls of this flow with these inputs.

        Raises:
            DependencyFailedError: The child did not succeed.
            FlowNotFound: There is no such flow; names the nearest one.
            BadInputs: The flow declares its parameters, and these do not fit; says everything.
            BadValue: An input is not JSON; names its key.
        """
        all_inputs = merged_inputs(inputs, more_inputs)
        options: dict[str, Any] = {"name": name, "run": run, "key": key, "using": using}
        child = start_child(self, flow, all_inputs, extra=extra, **options)
        return _waited(child, wait) if run else child

    def using(self, wrapper: str, **parameters: Json) -> "Using":
        """Call a flow through a wrapper: `this.using("retry", max_tries=5).flow("fetch")`.

        Args:
            wrapper: Its name.
            **parameters: Its parameters; others have their defaults.
        """
        own_context(self.execution_id, "using")
        return Using(self, [use(wrapper, parameters)])

    @property
    def wrapped(self) -> "WrappedFlow":
        """In a wrapper: what it runs.

        Raises:
            BadArgument: This flow is no wrapper.
        """
        record = self.get("wrapped")
        if record is None:
            raise BadArgument(
                "This flow wraps nothing: only a wrapper has `this.wrapped`. Make one with "
                "%%wrapper NAME."
            )
        return WrappedFlow(self._client, self, Wrapped.from_json(record))

    def arguments(
        self, handler: Callable[..., Any], inputs: dict[str, Any]
    ) -> dict[str, Any]:
        """What a handler gets by the names of its arguments, as the types they declare.

        The line that calls a handler such as `handler(system, this, *, day: date)` has it.

        Args:
            handler: The function.
            inputs: Those of this execution.

        Raises:
            MissingInputError: An argument has no default, and there is no input for it.
        """
        return call_arguments(handler, inputs)

    def clone(
        self,
        *,
        name: str | None = None,
        wait: bool | ReturnWhen = True,
        run: bool = True,
        **inputs: Json,
    ) -> "Execution":
        """Start the same flow once more, as a child of the flow that calls this.

        Args:
            name: Of the new execution. Default: the name of the flow.
            wait: As for `flow()`.
            run: As for `flow()`.
            **inputs: These replace the inputs of the same names; the others stay.

        Raises:
            DependencyFailedError: It did not succeed.
        """
        context = required_context()
        record = self.load_all()
        all_inputs = plain_json({**record["inputs"], **inputs}, "inputs")
        call = f"{record['flow_name']}:{dumps(all_inputs)}"
        request = {
            "clone_of": self.execution_id,
            "parent_id": context.execution_id,
            "inputs": all_inputs,
            "name": name,
            "call_key": short_key(context.call_key(call)),
            "run": run,
        }
        child = _start(self._client, request)
        return _waited(child, wait) if run else child

    def wait_for(
        self,
        *executions: "Execution",
        return_when: ReturnWhen = ReturnWhen.ALL_SUCCEEDED,
        timeout: float | None = None,
    ) -> list["Execution"]:
        """Wait for several executions. Returns those that have ended.

        Args:
            return_when: Whether for all or the first, and however they end.
            timeout: Seconds, without those in which something under them waits for a
                person. None: no limit.

        Raises:
            DependencyFailedError: One did not succeed, and `return_when` is ALL_SUCCEEDED.
            DependencyTimeoutError: `timeout` seconds are over. They continue to run.
        """
        if not executions:
            raise BadArgument("wait_for() needs at least one execution to wait for.")
        return wait_for_executions(self._client, list(executions), return_when, timeout)

    def __getattr__(self, name: str) -> Any:
        if name in MISSING_METHODS:
            raise NotYetAvailable(f"this.{name}()", MISSING_METHODS[name])
        raise AttributeError(f"an execution has no attribute {name!r}")


def start_child(
    parent: Execution, flow: str, inputs: dict[str, Json], **options: Any
) -> Execution:
    """Start a flow as a child of the flow whose kernel this is, and do not wait.

    `options`: those of `child_request`.
    """
    request = child_request(parent.execution_id, flow, inputs, **options)
    return _start(parent._client, request)  # noqa: SLF001 (of a handle: the same module)


def _start(client: Client, request: dict[str, Json]) -> Execution:
    record = client.start(request).to_json()
    return Execution(client, record["execution_id"], record)


def _waited(child: Execution, wait: bool | ReturnWhen) -> Execution:
    """The child, after the wait that the caller wants."""
    if wait is not False:
        child.wait(ReturnWhen.ALL_SUCCEEDED if wait is True else wait)
    return child


class Using:
    """A call through wrappers, before its flow is named. `this.using(...)` returns one.

    Example::

        this.using("timeout", timeout_sec=60).using("retry", max_tries=5).flow("fetch")
    """

    def __init__(self, caller: Execution, wrappers: list[Json]) -> None:
        self._caller = caller
        self._wrappers = wrappers

    def using(self, wrapper: str, **parameters: Json) -> "Using":
        """Add a wrapper inside the others."""
        return Using(self._caller, [*self._wrappers, use(wrapper, parameters)])

    def flow(self, flow: str, **arguments: Any) -> Execution:
        """Start a flow as `this.flow()` does. The child is the outermost wrapper."""
        return self._caller.flow(flow, using=self._wrappers, **arguments)


def use(wrapper: str, parameters: dict[str, Json]) -> Json:
    """A wrapper with its parameters, as requests have it.

    >>> use("retry", {"max_tries": 5})
    {'name': 'retry', 'inputs': {'max_tries': 5}}

    Raises:
        BadArgument: The name is empty or no text.
        BadValue: A parameter is not JSON.
    """
    if not isinstance(wrapper, str) or not wrapper.strip():
        raise BadArgument(f"using() needs the name of a wrapper, not {wrapper!r}.")
    return {"name": wrapper, "inputs": plain_json(parameters, f"using({wrapper!r})")}


class WrappedFlow:
    """What a wrapper runs: `this.wrapped` in the wrapper.

    Example::

        def handler(system, this):
            child = this.wrapped.start().wait(system.return_when.ALL_ENDED)
            return this.wrapped.end_as(child)
    """

    def __init__(self, client: Client, wrapper: Execution, record: Wrapped) -> None:
        self._client = client
        self._wrapper = wrapper
        self._record = record

    @property
    def name(self) -> str:
        """The name that its executions get."""
        return self._record.name

    @property
    def inputs(self) -> dict[str, Json]:
        """Its inputs."""
        return dict(self._record.inputs)

    def start(self, *, parks: bool = False) -> Execution:
        """Start it, and do not wait. After a loss of the wrapper it returns the same execution.

        Args:
            parks: If it fails, it stays paused, with its kernel, until `decide()`.
        """
        return self._start(self.inputs, parks=parks, retry_of=None)

    def again(self, child: Execution) -> Execution:
        """Start the next try after a child that has ended, and do not wait.

        It has the inputs of that child, or those that a person entered in its prompt.
        """
        decision, parks = child.load("decision", "parks")
        # The inputs of a wrapper are its parameters, not those of the flow that it runs.
        wrapped, inputs = child.get("wrapped", "inputs")
        if wrapped is not None:
            inputs = Wrapped.from_json(wrapped).inputs
        if decision is not None:
            inputs = {**inputs, **(Decision.from_json(decision).inputs or {})}
        return self._start(inputs, parks=parks, retry_of=child.execution_id)

    def tries(self, child: Execution) -> int:
        """The number of tries, `child` included; also those before a loss of the wrapper.

        Not those of another run of the wrapper, which this one retries, but for the one that
        it took over from there.
        """
        count, previous_id = 1, child.get("retry_of")
        while previous_id is not None:
            try:
                previous = self._client.get_execution(previous_id)
            except ExecutionNotFound:  # It was deleted.
                return count + 1
            if previous.current_parent_id != self._wrapper.execution_id:
                break
            count, previous_id = count + 1, previous.retry_of
        return count

    def last_success(self, *, minutes: float) -> Execution | None:
        """The latest success of the same source with the same inputs; None if there is none.

        An execution in which a person edited or skipped a cell does not count: it ran another
        source.

        Args:
            minutes: How long ago it may have ended.
        """
        flow_name, version = self._record.flow_name, self._record.flow_version
        earliest = now() - timedelta(minutes=minutes)
        for record in self._client.list_executions(
            status=S.ENDED_SUCCESS, flow_name=flow_name, limit=MAX_LOOKED_AT
        ):
            if record.ended_at is not None and record.ended_at < earliest:
                return None
            is_same = record.flow_version == version and record.inputs == self.inputs
            if is_same and record.decision is None:
                return Execution(self._client, record.execution_id, record.to_json())
        return None

    def _start(
        self, inputs: dict[str, Json], *, parks: bool, retry_of: str | None
    ) -> Execution:
        return _start(
            self._client,
            {
                "wrapped_of": self._wrapper.execution_id,
                "parent_id": self._wrapper.execution_id,
                "call_key": CALL_KEY,
                "inputs": inputs,
                "parks": parks,
                "retry_of": retry_of,
            },
        )

    def end_as(self, child: Execution, *, delete_retries: bool = False) -> NoReturn:
        """End the wrapper as its child ended: with its output, its message and its status.

        Args:
            delete_retries: Whether to delete the other tries. Not earlier: the next try uses
                what succeeded in them.

        Raises:
            BadArgument: The child has not ended.
        """
        status, message, output = child.load("status", "message", "output")
        if not S(status).is_ended:
            raise BadArgument(
                f"end_as() needs a child that has ended, and {child.get('name')!r} is "
                f"{S(status).label}. Wait for it first: "
                "child.wait(system.return_when.ALL_ENDED)."
            )
        if delete_retries:
            self._delete_tries(child)
        if output is not None:
            self._wrapper.save(output_value=output)
        ends = {S.ENDED_SUCCESS: ExecutionSuccess, S.ENDED_CANCELLED: ExecutionCancel}
        raise ends.get(S(status), ExecutionError)(message or "")

    def _delete_tries(self, last: Execution) -> None:
        """Delete the tries before the last: those of this wrapper, and not still needed."""
        for other in self._wrapper.children:
            is_own = other.get("parent_id") == self._wrapper.execution_id
            if is_own and other.execution_id != last.execution_id:
                with suppress(MoveNotAllowed):
                    other.delete()
