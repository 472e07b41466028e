"""What a flow's source imports: System, Execution, return_when, and the exceptions.

In a flow's kernel `system`, `this` and `inputs` are ready. The names are those that the
documentation of Cloudomation's flow API gives; where that is not public, they are ours.
"""

import builtins
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn, Self

from flowkernel.client import Client
from flowkernel.clock import new_id
from flowkernel.errors import BadArgument, NotInFlowKernel, NotYetAvailable
from flowkernel.flow_exceptions import (
    CloudomationException,
    DependencyFailedError,
    DependencyTimeoutError,
    EngineException,
    ExecutionCancel,
    ExecutionError,
    ExecutionSuccess,
    ExtraInputError,
    InternalError,
    InvalidInputError,
    LifecycleSignal,
    LockTimeoutError,
    MessageResponseTimeoutError,
    MissingInputError,
    PermissionDenied,
    ResourceNotFoundError,
    SchemaValidationError,
    TimeoutExceededError,
)
from flowkernel.jsonvalue import checked, dumps
from flowkernel.models import Json
from flowkernel.source import start_request
from flowkernel.status import ExecutionStatus, ReturnWhen
from flowkernel.tree import tree_text

__all__ = [
    "CloudomationException",
    "DependencyFailedError",
    "DependencyTimeoutError",
    "EngineException",
    "Execution",
    "ExecutionCancel",
    "ExecutionError",
    "ExecutionSuccess",
    "ExtraInputError",
    "FlowRecord",
    "InternalError",
    "InvalidInputError",
    "LifecycleSignal",
    "LockTimeoutError",
    "Message",
    "MessageResponseTimeoutError",
    "MissingInputError",
    "PermissionDenied",
    "ResourceNotFoundError",
    "ReturnWhen",
    "SchemaValidationError",
    "System",
    "TimeoutExceededError",
    "begin",
    "current",
    "return_when",
    "warn_if_outside",
]

WAIT_SECONDS = 20.0  #: One question "is it over?" is held open this long.

return_when = ReturnWhen


# -- where this process stands ---------------------------------------------------------------


@dataclass
class _Here:
    """The execution whose kernel this is."""

    client: Client
    execution_id: str
    calls: dict[str, int] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def call_key(self, what: str) -> str:
        """The key of the next call of its kind: the same when the flow is run again."""
        with self.lock:
            self.calls[what] = self.calls.get(what, 0) + 1
            return f"{what}#{self.calls[what]}"


_here: _Here | None = None


def begin(
    client: Client, execution_id: str, inputs: dict[str, Json]
) -> tuple[Any, ...]:
    """Called in a flow's kernel before its first cell: `system`, `this`, `inputs`."""
    global _here
    _here = _Here(client, execution_id)
    return System(client), Execution(client, execution_id), inputs


def current() -> "Execution | None":
    """The execution whose kernel this is; None outside a flow's kernel."""
    return Execution(_here.client, _here.execution_id) if _here else None


def warn_if_outside() -> None:
    """Say what to do when `flow_api` is imported where no flow runs."""
    if _here is None:
        warnings.warn(_ADVICE, stacklevel=3)


_ADVICE = (
    "flow_api was imported outside a flow's kernel: the code can be read here, not run. "
    "Put `%%flow NAME` on the first line of the cell and start it with `%flow_run NAME`, "
    "or run the file with `flowkernel run FILE`."
)


def __getattr__(name: str) -> Any:
    if name in ("this", "system", "inputs"):
        raise NotInFlowKernel(_ADVICE)
    raise AttributeError(f"module 'flow_api' has no attribute {name!r}")


def _needed() -> _Here:
    if _here is None:
        raise NotInFlowKernel(_ADVICE)
    return _here


# -- records ---------------------------------------------------------------------------------

#: Names of the documentation for fields that have another name in the store.
ALIASES = {
    "id": "execution_id",
    "input_value": "inputs",
    "output_value": "output",
    "message": "status_message",
}


