"""Reading lists that may be long, a page at a time."""

from typing import Any, Protocol
from uuid import UUID

from flowkernel.core.errors import ExecutionNotFound
from flowkernel.core.models import CellRun, Event, Message
from flowkernel.store import rows
from flowkernel.store.pool import Record

#: Rows of a page, if nothing is said; more than there are.
ALL = 2**31


class _Reader(Protocol):
    """What the lists need of `Queries`."""

    def _read(self, name: str, **values: Any) -> list[Record]:
        """The rows of a query, by its name in `queries.sql`."""


class ListQueries:
    """The lists of one execution, and of messages. A part of `Queries`."""

    def cell_runs(
        self: _Reader, execution_id: str, *, offset: int = 0, limit: int = ALL
    ) -> list[CellRun]:
        """The cell runs of one execution, in the order in which they started.

        Args:
            offset: How many of them to leave out.
        """
        records = self._read(
            "cell_runs",
            execution_id=uuid_text(execution_id),
            offset=offset,
            limit=limit,
        )
        return [rows.CELL_RUN.model_of(record) for record in records]

    def log(
        self: _Reader, execution_id: str, *, after_seq: int = 0, limit: int = 10_000
    ) -> list[Event]:
        """The log events of one execution after number `after_seq`, oldest first."""
        id_ = uuid_text(execution_id)
        records = self._read("log", execution_id=id_, after_seq=after_seq, limit=limit)
        return [rows.log_event(record) for record in records]

    def messages_of(self: _Reader, execution_id: str) -> list[Message]:
        """The messages of one execution, oldest first."""
        records = self._read("messages_of", execution_id=uuid_text(execution_id))
        return [rows.MESSAGE.model_of(record) for record in records]

    def list_messages(
        self: _Reader, limit: int = 50, *, before: Message | None = None
    ) -> list[Message]:
        """The newest messages, newest first; only those that are older than `before`."""
        records = self._read(
            "list_messages",
            before_at=rows.stored_moment(before.created_at) if before else None,
            before_id=before.message_id if before else None,
            limit=limit,
        )
        return [rows.MESSAGE.model_of(record) for record in records]


def uuid_text(text: str) -> str:
    """The id as it is stored.

    Raises:
        ExecutionNotFound: The text is not an id.
    """
    try:
        return str(UUID(text))
    except ValueError as error:
        raise ExecutionNotFound(text) from error
