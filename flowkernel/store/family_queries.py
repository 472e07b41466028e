"""Reading what belongs together: families, lines of parents, the children of a call."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from flowkernel.core.models import Event, Execution
from flowkernel.core.status import ExecutionStatus
from flowkernel.store import rows
from flowkernel.store.families import Ancestor, FamilyMember
from flowkernel.store.list_queries import ALL, uuid_text
from flowkernel.store.live_state import LiveState
from flowkernel.store.pool import Record

#: Fields that the members of a family come without.
HEAVY = rows.EXECUTION.heavy


class _FamilyReader(Protocol):
    """What these queries need of `Queries`."""

    _state: LiveState

    def _read(self, name: str, **values: Any) -> list[Record]:
        """The rows of a query, by its name in `queries.sql`."""

    def find_execution(self, execution_id: str) -> Execution | None:
        """One execution; None if there is none."""

    def get_execution(self, execution_id: str) -> Execution:
        """One execution."""

    def _call_children_of_ended(
        self, parents: Sequence[Execution], call_key: str
    ) -> list[Execution]:
        """What one call started in tries that have ended, oldest first."""


class FamilyQueries:
    """Families, and the lines of parents. A part of `Queries`."""

    def family(self: _FamilyReader, root_id: str) -> list[FamilyMember]:
        """A family, and those of which it may have adopted something, parents first.

        Without the fields of `HEAVY`: those of a thousand members may not fit into memory.
        """
        root_ids = self._state.links.roots_of(uuid_text(root_id))
        records = self._read("family", root_ids=[*root_ids])
        return [FamilyMember(**record) for record in records]

    def call_children(
        self: _FamilyReader, parents: Sequence[Execution], call_key: str
    ) -> list[Execution]:
        """The executions that one call started in any of these tries, oldest first.

        Args:
            parents: The tries of the execution that makes the call. Live ones need no table.
            call_key: Which call it is.
        """
        live_ids: list[str] = []
        ended: list[Execution] = []
        for parent in parents:
            calls = self._state.calls.get(parent.execution_id, {})
            if parent.execution_id in self._state.live:  # Then `calls` had all of them.
                live_ids += calls.get(call_key, ())
            else:
                ended.append(parent)
        children = [
            *self._call_children_of_ended(ended, call_key),
            *(self.get_execution(execution_id) for execution_id in live_ids),
        ]
        # A try that is being cancelled may be older than one that has ended.
        return sorted(
            children, key=lambda child: (child.created_at, child.execution_id)
        )

    def _call_children_of_ended(
        self: _FamilyReader, parents: Sequence[Execution], call_key: str
    ) -> list[Execution]:
        if not parents:
            return []
        records = self._read(
            "call_children",
            root_ids=[parent.root_id for parent in parents],
            parent_ids=[parent.execution_id for parent in parents],
            call_key=call_key,
        )
        return [rows.EXECUTION.model_of(record) for record in records]

    def lines_above(
        self: _FamilyReader, live: Mapping[str, Execution]
    ) -> dict[str, list[Ancestor]]:
        """Of those of `live` whose parent has ended: what is above them.

        Each line begins with the parent, and ends with the first one that has not ended, or
        with the root.
        """
        ids = [
            execution.execution_id
            for execution in live.values()
            if execution.current_parent_id is not None
            and execution.current_parent_id not in live
        ]
        lines: dict[str, list[Ancestor]] = {id_: [] for id_ in ids}
        for record in self._read("lines_above", execution_ids=ids) if ids else ():
            above = Ancestor(record["above"], ExecutionStatus(record["status"]))
            lines[record["id"]].append(above)
        return lines

    def answer_waits(
        self: _FamilyReader, execution: Execution
    ) -> list[tuple[datetime, datetime | None]]:
        """When it, or an execution under it, waited for a person's answer: start and end.

        The end is None if it still waits.
        """
        records = self._read(
            "answer_waits",
            execution_id=uuid_text(execution.execution_id),
            root_ids=[*self._state.links.roots_of(execution.root_id)],
        )
        return [
            (rows.aware(r["started_at"]), r["ended_at"] and rows.aware(r["ended_at"]))
            for r in records
        ]

    def decisions(
        self: _FamilyReader, execution: Execution, *, offset: int = 0, limit: int = ALL
    ) -> list[Event]:
        """The decisions on failures of it, and of those under it, oldest first.

        Args:
            offset: How many of them to leave out.
        """
        records = self._read(
            "decisions",
            execution_id=uuid_text(execution.execution_id),
            root_ids=[*self._state.links.roots_of(execution.root_id)],
            offset=offset,
            limit=limit,
        )
        return [rows.EVENT.model_of(record) for record in records]

    def ancestors(
        self: _FamilyReader, execution_id: str, *, offset: int = 0, limit: int = ALL
    ) -> list[Execution]:
        """Its parent, its parent's parent, and so on; the root is the last.

        Of an adopted one that is who has it now.

        Args:
            offset: How many of them to leave out.

        Raises:
            ExecutionNotFound: There is no such execution.
        """
        line: list[Execution] = []
        execution: Execution | None = self.get_execution(execution_id)
        while execution is not None and len(line) < offset + limit:
            parent_id = execution.current_parent_id
            execution = self.find_execution(parent_id) if parent_id else None
            line += [execution] if execution is not None else []
        return line[offset:]
