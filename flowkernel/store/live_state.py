"""What the store holds in memory, so that recording and looking up need no table."""

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, field

from immutables import Map

from flowkernel.core.errors import FlowNotFound
from flowkernel.core.json_values import dumps
from flowkernel.core.models import (
    Event,
    EventKind,
    Execution,
    Flow,
    FlowVersion,
    Message,
)
from flowkernel.store.caches import BoundedCache, NewIdFilter, RecentIds
from flowkernel.store.commit import Commit
from flowkernel.store.event_rows import (
    CellRuns,
    Messages,
    open_only,
    outliving_only,
)
from flowkernel.store.families import FamilyLinks
from flowkernel.store.pending_changes import PendingChanges, belongs_to

#: Ids of events kept to recognize a repeated event; as many again for log events.
EVENT_ID_COUNT = 50_000
#: Ids of executions kept to recognize a new execution without reading a table.
EXECUTION_ID_COUNT = 50_000
#: Bytes of the executions that ended lately: 16,000 of the smallest.
ENDED_BYTES = 32 * 1024 * 1024
#: Bytes of the flow versions used lately.
VERSION_BYTES = 32 * 1024 * 1024
#: Bytes in memory of an execution without its inputs and output, about.
BASE_SIZE = 2_000

#: By parent, then by call key: the children, oldest first.
Calls = dict[str, dict[str, tuple[str, ...]]]


def _execution_ids() -> NewIdFilter:
    return NewIdFilter("", limit=EXECUTION_ID_COUNT)


def _ended_cache() -> BoundedCache[Execution]:
    return BoundedCache(size=ENDED_BYTES)


def _version_cache() -> BoundedCache[FlowVersion]:
    return BoundedCache(size=VERSION_BYTES)


def _event_ids() -> RecentIds:
    return RecentIds(limit=EVENT_ID_COUNT)


