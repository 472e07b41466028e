"""Reading the store: one method for each query. Rows become models here."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from flowkernel.core.clock import SHORT, new_id
from flowkernel.core.errors import (
    BadArgument,
    ExecutionNotFound,
    FlowNotFound,
    MessageNotFound,
)
from flowkernel.core.models import Execution, Flow, FlowVersion, Message
from flowkernel.core.status import ExecutionStatus
from flowkernel.core.suggestions import quoted_name
from flowkernel.core.text import one_line
from flowkernel.store import rows, user_sql
from flowkernel.store.database import MEMORY
from flowkernel.store.family_queries import FamilyQueries
from flowkernel.store.list_queries import ListQueries, uuid_text
from flowkernel.store.pool import Record
from flowkernel.store.seq_pages import SeqPages

MIN_ID_PART = 4  #: Characters of a shortened id, inclusive.
#: How many of the newest executions a shortened id can mean; one as lists show it means any.
MATCHED_EXECUTIONS = 10_000
MAX_CANDIDATE = 40  #: Characters of a name among them, inclusive.
LISTED_MATCHES = 5  #: Executions that a sentence names, inclusive.
DEFAULT_LIMITS = user_sql.SqlLimits()


class Queries(ListQueries, FamilyQueries, SeqPages):
    """The reading half of `Store`. Live executions, flows and open messages are in memory.

    The rest is read from the tables, after they got what was acknowledged before the query.
    """

    # ---- from memory

    @property
    def live(self) -> Mapping[str, Execution]:
        """The executions that have not ended, by id.

        The mapping itself never changes, so that it can be iterated over; after each change
        this property returns another one.
        """
        return self._state.live

    @property
    def last_seq(self) -> int:
        """The number of the last event on disk; 0 if there is none."""
        return self._state.last_seq

    @property
    def size_bytes(self) -> int:
        """The size of the file with its write-ahead log, in bytes. 0 in memory."""
        if self._path == MEMORY:
            return 0
        files = (Path(self._path), Path(f"{self._path}.wal"))
        return sum(file.stat().st_size for file in files if file.exists())

    def get_flow(self, name: str) -> Flow:
        """The flow with this name.

        Raises:
            FlowNotFound: There is none. Suggests a similar name.
        """
        flows = self._state.flows
        if name not in flows:
            raise FlowNotFound(name, flows)
        return flows[name]

    def list_flows(self) -> list[Flow]:
        """All flows, by name."""
        flows = self._state.flows
        return [flows[name] for name in sorted(flows)]

    # ---- from the tables, if need be

    def get_version(self, flow_version: str) -> FlowVersion:
        """One flow version, by its hash.

        Raises:
            BadArgument: There is none.
        """
        version = self._state.recent_versions.get(flow_version)
        if version is None:
            version = self._projector.find_version(flow_version)
            if version is None:
                raise BadArgument(
                    f"There is no flow version {quoted_name(flow_version)} in this home."
                )
            self._state.cache_version(version)
        return version

    def find_execution(self, execution_id: str) -> Execution | None:
        """One execution; None if there is none. Live ones and recent ones need no table.

        Raises:
            ExecutionNotFound: The text is not an id.
        """
        execution = self._state.find_execution(execution_id)
        if execution is None:
            id_ = uuid_text(execution_id)
            if not self._state.execution_ids.is_new(id_):
                execution = self._projector.find_execution(id_)
        return execution

    def get_execution(self, execution_id: str) -> Execution:
        """One execution.

        Raises:
            ExecutionNotFound: There is none, or the text is not an id.
        """
        execution = self.find_execution(execution_id)
        if execution is None:
            raise ExecutionNotFound(execution_id)
        return execution

    def resolve_id(self, text: str) -> str:
        """The id that a person means by all of it, its beginning or its end.

        Raises:
            ExecutionNotFound: No execution has it; of one that is shorter than in lists, or
                is an end, none of the newest 10,000.
            BadArgument: It is shorter than 4 characters, or several executions have it.
        """
        part = text.strip().lower()
        if len(part) >= len(new_id()):
            return self.get_execution(uuid_text(part)).execution_id
        if len(part) < MIN_ID_PART:
            raise BadArgument(
                f"{text!r} is too short for an id. Give at least {MIN_ID_PART} of its first "
                "or last characters."
            )
        return _only_id(self._matches(part), text)

    def _matches(self, part: str) -> list[Record]:
        """What a part of an id can mean: the newest ones, one more than are named."""
        limit = LISTED_MATCHES + 1
        among = MATCHED_EXECUTIONS
        matches = self._read("match_ids", part=part, among=among, limit=limit)
        if not matches and len(part) >= SHORT:
            matches = self._read("match_beginnings", part=part, limit=limit)
        return matches

    def list_executions(
        self,
        *,
        status: ExecutionStatus | None = None,
        flow_name: str | None = None,
        parent_id: str | None = None,
        root_id: str | None = None,
        retry_of: Sequence[str] | None = None,
        is_root: bool = False,
        is_ended: bool | None = None,
        is_archived: bool | None = None,
        oldest: datetime | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> list[Execution]:
        """A page, newest first. `cursor` is the id of the last execution of the page before.

        Args:
            retry_of: Only retries of one of these.
            is_root: Only those that no other one started. Of these, `flow_name` also gives
                those that run the flow through wrappers.
            oldest: Only those that were created then or later.

        Raises:
            ExecutionNotFound: `cursor` is no execution; `parent_id` or `root_id` no id.
        """
        records = self._read(
            "list_executions",
            status=str(status) if status else None,
            flow_name=flow_name,
            **_stored_ids(parent_id=parent_id, root_id=root_id),
            retry_of=[uuid_text(id_) for id_ in retry_of] if retry_of else None,
            is_root=is_root,
            is_ended=is_ended,
            is_archived=is_archived,
            oldest=rows.stored_moment(oldest) if oldest else None,
            **_position_of(self.get_execution(cursor) if cursor else None),
            limit=limit,
        )
        return [rows.EXECUTION.model_of(record) for record in records]

    def prunable(
        self,
        *,
        as_of: datetime | None = None,
        created_before: datetime | None = None,
        keep: int | None = None,
    ) -> list[tuple[str, int]]:
        """The families that can be pruned: their roots and numbers of members, oldest first.

        All members of such a family have ended. It was created before the moment, or is not
        among the newest `keep` families. All of that at the moment `as_of`; None: now.
        """
        moment = rows.stored_moment(created_before) if created_before else None
        records = self._read(
            "prunable",
            created_before=moment,
            keep=keep,
            as_of=rows.stored_moment(as_of) if as_of else None,
        )
        return [(str(record["root_id"]), record["executions"]) for record in records]

    def list_kept(self) -> list[Execution]:
        """Those that have ended, and whose kernel is kept for people."""
        return [rows.EXECUTION.model_of(record) for record in self._read("list_kept")]

    def count_ended_cells(self) -> dict[str, int]:
        """How many cell runs of each live execution have ended, by id. From memory."""
        return {
            execution_id: sum(run is None for run in runs.values())
            for execution_id, runs in self._state.cell_runs.items()
        }

    def open_messages(self) -> list[Message]:
        """The messages that wait for an answer, newest first."""
        groups = self._state.messages.values()
        messages = [m for group in groups for m in group.values() if m is not None]
        return sorted(
            messages, key=lambda m: (m.created_at, m.message_id), reverse=True
        )

    def has_event(self, event_id: str) -> bool:
        """Whether an event with this id was recorded lately. Log events do not count."""
        return event_id in self._state.event_ids

    def get_message(self, message_id: str) -> Message:
        """One message.

        Raises:
            MessageNotFound: There is none.
        """
        for messages in self._state.messages.values():
            if (message := messages.get(message_id)) is not None:
                return message
        try:
            records = self._read("get_message", message_id=str(UUID(message_id)))
        except ValueError as error:
            raise MessageNotFound(message_id) from error
        if not records:
            raise MessageNotFound(message_id)
        return rows.MESSAGE.model_of(records[0])

    def query(
        self, sql: str, limits: user_sql.SqlLimits = DEFAULT_LIMITS
    ) -> user_sql.SqlResult:
        """The result of a query in SQL, cut off at the limits.

        Raises:
            SqlRefused: It would change something, is wrong, or takes too long.
        """
        self._projector.flush_if_possible()
        with self._pool.cursor() as cursor:
            return user_sql.query(cursor, sql, limits)

    def query_arrow(
        self, sql: str, limits: user_sql.SqlLimits = DEFAULT_LIMITS
    ) -> bytes:
        """The same as an Arrow IPC stream.

        Raises:
            SqlRefused: As for `query`.
        """
        self._projector.flush_if_possible()
        with self._pool.cursor() as cursor:
            return user_sql.query_arrow(cursor, sql, limits)


def _only_id(matches: list[Record], text: str) -> str:
    if not matches:
        raise ExecutionNotFound(text)
    if len(matches) > 1:
        candidates = ", ".join(map(_candidate, matches[:LISTED_MATCHES]))
        tail = " and others" if len(matches) > LISTED_MATCHES else ""
        raise BadArgument(
            f"{text!r} can mean {candidates}{tail}. Give more characters of the id."
        )
    return str(matches[0]["id"])


def _candidate(match: Record) -> str:
    label = ExecutionStatus(match["status"]).label
    return f"{match['id']} ({one_line(match['name'], MAX_CANDIDATE)!r}, {label})"


def _stored_ids(**ids: str | None) -> dict[str, str | None]:
    """The ids as they are stored; None stays None."""
    return {name: uuid_text(id_) if id_ else None for name, id_ in ids.items()}


def _position_of(last: Execution | None) -> dict[str, Any]:
    """Where the page after this execution begins; None: the first page."""
    return {
        "before_at": rows.stored_moment(last.created_at) if last else None,
        "before_id": last.execution_id if last else None,
    }
