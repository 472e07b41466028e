"""What the engine keeps, read by the names of the documentation."""

from typing import Any

from flowkernel.client import Client
from flowkernel.errors import BadArgument
from flowkernel.models import Json

#: Names of the documentation for fields that have another name in the store.
ALIASES = {
    "id": "execution_id",
    "input_value": "inputs",
    "output_value": "output",
    "message": "status_message",
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
    """A note that was sent."""

    def __init__(self, record: dict[str, Json]) -> None:
        self._record = record

    def get(self, *names: str) -> Any:
        """One field, or a tuple of several."""
        return pick(self._record, names)

    def __repr__(self) -> str:
        return f"<Message {self._record['subject']!r}>"


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
