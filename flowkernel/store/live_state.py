"""What the store knows by heart, so that recording and looking up need no table."""

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, field

from flowkernel.core.json_values import dumps
from flowkernel.core.models import (
    Event,
    EventKind,
    Execution,
    Flow,
    FlowVersion,
)
from flowkernel.store.caches import Births, BoundedCache, PersistentMap, RecentIds
from flowkernel.store.event_rows import Cells, Messages, map_open
from flowkernel.store.pending_changes import PendingChanges, is_among

KNOWN_EVENTS = (
    50_000  #: Ids kept to tell a repeated event, newest; as many again of logs.
)
KNOWN_BIRTHS = 50_000  #: Ids of executions kept to tell a new one without looking.
ENDED_COUNT, ENDED_BYTES = 10_000, 32 * 1024 * 1024  #: Of executions that ended lately.
VERSION_COUNT, VERSION_BYTES = 1_000, 32 * 1024 * 1024  #: Of sources used lately.
BARE = 2_000  #: Bytes in memory of an execution without its inputs and output, about.

#: By parent, then by call key: the children, oldest first.
Calls = dict[str, dict[str, tuple[str, ...]]]


def _ended() -> BoundedCache[Execution]:
    return BoundedCache(count=ENDED_COUNT, size=ENDED_BYTES)


def _sources() -> BoundedCache[FlowVersion]:
    return BoundedCache(count=VERSION_COUNT, size=VERSION_BYTES)


@dataclass
class LiveState:
    """What is known by heart. Changed by the writer; `live` and `flows` are replaced."""

    last_seq: int = 0
    births: Births = field(default_factory=lambda: Births("", limit=KNOWN_BIRTHS))
    live: PersistentMap[Execution] = field(default_factory=PersistentMap)
    ended: BoundedCache[Execution] = field(default_factory=_ended)
    calls: Calls = field(default_factory=dict)  #: Of those that are live, all.
    cells: dict[str, Cells] = field(default_factory=dict)
    #: Of those that are live; None for one that is not open.
    messages: dict[str, Messages] = field(default_factory=dict)
    flows: Mapping[str, Flow] = field(default_factory=dict)
    versions: set[str] = field(default_factory=set)
    sources: BoundedCache[FlowVersion] = field(default_factory=_sources)
    event_ids: RecentIds = field(default_factory=lambda: RecentIds(limit=KNOWN_EVENTS))
    log_ids: RecentIds = field(default_factory=lambda: RecentIds(limit=KNOWN_EVENTS))

    def find_execution(self, execution_id: str) -> Execution | None:
        """The execution, if it is live or ended lately."""
        return self.live.get(execution_id) or self.ended.get(execution_id)

    def accept(self, changes: PendingChanges) -> None:
        """Take over what is on disk."""
        self.last_seq = changes.events[-1].seq if changes.events else self.last_seq
        for execution_id, cells in changes.cells.items():
            known = self.cells.setdefault(execution_id, {})
            known.update(
                {key: None if run.ended_at else run for key, run in cells.items()}
            )
        for execution_id, messages in changes.messages.items():
            sent = {**self.messages.get(execution_id, {}), **map_open(messages)}
            self.messages = {**self.messages, execution_id: sent}
        self.births.add(changes.born)
        if changes.executions:
            self._accept_executions(changes.executions)
            born = map(changes.executions.__getitem__, changes.born)
            self.add_calls((e.parent_id, e.call_key, e.execution_id) for e in born)
        if changes.flows:
            flows = {**self.flows, **changes.flows}
            self.flows = {name: flow for name, flow in flows.items() if flow}
        self.versions.update(changes.versions)
        for version, _ in changes.versions.values():
            self.keep_source(version)
        if changes.pruned:
            self._forget(changes.pruned)
        self._remember(changes.events)

    def add_calls(self, calls: Iterable[tuple[str | None, str | None, str]]) -> None:
        """Know parent, call key and child of these, as long as the parent is live."""
        for parent_id, call_key, child_id in calls:
            if parent_id in self.live and parent_id and call_key is not None:
                known = self.calls.setdefault(parent_id, {})
                known[call_key] = (*known.get(call_key, ()), child_id)

    def keep_source(self, version: FlowVersion) -> None:
        """Have a version at hand: it is about to be used."""
        size = len(version.source) + len(version.setup_source or "")
        self.sources.put(version.flow_version, version, BARE + size)

    def _accept_executions(self, executions: Mapping[str, Execution]) -> None:
        ended = [e for e in executions.values() if e.status.is_ended]
        for execution in ended:  # First here, then not there: it is always found.
            self.ended.put(execution.execution_id, execution, size_of(execution))
        live = {k: e for k, e in executions.items() if not e.status.is_ended}
        self.live = self.live.changed(live, [e.execution_id for e in ended])
        for execution in ended:
            self.cells.pop(execution.execution_id, None)
            self.calls.pop(execution.execution_id, None)
        gone = {execution.execution_id for execution in ended} & self.messages.keys()
        if gone:  # Never changed, so that it can be walked through.
            self.messages = {k: m for k, m in self.messages.items() if k not in gone}

    def _forget(self, pruned: Set[str]) -> None:
        self.ended.drop_where(lambda execution: is_among(execution, pruned))
        for called in self.calls.values():
            for call_key, ids in called.items():
                if not pruned.isdisjoint(ids):
                    called[call_key] = tuple(one for one in ids if one not in pruned)

    def _remember(self, events: list[Event]) -> None:
        for ids, is_log in ((self.event_ids, False), (self.log_ids, True)):
            ids.add(
                e.event_id for e in events if (e.kind is EventKind.LOGGED) is is_log
            )

    def take_over(self, fresh: "LiveState") -> None:
        """Know what was just read from the tables, which do not have the ids of logs."""
        fresh.log_ids = self.log_ids
        vars(self).update(vars(fresh))


def size_of(execution: Execution) -> int:
    """About how much memory it takes."""
    return BARE + len(dumps([execution.inputs, execution.output]))
