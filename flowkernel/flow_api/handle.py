"""What any program can read of an execution and do to it: a part of `Execution`."""

from copy import copy
from pathlib import Path
from typing import Any, Self, TypeVar

from flowkernel.client.client import Client
from flowkernel.client.quick_look import quick_record
from flowkernel.core.clock import new_id, now, short_id
from flowkernel.core.errors import ExecutionNotFound
from flowkernel.core.json_values import plain_json
from flowkernel.core.models import Execution as Record
from flowkernel.core.models import Json
from flowkernel.core.status import ExecutionStatus, ReturnWhen
from flowkernel.core.text import plain_text
from flowkernel.display.outcome_text import status_text
from flowkernel.display.tree import tree_text
from flowkernel.flow_api.exceptions import DependencyFailedError
from flowkernel.flow_api.failure_display import described
from flowkernel.flow_api.stored_records import ALIASES, pick
from flowkernel.flow_api.wait_loop import wait


class ExecutionHandle:
    """What any program can read of an execution and do to it."""

    def __init__(
        self, client: Client, execution_id: str, record: dict[str, Json] | None = None
    ) -> None:
        self._client = client
        self.execution_id = execution_id
        self._keep(record)

    def _keep(self, record: dict[str, Json] | None) -> None:
        """Have this record from now on."""
        self._record = record
        self._read_at = now()

    def _reported(self) -> Self:
        """The execution, as what a report returns: a cell that ends with it shows nothing."""
        result = copy(self)
        vars(result)["_ipython_display_"] = _show_nothing
        return result

    # -- reading -------------------------------------------------------------------------

    def get(self, *names: str) -> Any:
        """One field, or a tuple of several, as last read. `load` reads them again.

        The fields are those of `GET /execution/{id}`: `name`, `status`, `inputs`, `output`,
        `started_at`, ... Moments are texts in UTC. `id`, `input_value`, `output_value` and
        `message` are other names of `execution_id`, `inputs`, `output` and `status_message`.
        Example::

            status, message = child.get("status", "message")

        Raises:
            BadArgument: There is no such field; names those that exist.
        """
        record = self._record or {}  # As a part of a tree, it lacks some fields.
        if any(n not in record and ALIASES.get(n) not in record for n in names):
            self.load_all()
        return pick(self._record or {}, names)

    def load(self, *names: str) -> Any:
        """One field, or a tuple of several, read from the engine now. See `get`.

        Raises:
            BadArgument: There is no such field; names those that exist.
            ExecutionNotFound: It was deleted.
        """
        return pick(self.load_all(), names)

    def load_all(self) -> dict[str, Json]:
        """Every field, read from the engine now, as a dict.

        Raises:
            ExecutionNotFound: It was deleted.
        """
        self._keep(self._client.get(f"/execution/{self.execution_id}"))
        return self._record or {}

    def save(self, **values: Json) -> Self:
        """Replace its `name`, `message` or `is_archived`, or its whole output (`output_value`).

        The message stays until the flow waits again, or ends with another one. Example::

            this.save(name="sales of monday", message="reading", output_value={"rows": 3})

        Raises:
            BadValue: The output is not JSON.
            BadArgument: Another field cannot be set.
        """
        if "output_value" in values:
            output = plain_json(values.pop("output_value"), "output")
            self._post("output", {"output": output, "merge": False})
        if values:
            fields = {ALIASES.get(name, name): value for name, value in values.items()}
            self._client.request("PATCH", f"/execution/{self.execution_id}", fields)
        return self._reported()

    @property
    def status(self) -> ExecutionStatus:
        """Its status now, as `ENDED_SUCCESS`; read from the engine until it has ended."""
        if self._record is not None:
            status = ExecutionStatus(self._record["status"])
            if status.is_ended:
                return status
        return ExecutionStatus(self.load("status"))

    @property
    def output(self) -> Json:
        """What it set with `set_output`, as a dict; None if it set nothing."""
        return self.get("output") if self.status.is_ended else self.load("output")

    @property
    def children(self) -> list[Self]:
        """The executions that it started, or has of an earlier try, oldest first."""
        family = self._client.tree(self.execution_id)["executions"]
        children = [
            record
            for record in family
            if self.execution_id in (record["parent_id"], record.get("adopted_by"))
        ]
        return [
            type(self)(self._client, record["execution_id"], record)
            for record in sorted(children, key=lambda record: record["created_at"])
        ]

    @property
    def notebook(self) -> Path | None:
        """The path of its output notebook; None before it started."""
        path = self.load("notebook_path")
        return self._client.home.path / path if path else None

    def tree(self) -> str:
        """It and everything under it, as text of several lines."""
        return tree_text(self._client.tree(self.execution_id), self.execution_id)

    def exists(self) -> bool:
        """Whether the engine still has it. It does, unless it was deleted."""
        try:
            self.load_all()
        except ExecutionNotFound:
            return False
        return True

    # -- actions -------------------------------------------------------------------------

    def run(self, **inputs: Json) -> Self:
        """Start one that was recorded with `run=False`, and wait for it.

        It keeps the inputs that it was recorded with; others are refused.

        Raises:
            DependencyFailedError: It did not succeed.
            MoveNotAllowed: It was started before.
        """
        return self.run_async(**inputs).wait()

    def run_async(self, **inputs: Json) -> Self:
        """Start one that was recorded with `run=False`, and do not wait for it.

        Raises:
            MoveNotAllowed: It was started before.
        """
        body = {"event_id": new_id(), "inputs": plain_json(inputs, "inputs")}
        self._keep(self._post("run", body))
        return self

    def wait(
        self,
        return_when: ReturnWhen = ReturnWhen.ALL_SUCCEEDED,
        timeout: float | None = None,
    ) -> Self:
        """Wait for it to end. Returns the execution itself.

        Args:
            return_when: `ALL_ENDED` accepts a failure as well.
            timeout: Seconds, without those in which something under it waits for a person.
                None: no limit.

        Example::

            child = this.flow("fetch", wait=False)
            ...
            rows = child.wait(timeout=600).output["rows"]

        Raises:
            DependencyFailedError: It did not succeed, and `return_when` is ALL_SUCCEEDED.
            DependencyTimeoutError: `timeout` seconds are over. It continues to run.
        """
        wait_for_executions(self._client, [self], return_when, timeout)
        return self

    def cancel(self) -> Self:
        """Ask the engine to stop it and everything under it. Does not wait for that.

        Raises:
            MoveNotAllowed: It has succeeded or failed.
        """
        self._client.act(self.execution_id, "cancel")
        return self

    def delete(self) -> None:
        """Delete it and everything under it: the records and the output notebooks.

        Raises:
            MoveNotAllowed: It, or something under it, has not ended.
        """
        self._client.request("DELETE", f"/execution/{self.execution_id}")

    def pause(self) -> Self:
        """Ask the engine to pause it after the cell that runs now, until `resume`.

        Raises:
            MoveNotAllowed: It has not started, is paused, or has ended.
        """
        self._client.act(self.execution_id, "pause")
        return self

    def resume(self) -> Self:
        """Ask the engine to continue it, if it is paused.

        Raises:
            MoveNotAllowed: It is not paused, or it has failed and waits for a decision.
        """
        self._client.act(self.execution_id, "resume")
        return self

    def release_kernel(self) -> Self:
        """End the kernel that it has kept after its end, if it still does.

        Raises:
            NotParked: It has not ended, or was not started with `keep_kernel`.
        """
        self._client.act(self.execution_id, "release_kernel")
        return self

    # -- inside --------------------------------------------------------------------------

    def __repr__(self) -> str:
        """Its state of now; if the engine does not answer at once, the last one known."""
        is_known = self._record is not None and _has_ended(self._record)
        record = None if is_known else quick_record(self._client, self.execution_id)
        if record is not None:
            self._keep(record)
        if self._record is None:
            return f"<Execution {self.execution_id}>"
        is_current = is_known or record is not None
        return f"<{self._summary(self._record)}{'' if is_current else self._age()}>"

    def _summary(self, record: dict[str, Json]) -> str:
        name, message = pick(record, ("name", "message"))
        label = status_text(Record.from_json(record))
        tail = f": {plain_text(message)}" if message else ""
        return f"Execution {name!r} {label}{tail} ({short_id(self.execution_id)})"

    def _age(self) -> str:
        """When its record was read, in the time of this place."""
        return f", as of {self._read_at.astimezone():%H:%M}"

    def _post(self, verb: str, body: dict[str, Json]) -> Any:
        return self._client.post(f"/execution/{self.execution_id}/{verb}", body)


def _show_nothing() -> None:
    """What IPython calls instead of showing a value."""


def _has_ended(record: dict[str, Json]) -> bool:
    return ExecutionStatus(record["status"]).is_ended


Handle = TypeVar("Handle", bound=ExecutionHandle)


def wait_for_executions(
    client: Client,
    executions: list[Handle],
    return_when: ReturnWhen,
    timeout: float | None,
) -> list[Handle]:
    """Wait for executions; returns those that have ended.

    Raises:
        DependencyFailedError: One did not succeed, and `return_when` is ALL_SUCCEEDED.
        DependencyTimeoutError: `timeout` seconds are over.
    """
    ids = [execution.execution_id for execution in executions]
    records = wait(client, ids, return_when, timeout)
    for execution in executions:
        record = records[execution.execution_id]
        execution._keep(record)  # noqa: SLF001 (of a handle: the same module)
    ended = [e for e in executions if ExecutionStatus(e.get("status")).is_ended]
    if return_when is ReturnWhen.ALL_SUCCEEDED:
        for execution in ended:
            if execution.get("status") != ExecutionStatus.ENDED_SUCCESS:
                error = DependencyFailedError(execution)
                raise described(error, client, execution.execution_id)
    return ended
