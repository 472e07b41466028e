"""What is to be added to the tables: decided, and not yet written there."""

from collections.abc import Iterable, Set
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from flowkernel.core.models import CellRun, Event, Execution, Flow, FlowVersion, Message


class DatedVersion(NamedTuple):
    """A flow version, and when it was first seen."""

    version: FlowVersion
    created_at: datetime


@dataclass
class PendingChanges:
    """What one request, a whole batch, or many batches add to the store."""

    events: list[Event] = field(default_factory=list)
    event_ids: set[str] = field(default_factory=set)
    executions: dict[str, Execution] = field(default_factory=dict)
    born: set[str] = field(default_factory=set)  #: Executions that have no row yet.
    cells: dict[str, dict[str, CellRun]] = field(default_factory=dict)
    cells_born: set[str] = field(default_factory=set)
    messages: dict[str, dict[str, Message]] = field(default_factory=dict)
    messages_born: set[str] = field(default_factory=set)
    flows: dict[str, Flow | None] = field(default_factory=dict)  #: None: deleted.
    versions: dict[str, DatedVersion] = field(default_factory=dict)
    pruned: set[str] = field(default_factory=set)  #: Roots, and executions, that go.
    frame: int = 0  #: The last frame of the journal that is in here.
    size: int = 0  #: Bytes in the journal.

    def __bool__(self) -> bool:
        return bool(self.events or self.flows or self.versions or self.pruned)

    def add(self, other: "PendingChanges") -> None:
        """Put the later changes on top."""
        self.events += other.events
        self.event_ids |= other.event_ids
        self.executions |= other.executions
        self.born |= other.born
        for execution_id, cells in other.cells.items():
            self.cells.setdefault(execution_id, {}).update(cells)
        self.cells_born |= other.cells_born
        for execution_id, messages in other.messages.items():
            self.messages.setdefault(execution_id, {}).update(messages)
        self.messages_born |= other.messages_born
        self.flows |= other.flows
        self.versions |= other.versions
        self.pruned |= other.pruned
        self.frame = max(self.frame, other.frame)
        self.size += other.size

    @classmethod
    def merged(cls, parts: Iterable["PendingChanges"]) -> "PendingChanges":
        """All of these as one, the later ones on top."""
        whole = cls()
        for part in parts:
            whole.add(part)
        return whole


def is_among(execution: Execution, pruned: Set[str]) -> bool:
    """Whether it goes, by itself or with its family."""
    return execution.root_id in pruned or execution.execution_id in pruned
