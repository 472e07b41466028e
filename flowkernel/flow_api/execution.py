"""One execution: in a flow `this`, what `this.flow()` returns, or what `run()` returns.

Here is what it does with children; the rest are its parts: `anywhere`, `saying`, `deciding`.
"""

from typing import Any

from flowkernel.errors import BadArgument, NotYetAvailable
from flowkernel.flow_api.anywhere import waited
from flowkernel.flow_api.deciding import Deciding
from flowkernel.flow_api.here import needed, own, short_key
from flowkernel.flow_api.later import LATER, LATER_ARGUMENTS
from flowkernel.flow_api.saying import Saying
from flowkernel.flow_api.wrapping import Using, Wrapped, use
from flowkernel.jsonvalue import checked, dumps
from flowkernel.models import Json
from flowkernel.source import start_request
from flowkernel.status import ReturnWhen


class Execution(Saying, Deciding):
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
        given = checked({**(inputs or {}), **more_inputs}, "inputs")
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

    def using(self, wrapper: str, **parameters: Json) -> Using:
        """Call a flow through a wrapper: `this.using("retry", max_tries=5).flow("fetch")`."""
        own(self.execution_id, "using")
        return Using(self, [use(wrapper, parameters)])

    @property
    def wrapped(self) -> Wrapped:
        """In a wrapper: what it runs."""
        record = self.get("wrapped")
        if record is None:
            raise BadArgument(
                "This flow wraps nothing: only a wrapper has `this.wrapped`. Make one with "
                "%%wrapper NAME."
            )
        return Wrapped(self, record)

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
        given = checked({**record["inputs"], **inputs}, "inputs")
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
