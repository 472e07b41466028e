"""One execution: in a flow `this`, what `this.flow()` returns, or what `run()` returns.

Here is what it does with children; the rest are its parts: `anywhere`, `saying`, `deciding`.
"""

from datetime import timedelta
from typing import Any, NoReturn

from flowkernel.client.flow_source import start_request
from flowkernel.core.clock import now
from flowkernel.core.errors import BadArgument, ExecutionNotFound, NotYetAvailable
from flowkernel.core.json_values import dumps, plain_json
from flowkernel.core.kernel_contract import CALL_KEY
from flowkernel.core.models import Decision, Json, Wrapped
from flowkernel.core.status import ExecutionStatus, ReturnWhen
from flowkernel.flow_api.context import needed, own, short_key
from flowkernel.flow_api.exceptions import (
    ExecutionCancel,
    ExecutionError,
    ExecutionSuccess,
)
from flowkernel.flow_api.failure_handling import FailureHandling
from flowkernel.flow_api.handle import waited
from flowkernel.flow_api.not_available import LATER, LATER_ARGUMENTS
from flowkernel.flow_api.self_reporting import SelfReporting

S = ExecutionStatus
LOOKED_AT = 1_000  #: Of the executions that succeeded last, inclusive.


class Execution(SelfReporting, FailureHandling):
    """One execution: in a flow `this`, what `this.flow()` returns, or what `run()` returns."""

    def flow(
        self,
        flow: str,
        *,
        inputs: dict[str, Json] | None = None,
        name: str | None = None,
        wait: bool | ReturnWhen = True,
        run: bool = True,
        key: str | None = None,
        using: list[Json] | None = None,
        **more_inputs: Json,
    ) -> "Execution":
        """Start a flow as a child, by its name or its path, and wait for it.

        Args:
            inputs: What it gets, together with the keyword arguments.
            name: Of the child; else the flow's.
            wait: False: do not wait. A `return_when`: wait so, and raise only if it says so.
            run: False: only record it; `child.run()` starts it.
            using: Wrappers, outermost first; `this.using()` makes them.
            key: Says which call this is when the flow is run again after a failure or a
                loss. A call whose child succeeded then returns that child and starts
                nothing. Else: its place among the calls of this flow with these inputs.

        Raises:
            DependencyFailedError: The child did not succeed.
            FlowNotFound: There is no such flow; says the nearest name.
        """
        if later := LATER_ARGUMENTS.intersection(more_inputs):
            raise NotYetAvailable(
                f"this.flow(..., {min(later)}=...)",
                "Leave it out; it comes with settings.",
            )
        here = own(self.execution_id, "flow")
        if not isinstance(inputs or {}, dict):
            raise BadArgument(f"inputs is {inputs!r}; give a dict of names and values.")
        given = plain_json({**(inputs or {}), **more_inputs}, "inputs")
        request = start_request(flow, given)
        what = _call(request, using)
        child = self._start(
            {
                **request,
                "using": using or [],
                "name": name,
                "parent_id": self.execution_id,
                "call_key": short_key(key or here.call_key(what)),
                "run": run,
            }
        )
        return _awaited(child, wait) if run else child

    def using(self, wrapper: str, **parameters: Json) -> "Using":
        """Call a flow through a wrapper: `this.using("retry", max_tries=5).flow("fetch")`."""
        own(self.execution_id, "using")
        return Using(self, [use(wrapper, parameters)])

    @property
    def wrapped(self) -> "WrappedFlow":
        """In a wrapper: what it runs."""
        record = self.get("wrapped")
        if record is None:
            raise BadArgument(
                "This flow wraps nothing: only a wrapper has `this.wrapped`. Make one with "
                "%%wrapper NAME."
            )
        return WrappedFlow(self, Wrapped.from_json(record))

    def clone(
        self,
        *,
        name: str | None = None,
        wait: bool | ReturnWhen = True,
        run: bool = True,
        **inputs: Json,
    ) -> "Execution":
        """Start the same flow once more, with the same inputs except those given."""
        here = needed()
        record = self.load_all()
        given = plain_json({**record["inputs"], **inputs}, "inputs")
        child = self._start(
            {
                "clone_of": self.execution_id,
                "inputs": given,
                "name": name,
                "parent_id": here.execution_id,
                "call_key": short_key(
                    here.call_key(f"{record['flow_name']}:{dumps(given)}")
                ),
                "run": run,
            }
        )
        return _awaited(child, wait) if run else child

    def wait_for(
        self,
        *executions: "Execution",
        return_when: ReturnWhen = ReturnWhen.ALL_SUCCEEDED,
        timeout: float | None = None,
    ) -> list["Execution"]:
        """Wait for several executions; those that have ended.

        Raises:
            DependencyFailedError: One failed, and `return_when` is ALL_SUCCEEDED.
            DependencyTimeoutError: `timeout` seconds are over.
        """
        if not executions:
            raise BadArgument("wait_for() needs at least one execution to wait for.")
        return waited(self._client, list(executions), return_when, timeout)

    def __getattr__(self, name: str) -> Any:
        if name in LATER:
            raise NotYetAvailable(f"this.{name}()", LATER[name])
        raise AttributeError(f"an execution has no attribute {name!r}")


