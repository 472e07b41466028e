"""What the engine keeps, read by the names of the documentation."""

from typing import Any, Self

from flowkernel.client.client import Client
from flowkernel.core.errors import BadArgument, MessageNotFound
from flowkernel.core.models import Json
from flowkernel.core.status import MessageStatus
from flowkernel.flow_api.wait_loop import wait_for_answer

#: Names of the documentation for fields that have another name in the store.
ALIASES = {
    "id": "execution_id",
    "input_value": "inputs",
    "output_value": "output",
    "message": "status_message",
    "asked": "requested_action",  # As older versions called it.
}


def pick(record: dict[str, Json], names: tuple[str, ...]) -> Any:
    """One field of a record, or a tuple of several."""
    found = []
    for name in names:
        name = ALIASES.get(name, name) if name not in record else name
        if name not in record:
            raise BadArgument(
                f"There is no field {name!r}; there are {', '.join(record)}."
            )
        found.append(record[name])
    return found[0] if len(found) == 1 else tuple(found)


class Message:
    """A message: what was asked, and what was answered."""

    def __init__(self, client: Client, record: dict[str, Json]) -> None:
        self._client = client
        self._record = record

    @property
    def message_id(self) -> str:
        """Its id."""
        return str(self._record["message_id"])

    def get(self, *names: str) -> Any:
        """One field, or a tuple of several, as last read. `load` reads anew."""
        return pick(self._record, names)

    def load(self, *names: str) -> Any:
        """One field, or a tuple of several, read from the engine now."""
        hidden = self._record.get("response")
        self._record = self._client.get(f"/message/{self.message_id}")
        if hidden is not None:  # It may have a password, which is told once.
            self._record["response"] = hidden
        return pick(self._record, names)

    def wait(self, timeout: float | None = None) -> Self:
        """Wait for the answer.

        Raises:
            MessageResponseTimeoutError: Nobody answered within `timeout` seconds, or within
                those that the message was sent with.
            MessageClosed: Nobody can answer any more.
        """
        if self._record["status"] in ("OPEN", "TIMED_OUT"):
            self._record = wait_for_answer(self._client, self._record, timeout)
        return self

    def exists(self) -> bool:
        """Whether it is there. It is, unless it was pruned."""
        try:
            self.load("message_id")
        except MessageNotFound:
            return False
        return True

    def __repr__(self) -> str:
        status = MessageStatus(self._record["status"]).label
        return f"<Message {self._record['subject']!r} {status}>"


class FlowRecord:
    """A registered flow."""

    def __init__(self, client: Client, name: str) -> None:
        self._client = client
        self.name = name

    def get(self, *names: str) -> Any:
        """One field, or a tuple of several."""
        return pick(self._client.get_flow(self.name).to_json(), names)

    load = get

    def exists(self) -> bool:
        """Whether a flow of this name is registered."""
        return any(flow.name == self.name for flow in self._client.list_flows())

    def delete(self) -> None:
        """Forget the name. Versions that ran are kept."""
        self._client.delete_flow(self.name)

    def __repr__(self) -> str:
        return f"<Flow {self.name!r}>"