class Execution:
    """One execution: in a flow `this`, what `this.flow()` returns, or what `run()` returns."""

    def __init__(
        self, client: Client, execution_id: str, record: dict[str, Json] | None = None
    ) -> None:
        self._client = client
        self.execution_id = execution_id
        self._record = record

    # What it says.

    def get(self, *names: str) -> Any:
        """One field, or a tuple of several, as last read. `load` reads anew."""
        if self._record is None:
            self.load_all()
        return _pick(self._record or {}, names)

    def load(self, *names: str) -> Any:
        """One field, or a tuple of several, read from the engine now."""
        return _pick(self.load_all(), names)

    def load_all(self) -> dict[str, Json]:
        """Every field, read from the engine now."""
        self._record = self._client.get(f"/execution/{self.execution_id}")
        return self._record or {}

    def save(self, **values: Json) -> Self:
        """Set `name`, `message`, or the whole `output_value`."""
        if "output_value" in values:
            output = checked(values.pop("output_value"), "output")
            self._post("output", {"output": output, "merge": False})
        if values:
            fields = {ALIASES.get(name, name): value for name, value in values.items()}
            self._client.request("PATCH", f"/execution/{self.execution_id}", fields)
        return self

    @property
    def status(self) -> ExecutionStatus:
        """Where it stands now."""
        if (
            self._record is not None
            and ExecutionStatus(self._record["status"]).is_ended
        ):
            return ExecutionStatus(self._record["status"])
        return ExecutionStatus(self.load("status"))

    @property
    def output(self) -> Json:
        """What it set with `set_output`; None if nothing."""
        return self.get("output") if self.status.is_ended else self.load("output")

    @property
    def children(self) -> list["Execution"]:
        """What it started, oldest first."""
        family = self._client.tree(self.execution_id)["executions"]
        return [
            Execution(self._client, record["execution_id"], record)
            for record in family
            if record["parent_id"] == self.execution_id
        ]

    @property
    def notebook(self) -> Path | None:
        """The output notebook; None before it started."""
        path = self.load("notebook_path")
        return self._client.home.path / path if path else None

    def tree(self) -> str:
        """It and everything under it, as text."""
        return tree_text(self._client.tree(self.execution_id), self.execution_id)

    # What it does: in its own kernel.

    def flow(
        self,
        flow: str,
        *,
        inputs: dict[str, Json] | None = None,
        name: str | None = None,
        wait: bool | ReturnWhen = True,
        run: bool = True,
        key: str | None = None,
        **more_inputs: Json,
    ) -> "Execution":
        """Start a flow as a child, by its name or its path, and wait for it.

        Args:
            inputs: What it gets, together with the keyword arguments.
            name: Of the child; else the flow's.
            wait: False: do not wait. A `return_when`: wait so, and raise only if it says so.
            run: False: only record it; `child.run()` starts it.
            key: Says which call this is when the flow is run again after a failure or a
                loss. A call whose child succeeded then returns that child and starts
                nothing. Else: its place among the calls of this flow with these inputs.

        Raises:
            DependencyFailedError: The child did not succeed.
            FlowNotFound: There is no such flow; says the nearest name.
        """
        if later := _LATER_ARGUMENTS.intersection(more_inputs):
            raise NotYetAvailable(
                f"this.flow(..., {min(later)}=...)",
                "Leave it out; it comes with settings.",
            )
        here = self._own("flow")
        given = checked({**(inputs or {}), **more_inputs}, "inputs")
        request = start_request(flow, given)
        what = f"{request.get('flow') or request['source']['path']}:{dumps(given)}"
        child = self._start(
            {
                **request,
                "name": name,
                "parent_id": self.execution_id,
                "call_key": _short(key or here.call_key(what)),
                "run": run,
            }
        )
        if run and wait is not False:
            child.wait(ReturnWhen.ALL_SUCCEEDED if wait is True else wait)
        return child

    def clone(
        self,
        *,
        name: str | None = None,
        wait: bool | ReturnWhen = True,
        run: bool = True,
        **inputs: Json,
    ) -> "Execution":
        """Start the same flow once more, with the same inputs except those given."""
        here = _needed()
        record = self.load_all()
        given = checked({**record["inputs"], **inputs}, "inputs")
        child = self._start(
            {
                "clone_of": self.execution_id,
                "inputs": given,
                "name": name,
                "parent_id": here.execution_id,
                "call_key": _short(
                    here.call_key(f"{record['flow_name']}:{dumps(given)}")
                ),
                "run": run,
            }
        )
        if run and wait is not False:
            child.wait(ReturnWhen.ALL_SUCCEEDED if wait is True else wait)
        return child

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
        return _wait(self._client, list(executions), return_when, timeout)

    def set_output(self, *key_and_value: Any, **values: Json) -> Self:
        """Add to the output: `set_output("rows", 3)` or `set_output(rows=3)`."""
        if key_and_value:
            if len(key_and_value) != 2 or not isinstance(key_and_value[0], str):
                raise BadArgument(
                    "set_output takes a key and a value, or keywords: set_output(rows=3)."
                )
            values[key_and_value[0]] = key_and_value[1]
        self._post("output", {"output": checked(values, "output"), "merge": True})
        return self

    def log(self, *values: object, **named: object) -> Self:
        """Write a line to the log of the execution, which its notebook shows too."""
        words = [str(value) for value in values]
        words += [f"{name}={value!r}" for name, value in named.items()]
        line = " ".join(words)
        shell = getattr(builtins, "get_ipython", lambda: None)()
        if shell is None or self._own("log") is None:
            self._post("log", {"stream": "log", "text": line + "\n"})
        else:
            shell.display_pub.publish(
                {"text/plain": line}, {"flowkernel": {"stream": "log"}}
            )
        return self

    def message(
        self,
        subject: str,
        message: str | None = None,
        *,
        message_type: str = "INFO",
        wait: bool = True,
        **form: Any,
    ) -> "Message":
        """Send a note to the people of this home. It is recorded, and returns at once."""
        if form:
            raise NotYetAvailable(
                f"this.message(..., {min(form)}=...)",
                "A message is a note so far; forms and answers come with interactive mode.",
            )
        told = self._post(
            "message",
            {
                "message_id": new_id(),
                "subject": subject,
                "message": message,
                "message_type": message_type,
            },
        )
        return Message(told)

    def success(self, message: str | None = None) -> NoReturn:
        """End the flow with success, at once."""
        self._own("success")
        raise ExecutionSuccess("" if message is None else str(message))

    def error(self, message: str | None = None) -> NoReturn:
        """End the flow with an error, at once."""
        self._own("error")
        raise ExecutionError("" if message is None else str(message))

    def end(self, status: str, message: str | None = None) -> NoReturn:
        """End the flow as `success`, `error` or `cancelled` (or the full status)."""
        self._own("end")
        ends: dict[str, type[LifecycleSignal]] = {
            "success": ExecutionSuccess,
            "error": ExecutionError,
            "cancelled": ExecutionCancel,
        }
        word = str(status).lower().removeprefix("ended_")
        if word not in ends:
            raise BadArgument(
                f"A flow cannot end as {status!r}; only as {', '.join(ends)}."
            )
        raise ends[word]("" if message is None else str(message))

    def sleep(self, seconds: float) -> None:
        """Do nothing for so long. Holds no slot meanwhile."""
        self.sleep_until(time.time() + float(seconds))

    def sleep_until(self, moment: float | datetime) -> None:
        """Do nothing until a moment: seconds since 1970, or an aware datetime."""
        if isinstance(moment, datetime):
            if moment.tzinfo is None:
                raise BadArgument(
                    f"{moment} has no time zone. Add one: tzinfo=timezone.utc."
                )
            moment = moment.timestamp()
        until = datetime.fromtimestamp(moment, UTC).isoformat()
        execution_id = self._own("sleep").execution_id
        question = {"until": until, "is_flow": True}
        _hold(self._client, execution_id, question, lambda: moment - time.time())

    # What can be done to it, from anywhere.

    def run(self, **inputs: Json) -> Self:
        """Start one that was recorded with `run=False`, and wait for it."""
        return self.run_async(**inputs).wait()

    def run_async(self, **inputs: Json) -> Self:
        """Start one that was recorded with `run=False`."""
        self._record = self._post("run", {"inputs": checked(inputs, "inputs")})
        return self

    def wait(
        self,
        return_when: ReturnWhen = ReturnWhen.ALL_SUCCEEDED,
        timeout: float | None = None,
    ) -> Self:
        """Wait for it to end.

        Raises:
            DependencyFailedError: It did not succeed, and `return_when` is ALL_SUCCEEDED.
            DependencyTimeoutError: `timeout` seconds are over.
        """
        _wait(self._client, [self], return_when, timeout)
        return self

    def cancel(self) -> Self:
        """Stop it, and everything under it."""
        self._post("cancel", {})
        return self

    def pause(self) -> Self:
        """Let it stop after the cell that runs now, until `resume`."""
        self._post("pause", {})
        return self

    def resume(self) -> Self:
        """Let a paused one go on."""
        self._post("resume", {})
        return self

    # How it looks.

    def __repr__(self) -> str:
        if self._record is None:
            return f"<Execution {self.execution_id}>"
        name, status, message = _pick(self._record, ("name", "status", "message"))
        tail = f": {message}" if message else ""
        return f"<Execution {name!r} {status}{tail} ({self.execution_id[-8:]})>"

    def _start(self, request: dict[str, Json]) -> "Execution":
        record = self._client.start(request).to_json()
        return Execution(self._client, record["execution_id"], record)

    def _post(self, verb: str, body: dict[str, Json]) -> Any:
        return self._client.post(f"/execution/{self.execution_id}/{verb}", body)

    def _own(self, method: str) -> _Here:
        here = _needed()
        if here.execution_id != self.execution_id:
            raise BadArgument(
                f"{method}() belongs to the flow that calls it: use `this.{method}(...)`."
            )
        return here

    def __getattr__(self, name: str) -> Any:
        if name in _LATER:
            raise NotYetAvailable(f"this.{name}()", _LATER[name])
        raise AttributeError(f"an execution has no attribute {name!r}")


