"""What a wrapper runs, and how a flow is called with wrappers."""

from datetime import timedelta
from typing import TYPE_CHECKING, Any, NoReturn

from flowkernel.clock import now
from flowkernel.errors import BadArgument, ExecutionNotFound
from flowkernel.flow_api.exceptions import (
    ExecutionCancel,
    ExecutionError,
    ExecutionSuccess,
)
from flowkernel.jsonvalue import checked
from flowkernel.models import Json
from flowkernel.status import ExecutionStatus

if TYPE_CHECKING:
    from flowkernel.flow_api.execution import Execution

S = ExecutionStatus
LOOKED_AT = 1_000  #: Of the executions that succeeded last, inclusive.
CALL_KEY = "wrapped"  #: All tries of what is wrapped are one call.


class Using:
    """A flow's call through wrappers: `this.using("retry", max_tries=5).flow("fetch")`."""

    def __init__(self, caller: "Execution", wrappers: list[Json]) -> None:
        self._caller = caller
        self._wrappers = wrappers

    def using(self, wrapper: str, **parameters: Json) -> "Using":
        """One more wrapper, within the others."""
        return Using(self._caller, [*self._wrappers, use(wrapper, parameters)])

    def flow(self, flow: str, **arguments: Any) -> "Execution":
        """As `this.flow()`; the child is the outermost wrapper."""
        return self._caller.flow(flow, using=self._wrappers, **arguments)


def use(wrapper: str, parameters: dict[str, Json]) -> Json:
    """A wrapper with its parameters, as it is sent."""
    if not isinstance(wrapper, str) or not wrapper.strip():
        raise BadArgument(f"using() needs the name of a wrapper, not {wrapper!r}.")
    return {"name": wrapper, "inputs": checked(parameters, f"using({wrapper!r})")}


class Wrapped:
    """What a wrapper runs. `this.wrapped` in the wrapper."""

    def __init__(self, wrapper: "Execution", record: dict[str, Json]) -> None:
        self._wrapper = wrapper
        self._record = record

    @property
    def name(self) -> str:
        """What its executions are called."""
        return str(self._record["name"])

    @property
    def inputs(self) -> dict[str, Json]:
        """What it gets."""
        return dict(self._record["inputs"])

    def start(self, *, parks: bool = False) -> "Execution":
        """Start it. When the wrapper itself runs again after a loss, the same one goes on.

        Args:
            parks: If it fails, it stays, with its kernel, until `decide()`.
        """
        return self._start(self.inputs, parks=parks, retry_of=None)

    def again(self, child: "Execution") -> "Execution":
        """The next try of one that ended, with other inputs if that was decided."""
        decision, parks = child.load("decision", "parks")
        # If it is a wrapper, its inputs are its parameters, and not what the flow got.
        wrapped, inputs = child.get("wrapped", "inputs")
        before = inputs if wrapped is None else wrapped["inputs"]
        given = {**before, **((decision or {}).get("inputs") or {})}
        return self._start(given, parks=parks, retry_of=child.execution_id)

    def tries(self, child: "Execution") -> int:
        """How many there were, this one included; also those before a loss of the wrapper."""
        count, before = 1, child.get("retry_of")
        while before is not None:
            count += 1
            try:
                before = self._wrapper._client.get_execution(before).retry_of
            except ExecutionNotFound:  # It was deleted.
                break
        return count

    def last_success(self, *, minutes: float) -> "Execution | None":
        """The last execution of the same source with the same inputs that succeeded lately.

        Not one in which somebody mended or skipped a cell: that was another source.
        """
        name = self._record["flow_name"]
        since = now() - timedelta(minutes=minutes)
        for known in self._wrapper._client.list_executions(
            status=S.ENDED_SUCCESS, flow_name=name, limit=LOOKED_AT
        ):
            if known.ended_at is not None and known.ended_at < since:
                return None
            is_same = known.flow_version == self._record["flow_version"]
            if is_same and known.inputs == self.inputs and known.decision is None:
                return self._wrapper._known(known)
        return None

    def _start(
        self, inputs: dict[str, Json], *, parks: bool, retry_of: str | None
    ) -> "Execution":
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

    def end_as(self, child: "Execution", *, delete_retries: bool = False) -> NoReturn:
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
