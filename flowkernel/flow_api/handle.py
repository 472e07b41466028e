"""What can be read of an execution, and done to it, from anywhere: a part of `Execution`."""

from pathlib import Path
from typing import Any, Self, TypeVar

from flowkernel.client.client import Client
from flowkernel.core.json_values import plain_json
from flowkernel.core.models import Execution as Record
from flowkernel.core.models import Json
from flowkernel.core.status import ExecutionStatus, ReturnWhen
from flowkernel.display.tree import tree_text
from flowkernel.flow_api.exceptions import DependencyFailedError
from flowkernel.flow_api.resources import ALIASES, pick
from flowkernel.flow_api.wait_loop import wait


class ExecutionHandle:
    """What can be read of an execution, and done to it, from anywhere."""

    def __init__(
        self, client: Client, execution_id: str, record: dict[str, Json] | None = None
    ) -> None:
        self._client = client
        self.execution_id = execution_id
        self._record = record

    # What can be read.

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
            output = plain_json(values.pop("output_value"), "output")
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
    def children(self) -> list[Self]:
        """What it started, oldest first."""
        family = self._client.tree(self.execution_id)["executions"]
        return [
            type(self)(self._client, record["execution_id"], record)
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

    # What can be done.

    def run(self, **inputs: Json) -> Self:
        """Start one that was recorded with `run=False`, and wait for it."""
        return self.run_async(**inputs).wait()

    def run_async(self, **inputs: Json) -> Self:
        """Start one that was recorded with `run=False`."""
        self._record = self._post("run", {"inputs": plain_json(inputs, "inputs")})
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
        waited(self._client, [self], return_when, timeout)
        return self

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

    # How it looks, and how it asks.

    def __repr__(self) -> str:
        if self._record is None:
            return f"<Execution {self.execution_id}>"
        name, status, message = pick(self._record, ("name", "status", "message"))
        label = ExecutionStatus(status).label
        tail = f": {message}" if message else ""
        return f"<Execution {name!r} {label}{tail} ({self.execution_id[-8:]})>"

    def _start(self, request: dict[str, Json]) -> Self:
        record = self._client.start(request).to_json()
        return type(self)(self._client, record["execution_id"], record)

    def _known(self, record: Record) -> Self:
        return type(self)(self._client, record.execution_id, record.to_json())

    def _post(self, verb: str, body: dict[str, Json]) -> Any:
        return self._client.post(f"/execution/{self.execution_id}/{verb}", body)


Some = TypeVar("Some", bound=ExecutionHandle)


def waited(
    client: Client, executions: list[Some], when: ReturnWhen, timeout: float | None
) -> list[Some]:
    """Wait for executions; those that have ended.

    Raises:
        DependencyFailedError: One failed, and `when` is ALL_SUCCEEDED.
        DependencyTimeoutError: `timeout` seconds are over.
    """
    records = wait(client, [e.execution_id for e in executions], when, timeout)
    for execution in executions:
        execution._record = records[execution.execution_id]
    ended = [e for e in executions if ExecutionStatus(e.get("status")).is_ended]
    if when is ReturnWhen.ALL_SUCCEEDED:
        for execution in ended:
            if execution.get("status") != ExecutionStatus.ENDED_SUCCESS:
                raise DependencyFailedError(execution)
    return ended