def _call(request: dict[str, Json], using: list[Json] | None) -> str:
    """What a call is known by among those of the same flow: with what it runs, and through."""
    flow = request.get("flow") or request["source"]["path"]
    what = f"{flow}:{dumps(request['inputs'])}"
    return f"{dumps(using)}:{what}" if using else what


def _awaited(child: Execution, wait: bool | ReturnWhen) -> Execution:
    """The child, once it was waited for as the caller wants."""
    if wait is not False:
        child.wait(ReturnWhen.ALL_SUCCEEDED if wait is True else wait)
    return child


class Using:
    """A flow's call through wrappers: `this.using("retry", max_tries=5).flow("fetch")`."""

    def __init__(self, caller: Execution, wrappers: list[Json]) -> None:
        self._caller = caller
        self._wrappers = wrappers

    def using(self, wrapper: str, **parameters: Json) -> "Using":
        """One more wrapper, within the others."""
        return Using(self._caller, [*self._wrappers, use(wrapper, parameters)])

    def flow(self, flow: str, **arguments: Any) -> Execution:
        """As `this.flow()`; the child is the outermost wrapper."""
        return self._caller.flow(flow, using=self._wrappers, **arguments)


def use(wrapper: str, parameters: dict[str, Json]) -> Json:
    """A wrapper with its parameters, as it is sent."""
    if not isinstance(wrapper, str) or not wrapper.strip():
        raise BadArgument(f"using() needs the name of a wrapper, not {wrapper!r}.")
    return {"name": wrapper, "inputs": plain_json(parameters, f"using({wrapper!r})")}


class WrappedFlow:
    """What a wrapper runs. `this.wrapped` in the wrapper."""

    def __init__(self, wrapper: Execution, record: Wrapped) -> None:
        self._wrapper = wrapper
        self._record = record

    @property
    def name(self) -> str:
        """What its executions are called."""
        return self._record.name

    @property
    def inputs(self) -> dict[str, Json]:
        """What it gets."""
        return dict(self._record.inputs)

    def start(self, *, parks: bool = False) -> Execution:
        """Start it. When the wrapper itself runs again after a loss, the same one goes on.

        Args:
            parks: If it fails, it stays, with its kernel, until `decide()`.
        """
        return self._start(self.inputs, parks=parks, retry_of=None)

    def again(self, child: Execution) -> Execution:
        """The next try of one that ended, with other inputs if that was decided."""
        decision, parks = child.load("decision", "parks")
        # If it is a wrapper, its inputs are its parameters, and not what the flow got.
        wrapped, inputs = child.get("wrapped", "inputs")
        if wrapped is not None:
            inputs = Wrapped.from_json(wrapped).inputs
        if decision is not None:
            inputs = {**inputs, **(Decision.from_json(decision).inputs or {})}
        return self._start(inputs, parks=parks, retry_of=child.execution_id)

    def tries(self, child: Execution) -> int:
        """How many there were, this one included; also those before a loss of the wrapper."""
        count, before = 1, child.get("retry_of")
        while before is not None:
            count += 1
            try:
                before = self._wrapper._client.get_execution(before).retry_of
            except ExecutionNotFound:  # It was deleted.
                break
        return count

    def last_success(self, *, minutes: float) -> Execution | None:
        """The last execution of the same source with the same inputs that succeeded lately.

        Not one in which somebody mended or skipped a cell: that was another source.
        """
        name = self._record.flow_name
        since = now() - timedelta(minutes=minutes)
        for known in self._wrapper._client.list_executions(
            status=S.ENDED_SUCCESS, flow_name=name, limit=LOOKED_AT
        ):
            if known.ended_at is not None and known.ended_at < since:
                return None
            is_same = known.flow_version == self._record.flow_version
            if is_same and known.inputs == self.inputs and known.decision is None:
                return self._wrapper._known(known)
        return None

    def _start(
        self, inputs: dict[str, Json], *, parks: bool, retry_of: str | None
    ) -> Execution:
        return self._wrapper._start(
            {
                "wrapped_of": self._wrapper.execution_id,
                "parent_id": self._wrapper.execution_id,
                "call_key": CALL_KEY,
                "inputs": inputs,
                "parks": parks,
                "retry_of": retry_of,
            }
        )

    def end_as(self, child: Execution, *, delete_retries: bool = False) -> NoReturn:
        """End the wrapper as its child ended: with its output, its message, its status.

        Args:
            delete_retries: Whether the other tries go. Only now: what succeeded in one of
                them was not run twice.
        """
        if delete_retries:
            for other in self._wrapper.children:
                if other.execution_id != child.execution_id:
                    other.delete()
        status, message, output = child.load("status", "message", "output")
        if output is not None:
            self._wrapper.save(output_value=output)
        ends = {S.ENDED_SUCCESS: ExecutionSuccess, S.ENDED_CANCELLED: ExecutionCancel}
        raise ends.get(S(status), ExecutionError)(message or "")
