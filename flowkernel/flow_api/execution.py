"""One execution: in a flow `this`, what `this.flow()` returns, or what `run()` returns."""

import builtins
import math
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn, Self

from flowkernel.client import Client
from flowkernel.clock import new_id
from flowkernel.errors import BadArgument, MoveNotAllowed, NotYetAvailable
from flowkernel.flow_api.exceptions import (
    DependencyFailedError,
    ExecutionCancel,
    ExecutionError,
    ExecutionSuccess,
    LifecycleSignal,
    MessageClosed,
)
from flowkernel.flow_api.here import Here, needed, short_key
from flowkernel.flow_api.later import LATER, LATER_ARGUMENTS
from flowkernel.flow_api.records import ALIASES, Message, pick
from flowkernel.flow_api.waiting import hold, wait
from flowkernel.flow_api.wrapping import Using, Wrapped, use
from flowkernel.jsonvalue import checked, dumps
from flowkernel.models import Execution as Record
from flowkernel.models import Json
from flowkernel.source import start_request
from flowkernel.status import ExecutionStatus, ReturnWhen
from flowkernel.tree import tree_text

MAX_PATIENCE = 10 * 366 * 86_400.0  #: Seconds a prompt may be open, inclusive.


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
        known = self._record or {}  # Of a tree, and then not with all there is.
        if any(name not in known and ALIASES.get(name) not in known for name in names):
            self.load_all()
        return pick(self._record or {}, names)

    def load(self, *names: str) -> Any:
        """One field, or a tuple of several, read from the engine now."""
        return pick(self.load_all(), names)

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
        here = self._own("flow")
        if not isinstance(inputs or {}, dict):
            raise BadArgument(f"inputs is {inputs!r}; give a dict of names and values.")
        given = checked({**(inputs or {}), **more_inputs}, "inputs")
        request = start_request(flow, given)
        what = f"{request.get('flow') or request['source']['path']}:{dumps(given)}"
        if using:
            what = f"{dumps(using)}:{what}"
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
        if run and wait is not False:
            child.wait(ReturnWhen.ALL_SUCCEEDED if wait is True else wait)
        return child

    def using(self, wrapper: str, **parameters: Json) -> Using:
        """Call a flow through a wrapper: `this.using("retry", max_tries=5).flow("fetch")`."""
        self._own("using")
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
        return _waited(self._client, list(executions), return_when, timeout)

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
        request: str | None = None,
        body: Json = None,
        message_type: str = "INFO",
        wait: bool = True,
        timeout: float | None = None,
    ) -> "Message":
        """Send a message to the people of this home, and wait for the answer.

        Args:
            message: What it says, in Markdown. People say OK to it.
            request: A question for one text, which is `response["string"]`.
            body: A form: a JSON schema of an object, with an `element` for each property.
            message_type: INFO, WARN, ERROR or POPUP.
            wait: False: do not wait. `wait()` of what is returned does so later; a message
                that only says something then asks for nothing.
            timeout: Seconds until nobody can answer any more. Default: no limit.

        Raises:
            BadForm: The body cannot be shown; says which property is at fault.
            MessageResponseTimeoutError: Nobody answered in time.
        """
        here = self._own("message")
        asked = checked([message, request, body], "the message")
        if timeout is not None and not 0 <= timeout < math.inf:
            raise BadArgument(f"timeout is {timeout}; give seconds, 0 or more.")
        told = self._post(
            "message",
            {
                "message_id": new_id(),
                "subject": subject,
                "message": message,
                "request": request,
                "body": body,
                "message_type": message_type,
                "wait": wait,
                "timeout": timeout,
                "call_key": short_key(here.message_key(f"{subject}:{dumps(asked)}")),
            },
        )
        sent = Message(self._client, told)
        return sent.wait() if wait else sent

    def ask_about(
        self, failed: "Execution", *, timeout: float | None = None
    ) -> Message:
        """Ask what is to follow from a failure, and wait for the answer.

        Raises:
            MessageResponseTimeoutError: Nobody answered within `timeout` seconds.
            MessageClosed: There is nothing to decide on any more.
        """
        self._own("ask_about")
        asked = {
            "message_id": new_id(),
            "about_id": failed.execution_id,
            "timeout": timeout,
        }
        try:
            told = self._post("prompt", asked)
        except MoveNotAllowed as error:  # It was cancelled, or decided on, just now.
            raise MessageClosed(str(error)) from error
        return Message(self._client, told).wait()

    def is_attended(self, minutes: float) -> bool:
        """Whether somebody is there: did something within so many minutes, or said so."""
        told = self._client.get(
            f"/execution/{self.execution_id}/presence", minutes=minutes
        )
        return bool(told["is_attended"])

    def patience(self, minutes: float) -> float | None:
        """Seconds until a prompt is given up; None: never, for somebody said to wait."""
        seconds = min(minutes * 60, MAX_PATIENCE)
        return None if self.get("is_interactive") else seconds

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
        hold(self._client, execution_id, question, lambda: moment - time.time())

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
        _waited(self._client, [self], return_when, timeout)
        return self

    @property
    def has_failed(self) -> bool:
        """Whether it failed and waits for somebody to decide; as last read."""
        record = self._record or self.load_all()
        is_aside = record["status"] == ExecutionStatus.PAUSED
        return is_aside and record["failure"] is not None and record["decision"] is None

    def settle(self, timeout: float | None = None) -> Self:
        """Wait until it has ended, or has failed and waits for somebody to decide.

        Raises:
            DependencyTimeoutError: `timeout` seconds are over.
        """
        ids = [self.execution_id]
        records = wait(
            self._client, ids, ReturnWhen.ALL_ENDED, timeout, counts_failed=True
        )
        self._record = records[self.execution_id]
        return self

    def decide(
        self,
        decision: "Message | str",
        *,
        why: str | None = None,
        archive: bool = True,
    ) -> str | None:
        """Have followed what somebody answered; the verb, as `retry_cell`. None: the answer
        came too late, and it has to be looked at again.

        Args:
            decision: An answered prompt; or a verb.
            archive: Whether a try that is followed by another one is archived.
        """
        if isinstance(decision, Message):
            body: dict[str, Json] = {"message_id": decision.message_id}
        else:
            body = {"verb": decision, "why": why}
        body |= {"archive": archive, "started_by": self._client.started_by}
        try:
            self._record = self._post("decide", body)
        except MoveNotAllowed:  # It was cancelled, or decided on, just now.
            return None
        made = (self._record or {}).get("decision")
        return str(made["verb"]) if made else None

    def cancel(self) -> Self:
        """Stop it, and everything under it."""
        self._client.act(self.execution_id, "cancel")
        return self

    def delete(self) -> None:
        """Let it go, and everything under it: events, cell runs, output notebooks. Only
        what has ended."""
        self._client.request("DELETE", f"/execution/{self.execution_id}")

    def pause(self) -> Self:
        """Let it stop after the cell that runs now, until `resume`."""
        self._client.act(self.execution_id, "pause")
        return self

    def resume(self) -> Self:
        """Let a paused one go on."""
        self._client.act(self.execution_id, "resume")
        return self

    # How it looks.

    def __repr__(self) -> str:
        if self._record is None:
            return f"<Execution {self.execution_id}>"
        name, status, message = pick(self._record, ("name", "status", "message"))
        tail = f": {message}" if message else ""
        return f"<Execution {name!r} {status}{tail} ({self.execution_id[-8:]})>"

    def _start(self, request: dict[str, Json]) -> "Execution":
        record = self._client.start(request).to_json()
        return Execution(self._client, record["execution_id"], record)

    def _known(self, record: Record) -> "Execution":
        return Execution(self._client, record.execution_id, record.to_json())

    def _post(self, verb: str, body: dict[str, Json]) -> Any:
        return self._client.post(f"/execution/{self.execution_id}/{verb}", body)

    def _own(self, method: str) -> Here:
        here = needed()
        if here.execution_id != self.execution_id:
            raise BadArgument(
                f"{method}() belongs to the flow that calls it: use `this.{method}(...)`."
            )
        return here

    def __getattr__(self, name: str) -> Any:
        if name in LATER:
            raise NotYetAvailable(f"this.{name}()", LATER[name])
        raise AttributeError(f"an execution has no attribute {name!r}")


def _waited(
    client: Client, executions: list[Execution], when: ReturnWhen, timeout: float | None
) -> list[Execution]:
    """Wait; those that have ended."""
    records = wait(client, [e.execution_id for e in executions], when, timeout)
    for execution in executions:
        execution._record = records[execution.execution_id]
    ended = [e for e in executions if ExecutionStatus(e.get("status")).is_ended]
    if when is ReturnWhen.ALL_SUCCEEDED:
        for execution in ended:
            if execution.get("status") != ExecutionStatus.ENDED_SUCCESS:
                raise DependencyFailedError(execution)
    return ended
