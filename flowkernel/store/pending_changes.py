"""Changes that are decided and in the journal, but not yet in the tables."""

from collections.abc import Iterable, Set
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from flowkernel.core.models import CellRun, Event, Execution, Flow, FlowVersion, Message
from flowkernel.store.families import FamilyLink


class DatedVersion(NamedTuple):
    """A flow version, and when it was first recorded."""

    version: FlowVersion
    created_at: datetime


@dataclass
class PendingChanges:
    """What one request, one batch, or several batches add to the store.

    `new_executions`, `new_cell_runs` and `new_messages` hold the ids that have no row yet:
    these are inserted, and the others are updated.
    """

    events: list[Event] = field(default_factory=list)
    event_ids: set[str] = field(default_factory=set)
    executions: dict[str, Execution] = field(default_factory=dict)
    new_executions: set[str] = field(default_factory=set)
    #: The children by the call that started, or adopted, them: parent and call key.
    calls: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    links: set[FamilyLink] = field(default_factory=set)
    #: By the id of the execution, then by their own id; `messages` likewise.
    cell_runs: dict[str, dict[str, CellRun]] = field(default_factory=dict)
    new_cell_runs: set[str] = field(default_factory=set)
    messages: dict[str, dict[str, Message]] = field(default_factory=dict)
    new_messages: set[str] = field(default_factory=set)
    flows: dict[str, Flow | None] = field(default_factory=dict)  #: None: deleted.
    versions: dict[str, DatedVersion] = field(default_factory=dict)
    #: Ids of roots, whose families are deleted, and of single executions.
    pruned: set[str] = field(default_factory=set)
    frame: int = 0  #: The number of the last journal frame that is in here.
    size: int = 0  #: Bytes that these changes take in the journal.

    def __bool__(self) -> bool:
        return bool(self.events or self.flows or self.versions or self.pruned)

    def add(self, later: "PendingChanges") -> None:
        """Add later changes; where both have a value, the later one wins."""
        self.events += later.events
        self.event_ids |= later.event_ids
        self.executions |= later.executions
        self.new_executions |= later.new_executions
        for call, execution_ids in later.calls.items():
            self.calls.setdefault(call, []).extend(execution_ids)
        self.links |= later.links
        for execution_id, cell_runs in later.cell_runs.items():
            self.add_cell_runs(execution_id, cell_runs)
        self.new_cell_runs |= later.new_cell_runs
        for execution_id, messages in later.messages.items():
            self.add_messages(execution_id, messages)
        self.new_messages |= later.new_messages
        self.flows |= later.flows
        self.versions |= later.versions
        self.pruned |= later.pruned
        self.frame = max(self.frame, later.frame)
        self.size += later.size

    def add_new_execution(self, execution: Execution) -> None:
        """Add one that has no row yet, and the call that started it."""
        self.executions[execution.execution_id] = execution
        self.new_executions.add(execution.execution_id)
        self.add_call(execution.parent_id, execution.call_key, execution.execution_id)

    def add_adoption(self, event: Event) -> None:
        """Add what an event of kind ADOPTED changes besides the row of the child."""
        payload = event.payload
        self.add_call(payload["parent_id"], payload["call_key"], event.execution_id)
        if payload["root_id"] != event.root_id:
            self.links.add(FamilyLink(payload["root_id"], event.root_id))

    def add_call(
        self, parent_id: str | None, call_key: str | None, child_id: str
    ) -> None:
        """Add a child of a call: it was started, or adopted."""
        if parent_id is not None and call_key is not None:
            self.calls.setdefault((parent_id, call_key), []).append(child_id)

    def add_cell_runs(self, execution_id: str, cell_runs: dict[str, CellRun]) -> None:
        """Add cell runs of one execution, by id."""
        if cell_runs:
            self.cell_runs.setdefault(execution_id, {}).update(cell_runs)

    def add_messages(self, execution_id: str, messages: dict[str, Message]) -> None:
        """Add messages of one execution, by id."""
        if messages:
            self.messages.setdefault(execution_id, {}).update(messages)

    def has_deleted(self, messages: Iterable[Message | None]) -> bool:
        """Whether one of these messages is deleted with its execution."""
        deleted = self.pruned
        return bool(deleted) and any(m and belongs_to(m, deleted) for m in messages)

    @classmethod
    def merged(cls, parts: Iterable["PendingChanges"]) -> "PendingChanges":
        """All of these, oldest first, as one."""
        result = cls()
        for part in parts:
            result.add(part)
        return result


def belongs_to(record: Execution | Message, ids: Set[str]) -> bool:
    """Whether `ids` has this execution, or that of this message, or the root of its family."""
    return record.root_id in ids or record.execution_id in ids
