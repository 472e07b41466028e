"""What the store knows by heart, so that recording and looking up need no table."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from flowkernel.models import Event, EventKind, Execution, Flow
from flowkernel.store.changes import Changes
from flowkernel.store.step import Cells

KNOWN_EVENTS = (
    50_000  #: Ids kept to tell a repeated event, newest; as many again of logs.
)


class Recent:
    """The newest ids, up to a number."""

    def __init__(self, ids: Iterable[str] = (), *, limit: int = KNOWN_EVENTS) -> None:
        self._ids = dict.fromkeys(ids)
        self._limit = limit

    def __contains__(self, event_id: str) -> bool:
        return event_id in self._ids

    def add(self, ids: Iterable[str]) -> None:
        """Remember these; forget the oldest over the limit."""
        self._ids.update(dict.fromkeys(ids))
        while len(self._ids) > self._limit:
            del self._ids[next(iter(self._ids))]


@dataclass
class State:
    """What is known by heart. Changed by the writer; `live` and `flows` are replaced."""

    last_seq: int = 0
    newest_id: str = ""
    live: Mapping[str, Execution] = field(default_factory=dict)
    cells: dict[str, Cells] = field(default_factory=dict)
    flows: Mapping[str, Flow] = field(default_factory=dict)
    versions: set[str] = field(default_factory=set)
    event_ids: Recent = field(default_factory=Recent)
    log_ids: Recent = field(default_factory=Recent)

    def accept(self, changes: Changes) -> None:
        """Take over what is on disk."""
        self.last_seq = changes.events[-1].seq if changes.events else self.last_seq
        self.newest_id = max([self.newest_id, *changes.born])
        for execution_id, cells in changes.cells.items():
            known = self.cells.setdefault(execution_id, {})
            known.update(
                {key: None if run.ended_at else run for key, run in cells.items()}
            )
        self._accept_executions(changes.executions)
        if changes.flows:
            flows = {**self.flows, **changes.flows}
            self.flows = {name: flow for name, flow in flows.items() if flow}
        self.versions.update(changes.versions)
        self._remember(changes.events)

    def _accept_executions(self, executions: Mapping[str, Execution]) -> None:
        if not executions:
            return
        live = {**self.live, **executions}
        for execution in executions.values():
            if execution.status.is_ended:
                del live[execution.execution_id]
                self.cells.pop(execution.execution_id, None)
        self.live = live

    def _remember(self, events: list[Event]) -> None:
        for ids, is_log in ((self.event_ids, False), (self.log_ids, True)):
            ids.add(
                e.event_id for e in events if (e.kind is EventKind.LOGGED) is is_log
            )

    def take_over(self, fresh: "State") -> None:
        """Know what was just read from the tables, which do not have the ids of logs."""
        fresh.log_ids = self.log_ids
        vars(self).update(vars(fresh))
