"""What the store can be asked: one method for each question. Rows become models here."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple, overload
from uuid import UUID

from flowkernel.core.clock import new_id
from flowkernel.core.errors import (
    BadArgument,
    ExecutionNotFound,
    FlowNotFound,
    MessageNotFound,
)
from flowkernel.core.models import CellRun, Event, Execution, Flow, FlowVersion, Message
from flowkernel.core.status import ExecutionStatus
from flowkernel.store import (
    rows,
    user_sql,
)
from flowkernel.store.database import MEMORY
from flowkernel.store.live_state import LiveState
from flowkernel.store.pool import CursorPool, Record
from flowkernel.store.projector import Projector

MIN_PART = 4  #: Characters of an id that can stand for it, inclusive.
DEFAULT = user_sql.SqlLimits()
#: Fields that the members of a family come without.
HEAVY = frozenset("inputs output error environment wrapped failure decision".split())
MATCHED_AMONG = 10_000  #: Executions, the newest, whose ids can be shortened.


class FamilyMember(NamedTuple):
    """One of a family, as JSON text: a thousand models would take longer than the rest."""

    execution_id: str
    parent_id: str | None
    text: str


class Queries:
    """What is known by heart is answered from memory; the rest from the tables, once they
    have what was acknowledged before the question."""

    def __init__(
        self, path: str, pool: CursorPool, folding: Projector, state: LiveState
    ) -> None:
        self._path = path
        self._pool = pool
        self._folding = folding
        self._state = state

    def _read(self, name: str, **values: Any) -> list[Record]:
        self._folding.settle_if_possible()
        return self._pool.read(name, **values)

    # ---- what is known by heart

    @property
    def live(self) -> Mapping[str, Execution]:
        """The executions that have not ended, by id.

        A change replaces it and never changes it, so that it can be walked through.
        """
        return self._state.live

    @property
    def last_seq(self) -> int:
        """The number of the last event on disk; 0 if there is none."""
        return self._state.last_seq

    @property
    def size_bytes(self) -> int:
        """What the file takes on disk, with its write-ahead log. 0 in memory."""
        if self._path == MEMORY:
            return 0
        files = (Path(self._path), Path(f"{self._path}.wal"))
        return sum(file.stat().st_size for file in files if file.exists())

    def get_flow(self, name: str) -> Flow:
        """The flow as it is now.

        Raises:
            FlowNotFound: With a name that is near.
        """
        flows = self._state.flows
        if name not in flows:
            raise FlowNotFound(name, flows)
        return flows[name]

    def list_flows(self) -> list[Flow]:
        """All flows, by name."""
        flows = self._state.flows
        return [flows[name] for name in sorted(flows)]

    # ---- questions

    def get_version(self, flow_version: str) -> FlowVersion:
        """One source that ran, by its hash.

        Raises:
            BadArgument: There is none.
        """
        found = self._state.sources.get(flow_version)
        if found is None:
            found = self._folding.find_version(flow_version)
            if found is None:
                raise BadArgument(
                    f"There is no flow version {flow_version!r} in this home."
                )
            self._state.keep_source(found)
        return found

    def find_execution(self, execution_id: str) -> Execution | None:
        """One execution; None if there is none. Live ones and recent ones need no table.

        Raises:
            ExecutionNotFound: The text is no id at all.
        """
        found = self._state.find_execution(execution_id)
        if found is None:
            id_ = _uuid(execution_id)
            is_new = self._state.births.is_new(id_)
            found = None if is_new else self._folding.find_execution(id_)
        return found

    def get_execution(self, execution_id: str) -> Execution:
        """One execution.

        Raises:
            ExecutionNotFound: There is none; also if the text is no id at all.
        """
        found = self.find_execution(execution_id)
        if found is None:
            raise ExecutionNotFound(execution_id)
        return found

    def resolve_id(self, text: str) -> str:
        """The id that a person means: all of it, or its beginning or end.

        Raises:
            ExecutionNotFound: No execution, or none of the newest 10,000, has it.
            BadArgument: It is shorter than 4 characters, or several executions have it.
        """
        part = text.strip().lower()
        if len(part) >= len(new_id()):
            return self.get_execution(_uuid(part)).execution_id
        if len(part) < MIN_PART:
            raise BadArgument(
                f"{text!r} is too short for an id. Give at least {MIN_PART} of its first "
                "or last characters."
            )
        found = self._read("match_ids", part=part, among=MATCHED_AMONG, limit=6)
        ids: list[str] = [record["id"] for record in found]
        if not ids:
            raise ExecutionNotFound(text)
        if len(ids) > 1:
            shown = ", ".join(ids[:5]) + (", ..." if len(ids) > 5 else "")
            raise BadArgument(f"{text!r} can mean {shown}. Give more characters.")
        return ids[0]

    def list_executions(
        self,
        *,
        status: ExecutionStatus | None = None,
        flow_name: str | None = None,
        parent_id: str | None = None,
        root_id: str | None = None,
        is_archived: bool | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> list[Execution]:
        """A page, newest first. `cursor`: the `execution_id` of the last one seen.

        Raises:
            ExecutionNotFound: `cursor`, `parent_id` or `root_id` is not the id of one.
        """
        last = self.get_execution(cursor) if cursor else None
        before: datetime | None = rows.stored_at(last.created_at) if last else None
        found = self._read(
            "list_executions",
            status=str(status) if status else None,
            flow_name=flow_name,
            parent_id=_uuid(parent_id) if parent_id else None,
            root_id=_uuid(root_id) if root_id else None,
            is_archived=is_archived,
            before_at=before,
            before_id=last.execution_id if last else None,
            limit=limit,
        )
        return [rows.EXECUTION.model_of(record) for record in found]

    def family(self, root_id: str) -> list[FamilyMember]:
        """A root and everything under it, parents first; empty if it is no root.

        Without the fields of `HEAVY`: those of a thousand members may be more than fits
        into memory.
        """
        found = self._read("family", root_id=_uuid(root_id))
        return [FamilyMember(**record) for record in found]

    def called(self, parents: Sequence[Execution], call_key: str) -> list[Execution]:
        """What the call of this key started in one of these tries of a parent, oldest
        first. As long as the parents are live, that needs no table."""
        ids: list[str] = []
        older: list[Execution] = []
        for parent in parents:
            known = self._state.calls.get(parent.execution_id, {}).get(call_key, ())
            if parent.execution_id in self._state.live:  # Then `known` was all.
                ids += known
            else:
                older.append(parent)
        found = (
            self._read(
                "called",
                root_ids=[parent.root_id for parent in older],
                parent_ids=[parent.execution_id for parent in older],
                call_key=call_key,
            )
            if older
            else []
        )
        return [
            *(rows.EXECUTION.model_of(record) for record in found),
            *(self.get_execution(execution_id) for execution_id in ids),
        ]

    def prunable(
        self, *, before: datetime | None = None, keep: int | None = None
    ) -> list[tuple[str, int]]:
        """Families all of which ended that are older than `before`, or not among the newest
        `keep`: their roots, oldest first, each with the number of its members."""
        at = rows.stored_at(before) if before else None
        found = self._read("prunable", before=at, keep=keep)
        return [(str(record["root_id"]), record["executions"]) for record in found]

    def ancestors(self, execution_id: str) -> list[Execution]:
        """Its parent, its parent's parent, and so on; the root is the last.

        Raises:
            ExecutionNotFound: There is no such execution.
        """
        own = self.get_execution(execution_id)
        if own.parent_id is None:
            return []
        found = self._read("ancestors", root_id=own.root_id, parent_id=own.parent_id)
        return [rows.EXECUTION.model_of(record) for record in found]

    def asked_times(
        self, execution: Execution
    ) -> list[tuple[datetime, datetime | None]]:
        """When it, or something under it, waited for a person's answer: from, and until
        (None: it still does)."""
        found = self._read(
            "asked_times",
            execution_id=_uuid(execution.execution_id),
            root_id=_uuid(execution.root_id),
        )
        return [(_aware(r["begun"]), _aware(r["ended"])) for r in found]

    def cell_runs(self, execution_id: str) -> list[CellRun]:
        """What ran in one execution, in the order in which it started."""
        found = self._read("cell_runs", execution_id=_uuid(execution_id))
        return [rows.CELL_RUN.model_of(record) for record in found]

    def log(
        self, execution_id: str, *, after_seq: int = 0, limit: int = 10_000
    ) -> list[Event]:
        """What one execution logged after number `after_seq`, oldest first."""
        id_ = _uuid(execution_id)
        found = self._read("log", execution_id=id_, after_seq=after_seq, limit=limit)
        return [rows.logged(record) for record in found]

    def events_after(
        self,
        seq: int,
        *,
        root_id: str | None = None,
        execution_id: str | None = None,
        limit: int = 1000,
    ) -> list[Event]:
        """What happened after number `seq`, logs included, in order.

        Events of kind LOGGED come without `event_id` and `actor`: those are not kept.
        """
        which = {
            "seq": seq,
            "root_id": _uuid(root_id) if root_id else None,
            "execution_id": _uuid(execution_id) if execution_id else None,
            "limit": limit,
        }
        events = [rows.EVENT.model_of(r) for r in self._read("events_after", **which)]
        events += [
            rows.logged(record) for record in self._read("logged_after", **which)
        ]
        return sorted(events, key=lambda event: event.seq)[:limit]

    def open_messages(self) -> list[Message]:
        """What waits for an answer, newest first."""
        sent = self._state.messages.values()
        found = [m for messages in sent for m in messages.values() if m is not None]
        return sorted(found, key=lambda m: (m.created_at, m.message_id), reverse=True)

    def messages_of(self, execution_id: str) -> list[Message]:
        """What one execution sent, oldest first."""
        found = self._read("messages_of", execution_id=_uuid(execution_id))
        return [rows.MESSAGE.model_of(record) for record in found]

    def has_event(self, event_id: str) -> bool:
        """Whether it was recorded lately."""
        return event_id in self._state.event_ids

    def list_messages(self, limit: int = 50) -> list[Message]:
        """The newest messages, newest first."""
        found = self._read("list_messages", limit=limit)
        return [rows.MESSAGE.model_of(record) for record in found]

    def get_message(self, message_id: str) -> Message:
        """One message.

        Raises:
            MessageNotFound: There is none.
        """
        for sent in self._state.messages.values():
            if (known := sent.get(message_id)) is not None:
                return known
        try:
            found = self._read("get_message", message_id=str(UUID(message_id)))
        except ValueError as error:
            raise MessageNotFound(message_id) from error
        if not found:
            raise MessageNotFound(message_id)
        return rows.MESSAGE.model_of(found[0])

    def query(
        self, text: str, limits: user_sql.SqlLimits = DEFAULT
    ) -> user_sql.SqlResult:
        """Answer a question in SQL; what is over the limits is cut off.

        Raises:
            SqlRefused: It would change something, is wrong, or takes too long.
        """
        self._folding.settle_if_possible()
        with self._pool.cursor() as cursor:
            return user_sql.ask(cursor, text, limits)

    def query_arrow(self, text: str, limits: user_sql.SqlLimits = DEFAULT) -> bytes:
        """The same as an Arrow IPC stream.

        Raises:
            SqlRefused: As for `query`.
        """
        self._folding.settle_if_possible()
        with self._pool.cursor() as cursor:
            return user_sql.ask_arrow(cursor, text, limits)


@overload
def _aware(moment: datetime) -> datetime: ...
@overload
def _aware(moment: None) -> None: ...
def _aware(moment: datetime | None) -> datetime | None:
    """As the store keeps it: in UTC, and not saying so."""
    return None if moment is None else moment.replace(tzinfo=UTC)


def _uuid(text: str) -> str:
    try:
        return str(UUID(text))
    except ValueError as error:
        raise ExecutionNotFound(text) from error
