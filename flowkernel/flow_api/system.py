"""`system` in a flow: the flows, executions and messages of its home."""

from collections.abc import Iterator
from typing import Any

from flowkernel.client.client import Client
from flowkernel.core.errors import BadArgument, NotYetAvailable
from flowkernel.core.status import ReturnWhen
from flowkernel.flow_api.context import required_context
from flowkernel.flow_api.execution import Execution
from flowkernel.flow_api.not_available import check_naming, refuse_arguments
from flowkernel.flow_api.self_reporting import SelfReporting
from flowkernel.flow_api.stored_records import FlowRecord, Message


class _Sender(SelfReporting):
    """The flow that calls, as the sender of messages that outlive it."""

    _messages_outlive = True


class System:
    """The home that a flow runs in: its flows, executions and messages.

    In a flow's kernel, `system` is one. Example::

        if not system.flow("fetch").exists():
            this.error("register `fetch` first")
        for execution in system.executions(flow_name="fetch", limit=3):
            this.log(execution.get("name", "status"))
    """

    #: When a wait is over: `system.return_when.ALL_ENDED`, ...
    return_when = ReturnWhen

    def __init__(self, client: Client | None = None) -> None:
        self._client = client or required_context().client

    def flow(self, name: str, *, by: str = "name", **unknown: Any) -> FlowRecord:
        """The flow of this name. It need not exist: `.exists()` says so.

        Args:
            by: `name`, or `id`, which is the same: a flow is known by its name.
        """
        refuse_arguments("system.flow", unknown)
        check_naming("system.flow", by, "name", "id")
        return FlowRecord(self._client, name)

    def flows(self, **unknown: Any) -> Iterator[FlowRecord]:
        """All registered flows, in the order of their names."""
        refuse_arguments("system.flows", unknown)
        return (
            FlowRecord(self._client, flow.name) for flow in self._client.list_flows()
        )

    def execution(
        self, execution_id: str, *, by: str = "id", **unknown: Any
    ) -> Execution:
        """The execution of this id; the beginning or the end of the id is enough.

        Raises:
            ExecutionNotFound: There is none.
            NotYetAvailable: It is named otherwise than by its id.
        """
        refuse_arguments("system.execution", unknown)
        check_naming("system.execution", by, "id")
        record = self._client.get_execution(execution_id).to_json()
        return Execution(self._client, record["execution_id"], record)

    def executions(self, **filters: Any) -> Iterator[Execution]:
        """The newest executions, latest first.

        Args:
            **filters: `status`, `flow_name`, `parent_id`, `root_id`; and `limit`, how many
                at most.
        """
        for execution in self._client.list_executions(**filters):
            yield Execution(self._client, execution.execution_id, execution.to_json())

    def message(
        self,
        message_id: str | None = None,
        *,
        subject: str | None = None,
        by: str = "id",
        **arguments: Any,
    ) -> Message:
        """The message of this id, or, with a subject, a new one.

        Args:
            message_id: Its id; the beginning or the end of the id is enough.
            subject: Send a message, as `this.message()` does. It waits for its answer also
                when the flow that calls this has ended; another flow can read that answer.
            by: `id`.
            **arguments: Of a new message, those of `this.message()`.

        Raises:
            MessageNotFound: There is none of this id.
            NotYetAvailable: An argument that this version does not know.
        """
        check_naming("system.message", by, "id")
        if subject is not None and message_id is None:
            sender = _Sender(self._client, required_context().execution_id)
            return sender.message(subject, **arguments)
        refuse_arguments("system.message", arguments)
        if message_id is None or subject is not None:
            raise BadArgument(
                "system.message() takes the id of a message, or the subject of a new one: "
                'system.message(subject="Which day?").'
            )
        return Message(self._client, self._client.get(f"/message/{message_id}"))

    def messages(self, **unknown: Any) -> Iterator[Message]:
        """The newest messages, latest first."""
        refuse_arguments("system.messages", unknown)
        return (
            Message(self._client, record) for record in self._client.get("/message")
        )

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        raise NotYetAvailable(
            f"system.{name}", "So far a system has flows, executions and messages."
        )
