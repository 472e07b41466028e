"""What the engine stores, as a flow reads it: fields by name, messages and flows."""

from collections.abc import Mapping
from typing import Any, Self

from flowkernel.client.client import Client
from flowkernel.core.errors import BadArgument, MessageNotFound
from flowkernel.core.models import Json
from flowkernel.core.status import MessageStatus
from flowkernel.core.suggestions import quoted_name, suggestion
from flowkernel.flow_api.exceptions import MissingValueError
from flowkernel.flow_api.wait_loop import wait_for_answer

#: Names of the documentation for fields that have another name in the store.
ALIASES = {
    "id": "execution_id",
    "created_by": "started_by",
    "input_value": "inputs",
    "output_value": "output",
    "message": "status_message",
    "asked": "requested_action",  # As older versions called it.
}
#: The same for a message, and for a flow, which is known by its name.
MESSAGE_ALIASES = {"id": "message_id"}
FLOW_ALIASES = {"id": "name"}

#: Fields with values by name.
NAMED = frozenset({"inputs", "output", "response"})


class NamedValues(dict[str, Any]):
    """Inputs, an output or the answer to a message: a dict, whose missing key is a sentence.

    >>> NamedValues("output", {"total": 3})["total"]
    3
    """

    def __init__(self, field: str, values: dict[str, Json]) -> None:
        """`field`: the name of it."""
        super().__init__(values)
        self._field = field

    def __missing__(self, name: str) -> Any:
        """Say what there is instead."""
        raise MissingValueError(self._field, name, self)


def pick(
    record: dict[str, Json],
    names: tuple[str, ...],
    aliases: Mapping[str, str] = ALIASES,
) -> Any:
    """One field of a record, or a tuple of several.

    >>> pick({"name": "fetch", "inputs": {"day": "monday"}}, ("name", "input_value"))
    ('fetch', {'day': 'monday'})

    Raises:
        BadArgument: The record has no such field; names those it has.
    """
    values = []
    for name in names:
        field = aliases.get(name, name) if name not in record else name
        if field not in record:
            nearest = suggestion(name, [*record, *aliases], otherwise="")
            raise BadArgument(
                f"There is no field {quoted_name(name)}; there are {', '.join(record)}. "
                f"{nearest}".strip()
            )
        value = record[field]
        has_names = field in NAMED and isinstance(value, dict)
        values.append(NamedValues(field, value) if has_names else value)
    return values[0] if len(values) == 1 else tuple(values)


class Message:
    """A message and, when a person has answered it, the answer.

    `this.message()` and `system.message()` return one. Its fields, for `get` and `load`:
    `message_id` (or `id`), `execution_id`, `subject`, `message`, `message_type`, `body`,
    `status`, `response`, `answered_by`, `answered_from`, ... The response is a dict: what was
    filled in, by name, and the button that was pressed, as True. Example::

        answer = this.message("Which day?", request="A day, as 2026-01-31")
        day = answer.get("response")["string"]
    """

    def __init__(self, client: Client, record: dict[str, Json]) -> None:
        self._client = client
        self._record = record

    @property
    def message_id(self) -> str:
        """Its id."""
        return str(self._record["message_id"])

    def get(self, *names: str) -> Any:
        """One field, or a tuple of several, as last read. `load` reads them again.

        Raises:
            BadArgument: There is no such field.
        """
        return pick(self._record, names, MESSAGE_ALIASES)

    def load(self, *names: str) -> Any:
        """One field, or a tuple of several, read from the engine now.

        Raises:
            BadArgument: There is no such field.
            MessageNotFound: The message was deleted.
        """
        response = self._record.get("response")
        self._record = self._client.get(f"/message/{self.message_id}")
        if response is not None:  # It may have a password, which the engine gives once.
            self._record["response"] = response
        return pick(self._record, names, MESSAGE_ALIASES)

    def wait(self, timeout: float | None = None) -> Self:
        """Wait for the answer. Returns the message itself.

        Args:
            timeout: Seconds. None: no limit, except that of the message itself.

        Raises:
            MessageResponseTimeoutError: Nobody answered within `timeout` seconds, or within
                those that the message was sent with.
            MessageClosed: It can no longer be answered.
        """
        if self._record["status"] not in (MessageStatus.ANSWERED, MessageStatus.NOTE):
            self._record = wait_for_answer(self._client, self._record, timeout)
        return self

    def exists(self) -> bool:
        """Whether the engine still has it. It does, unless it was deleted as an old one."""
        try:
            self.load("message_id")
        except MessageNotFound:
            return False
        return True

    def __repr__(self) -> str:
        status = MessageStatus(self._record["status"]).label
        return f"<Message {self._record['subject']!r} {status}>"


class FlowRecord:
    """A registered flow. `system.flow()` and `system.flows()` return them.

    Its fields, for `get` and `load`: `name` (or `id`), `kind`, `source`, `description`,
    `flow_version`, ... Both read them from the engine.
    """

    def __init__(self, client: Client, name: str) -> None:
        self._client = client
        self.name = name

    def get(self, *names: str) -> Any:
        """One field, or a tuple of several.

        Raises:
            BadArgument: There is no such field.
            FlowNotFound: No flow has this name.
        """
        flow = self._client.get_flow(self.name).to_json()
        return pick(flow, names, FLOW_ALIASES)

    load = get

    def exists(self) -> bool:
        """Whether a flow of this name is registered."""
        return any(flow.name == self.name for flow in self._client.list_flows())

    def delete(self) -> None:
        """Forget the name. Versions that ran are kept.

        Raises:
            FlowNotFound: No flow has this name.
        """
        self._client.delete_flow(self.name)

    def __repr__(self) -> str:
        return f"<Flow {self.name!r}>"