@dataclass
class LiveState:
    """What the store holds in memory. The writer changes it once changes are on disk.

    Other threads read it at any time. So `live`, `messages` and `flows` are replaced by
    changed ones and never changed in place: a reader can iterate over the one it took.
    """

    last_seq: int = 0
    execution_ids: NewIdFilter = field(default_factory=_execution_ids)
    #: Every execution that has not ended, by id.
    live: Map[str, Execution] = field(default_factory=Map)
    recently_ended: BoundedCache[Execution] = field(default_factory=_ended_cache)
    calls: Calls = field(default_factory=dict)  #: All calls of live executions.
    links: FamilyLinks = field(default_factory=FamilyLinks)
    #: The cell runs of live executions.
    cell_runs: dict[str, CellRuns] = field(default_factory=dict)
    #: The messages of live executions, and those that wait though theirs has ended.
    messages: Map[str, Messages] = field(default_factory=Map)
    flows: Mapping[str, Flow] = field(default_factory=dict)
    version_hashes: set[str] = field(default_factory=set)  #: Of every known version.
    recent_versions: BoundedCache[FlowVersion] = field(default_factory=_version_cache)
    event_ids: RecentIds = field(default_factory=_event_ids)
    log_event_ids: RecentIds = field(default_factory=_event_ids)

    def find_execution(self, execution_id: str) -> Execution | None:
        """The execution, if it is live or ended lately."""
        return self.live.get(execution_id) or self.recently_ended.get(execution_id)

    def outliving_messages(self, changes: PendingChanges) -> list[Message]:
        """The open messages that outlive their executions, with these changes."""
        groups = (*self.messages.values(), *changes.messages.values())
        current = {key: message for group in groups for key, message in group.items()}
        return [message for message in outliving_only(current).values() if message]

    def commit(self, changes: PendingChanges | None = None) -> Commit:
        """What followers get of this moment, and of the changes that led to it."""
        changes = changes or PendingChanges()
        groups = changes.messages.values()
        return Commit(
            seq=self.last_seq,
            events=tuple(changes.events),
            live=self.live,
            messages=self.messages,
            changed=changes.executions,
            changed_messages=[m for group in groups for m in group.values()],
            removed=frozenset(changes.pruned),
        )

    def apply(self, changes: PendingChanges) -> None:
        """Take over changes that are in the journal."""
        self.last_seq = changes.events[-1].seq if changes.events else self.last_seq
        self._add_cell_runs(changes)
        self._add_messages(changes)
        self.execution_ids.add(changes.new_executions)
        self.links.add(changes.links)
        if changes.executions:
            self._add_executions(changes.executions)
            self.add_calls(
                (parent_id, call_key, child_id)
                for (parent_id, call_key), child_ids in changes.calls.items()
                for child_id in child_ids
            )
        if changes.flows:
            flows = {**self.flows, **changes.flows}
            self.flows = {name: flow for name, flow in flows.items() if flow}
        self.version_hashes.update(changes.versions)
        for version, _ in changes.versions.values():
            self.cache_version(version)
        self._forget_messages(changes)
        if changes.pruned:
            self._remove_pruned(changes.pruned)
        self._add_event_ids(changes.events)

    def _add_cell_runs(self, changes: PendingChanges) -> None:
        for execution_id, cell_runs in changes.cell_runs.items():
            running = {k: None if run.ended_at else run for k, run in cell_runs.items()}
            self.cell_runs.setdefault(execution_id, {}).update(running)

    def _add_messages(self, changes: PendingChanges) -> None:
        for execution_id, messages in changes.messages.items():
            merged = {**self.messages.get(execution_id, {}), **open_only(messages)}
            self.messages = self.messages.set(execution_id, merged)

    def add_calls(self, calls: Iterable[tuple[str | None, str | None, str]]) -> None:
        """Add calls: parent, call key and child of each. Only those of a live parent stay."""
        for parent_id, call_key, child_id in calls:
            if parent_id in self.live and parent_id and call_key is not None:
                children = self.calls.setdefault(parent_id, {})
                children[call_key] = (*children.get(call_key, ()), child_id)

    def cache_version(self, version: FlowVersion) -> None:
        """Keep a flow version in memory, as it is about to be used."""
        size = BASE_SIZE + len(version.source) + len(version.setup_source or "")
        self.recent_versions.put(version.flow_version, version, size)

    def _add_executions(self, executions: Mapping[str, Execution]) -> None:
        ended = [e for e in executions.values() if e.status.is_ended]
        # Added here before it is removed from `live`: a reader always finds it.
        for execution in ended:
            size = memory_size(execution)
            self.recently_ended.put(execution.execution_id, execution, size)
        with self.live.mutate() as live:
            for execution_id, execution in executions.items():
                if execution.status.is_ended:
                    live.pop(execution_id, None)
                else:
                    live[execution_id] = execution
            self.live = live.finish()
        self._forget_parts([execution.execution_id for execution in ended])

    def _forget_parts(self, ended_ids: Iterable[str]) -> None:
        """Forget the cell runs and calls of executions that have ended."""
        for execution_id in ended_ids:
            self.cell_runs.pop(execution_id, None)
            self.calls.pop(execution_id, None)

    def _forget_messages(self, changes: PendingChanges) -> None:
        """Of executions that have ended, keep only the messages that wait all the same."""
        changed_ids = changes.messages.keys() | changes.executions.keys()
        for execution_id in changed_ids:
            if execution_id in self.live or execution_id not in self.messages:
                continue
            waiting = outliving_only(self.messages[execution_id])
            if waiting:
                self.messages = self.messages.set(execution_id, waiting)
            else:
                self.messages = self.messages.delete(execution_id)

    def _remove_pruned(self, ids: Set[str]) -> None:
        self.links.remove(ids)
        self.recently_ended.remove_where(lambda execution: belongs_to(execution, ids))
        for execution_id, messages in self.messages.items():
            if any(
                message and belongs_to(message, ids) for message in messages.values()
            ):
                self.messages = self.messages.delete(execution_id)
        for children in self.calls.values():
            for call_key, child_ids in children.items():
                if not ids.isdisjoint(child_ids):
                    remaining = (child for child in child_ids if child not in ids)
                    children[call_key] = tuple(remaining)

    def _add_event_ids(self, events: list[Event]) -> None:
        for ids, is_log in ((self.event_ids, False), (self.log_event_ids, True)):
            ids.add(
                e.event_id for e in events if (e.kind is EventKind.LOGGED) is is_log
            )

    def replace_with(self, loaded: "LiveState") -> None:
        """Become what was loaded from the tables, which lack the ids of log events."""
        loaded.log_event_ids = self.log_event_ids
        vars(self).update(vars(loaded))


class FlowsByName(dict[str, Flow]):
    """Flows by name; a name that is not there is refused with a similar one."""

    def __missing__(self, name: str) -> Flow:
        raise FlowNotFound(name, self)


def memory_size(execution: Execution) -> int:
    """How many bytes it takes in memory, about."""
    return BASE_SIZE + len(dumps([execution.inputs, execution.output]))