_LATER = {
    "connect": "Connectors come later; until then use a Python package in the flow.",
    "task": "Connectors come later; until then use a Python package in the flow.",
    "script": "Register the code with %%flow and start it with this.flow(NAME).",
    "using": "Wrappers come with interactive mode; until then call the flow directly.",
    "webhook_html_response": "Webhooks come later.",
    "save_dump": "Savepoints are not offered: children that succeeded are not run twice.",
    "load_dump": "Savepoints are not offered: children that succeeded are not run twice.",
}
_LATER_ARGUMENTS = frozenset({"protect_inputs", "protect_outputs", "init"})


class Message:
    """A note that was sent."""

    def __init__(self, record: dict[str, Json]) -> None:
        self._record = record

    def get(self, *names: str) -> Any:
        """One field, or a tuple of several."""
        return _pick(self._record, names)

    def __repr__(self) -> str:
        return f"<Message {self._record['subject']!r}>"


class FlowRecord:
    """A registered flow."""

    def __init__(self, client: Client, name: str) -> None:
        self._client = client
        self.name = name

    def get(self, *names: str) -> Any:
        """One field, or a tuple of several."""
        return _pick(self._client.get_flow(self.name).to_json(), names)

    load = get

    def exists(self) -> bool:
        """Whether a flow of this name is registered."""
        return any(flow.name == self.name for flow in self._client.list_flows())

    def delete(self) -> None:
        """Forget the name. Versions that ran are kept."""
        self._client.delete_flow(self.name)

    def __repr__(self) -> str:
        return f"<Flow {self.name!r}>"


