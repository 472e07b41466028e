"""The home a flow runs in: its flows, executions and messages."""

from collections.abc import Iterator
from typing import Any

from flowkernel.client.client import Client
from flowkernel.core.errors import NotYetAvailable
from flowkernel.core.status import ReturnWhen
from flowkernel.flow_api.context import needed
from flowkernel.flow_api.execution import Execution
from flowkernel.flow_api.resources import FlowRecord, Message


class System:
    """The home a flow runs in: its flows, executions and messages."""

    return_when = ReturnWhen

    def __init__(self, client: Client | None = None) -> None:
        self._client = client or needed().client

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
        return Message(self._client, self._client.get(f"/message/{message_id}"))

    def messages(self) -> Iterator[Message]:
        """The newest messages."""
        return (
            Message(self._client, record) for record in self._client.get("/message")
        )

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        raise NotYetAvailable(
            f"system.{name}", "So far a system has flows, executions and messages."
        )