class System:
    """The home a flow runs in: its flows, executions and messages."""

    return_when = ReturnWhen

    def __init__(self, client: Client | None = None) -> None:
        self._client = client or _needed().client

    def flow(self, name: str) -> FlowRecord:
        """A flow by its name."""
        return FlowRecord(self._client, name)

    def flows(self) -> Iterator[FlowRecord]:
        """All flows, by name."""
        return (
            FlowRecord(self._client, flow.name) for flow in self._client.list_flows()
        )

    def execution(self, execution_id: str) -> Execution:
        """An execution by its id."""
        record = self._client.get_execution(execution_id).to_json()
        return Execution(self._client, record["execution_id"], record)

    def executions(self, **filters: Any) -> Iterator[Execution]:
        """The newest executions: `status`, `flow_name`, `limit`, ..."""
        for execution in self._client.list_executions(**filters):
            yield Execution(self._client, execution.execution_id, execution.to_json())

    def message(self, message_id: str) -> Message:
        """A message by its id."""
        return Message(self._client.get(f"/message/{message_id}"))

    def messages(self) -> Iterator[Message]:
        """The newest messages."""
        return (Message(record) for record in self._client.get("/message"))

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        raise NotYetAvailable(
            f"system.{name}", "So far a system has flows, executions and messages."
        )


# -- waiting ---------------------------------------------------------------------------------


def _wait(
    client: Client, executions: list[Execution], when: ReturnWhen, timeout: float | None
) -> list[Execution]:
    ids = [execution.execution_id for execution in executions]
    deadline = None if timeout is None else time.monotonic() + timeout
    left = (lambda: deadline - time.monotonic()) if deadline is not None else None
    waiter = _here.execution_id if _here is not None else ids[0]
    question = {"for": ids, "return_when": when, "is_flow": _here is not None}
    told = _hold(client, waiter, question, left)
    records = {record["execution_id"]: record for record in told["executions"]}
    for execution in executions:
        execution._record = records[execution.execution_id]
    if not told["is_over"]:
        raise DependencyTimeoutError(
            f"{len(ids)} execution(s) did not end within {timeout} s; they go on."
        )
    ended = [e for e in executions if ExecutionStatus(e.get("status")).is_ended]
    if when is ReturnWhen.ALL_SUCCEEDED:
        for execution in ended:
            if execution.get("status") != ExecutionStatus.ENDED_SUCCESS:
                raise DependencyFailedError(execution)
    return ended


def _hold(
    client: Client,
    waiter: str,
    question: dict[str, Json],
    left: Callable[[], float] | None,
) -> dict[str, Json]:
    """Ask "is it over?" until it is, or until `left()` seconds are none."""
    while True:
        seconds = WAIT_SECONDS if left is None else min(WAIT_SECONDS, max(0.0, left()))
        is_last = left is not None and left() <= seconds
        told: dict[str, Json] = client.post(
            f"/execution/{waiter}/wait",
            {**question, "seconds": seconds, "is_last": is_last},
        )
        if told["is_over"] or (left is not None and left() <= 0):
            return told


def _pick(record: dict[str, Json], names: tuple[str, ...]) -> Any:
    found = []
    for name in names:
        name = ALIASES.get(name, name) if name not in record else name
        if name not in record:
            raise BadArgument(
                f"There is no field {name!r}; there are {', '.join(record)}."
            )
        found.append(record[name])
    return found[0] if len(found) == 1 else tuple(found)


MAX_KEY = 200  #: Characters of a call key as it is stored; longer ones are hashed.


def _short(key: str) -> str:
    if len(key) <= MAX_KEY:
        return key
    from hashlib import sha256

    return (
        f"{key[:100]}...{sha256(key.encode()).hexdigest()}{key[key.rfind('#') :][:10]}"
    )
