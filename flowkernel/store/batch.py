"""Deciding in memory what requests change, before anything is written."""

from collections import ChainMap
from collections.abc import Callable, Iterator, Sequence, Set
from dataclasses import replace
from functools import partial
from typing import Any

from flowkernel.core.clock import now
from flowkernel.core.errors import (
    BadArgument,
    ExecutionNotFound,
    MoveNotAllowed,
)
from flowkernel.core.models import (
    Event,
    EventKind,
    Execution,
    Flow,
    FlowVersion,
    Message,
)
from flowkernel.core.status import MessageStatus
from flowkernel.store.consequences import CONSEQUENT_KINDS, antecedents, consequences
from flowkernel.store.event_checks import check_created, check_text, checked_event
from flowkernel.store.event_rows import CellRuns, EventEffect, Messages, effect_of
from flowkernel.store.live_state import FlowsByName, LiveState
from flowkernel.store.needed_executions import adopters_of, retried_by
from flowkernel.store.pending_changes import DatedVersion, PendingChanges, belongs_to
from flowkernel.store.rows import check_fits

K = EventKind
#: What becomes of one execution, as it is when this is called: the events to record.
Change = Callable[[Execution], Sequence[Event]]
#: The id of the child of a call, and the events that start or adopt it: none if the call has
#: it already. It gets the parent, if there is one, and the children of the call, oldest first.
Start = Callable[[Execution | None, list[Execution]], tuple[str, Sequence[Event]]]


class Batch:
    """The changes of several requests, which share one frame of the journal.

    Each request sees the changes of those before it, and no other thread can come between:
    what must be unique, conditional or merged is decided here. A refused request changes
    nothing: what it would change is collected in a draft, which is added when all is valid.
    """

    def __init__(
        self, state: LiveState, find: Callable[[str], Execution | None]
    ) -> None:
        """`find` reads an execution that is not in memory from the tables; seldom called."""
        self.changes = PendingChanges()
        self._state = state
        self._find = find
        self._from_tables: dict[str, Execution | None] = {}

    def append(self, events: Sequence[Event], *, strict: bool) -> list[Event]:
        """Add these events; return them as they will be stored. See `Store.append`."""
        draft = PendingChanges()
        for event in events:
            if self._is_known(event, draft):
                continue
            try:
                self._add_event(event, draft)
            except MoveNotAllowed:
                if strict:
                    raise
            except (KeyError, TypeError, ValueError, AttributeError) as error:
                raise BadArgument(
                    f"The payload of event {event.event_id} ({event.kind}) cannot be used: "
                    f"{error!r}. Nothing was recorded."
                ) from error
        self.changes.add(draft)
        return draft.events

    def append_checked(self, events: Sequence[Event]) -> list[Event]:
        """The same for events that were made on this thread: they are checked first."""
        return self.append([checked_event(event) for event in events], strict=True)

    # ---- verbs: what is decided by the state of this moment

    def start(
        self, execution: Execution, earlier: Sequence[Execution], decide: Start
    ) -> Execution:
        """Record a new execution, unless it is there, or its call has a child already.

        Args:
            execution: As it would be; `decide` returns the events that record it.
            earlier: The children of the same call in earlier tries of the parent.
            decide: Called with the parent and the children of the call as they are now.

        Raises:
            ExecutionNotFound: There is no such parent, or it is a retry of what was deleted.
        """
        existing = self.find_execution(execution.execution_id)
        if existing is not None:
            return existing
        self._check_exists(execution.retry_of)
        parent = self.get(execution.parent_id) if execution.parent_id else None
        own = self.children_of_call(execution.parent_id, execution.call_key)
        children = [*self._not_adopted(parent, earlier, own), *own] if earlier else own
        child_id, events = decide(parent, children)
        self.append(events, strict=True)
        return self.get(child_id)

    def change(self, execution_id: str, decide: Change) -> Execution:
        """Record what follows for an execution as it is now; return it as it is then.

        Raises:
            ExecutionNotFound: There is none.
            MoveNotAllowed: An event does not fit.
        """
        self.append_checked(decide(self.get(execution_id)))
        return self.get(execution_id)

    def change_flow(self, name: str, change: Callable[[Flow], Flow]) -> Flow:
        """Replace a flow by what `change` makes of it as it is now.

        Raises:
            FlowNotFound: There is none. Suggests a similar name.
        """
        flow = change(self._flows()[name])
        check_text(flow)
        self.changes.flows[name] = flow
        return flow

    def save_flow(self, flow: Flow) -> None:
        """Add the flow, or replace the flow that has its name."""
        self.changes.flows[flow.name] = flow

    def delete_flow(self, name: str) -> None:
        """Delete the flow; its versions stay.

        Raises:
            FlowNotFound: Suggests a similar name.
        """
        flow = self._flows()[name]
        self.changes.flows[flow.name] = None

    def save_version(self, version: FlowVersion) -> None:
        """Add the version, unless it is recorded already."""
        if version.flow_version not in self._state.version_hashes:
            dated = DatedVersion(version, now())
            self.changes.versions.setdefault(version.flow_version, dated)

    def prune(self, ids: Set[str]) -> None:
        """Delete families, by the ids of their roots, and single executions.

        Raises:
            MoveNotAllowed: One of these executions has not ended, or has adopted one that
                has not.
        """
        itself = ((execution, execution) for execution in self._under_way())
        for execution, needed in (*itself, *self._adopters()):
            if belongs_to(needed, ids):
                raise MoveNotAllowed(execution.execution_id, execution.status, "pruned")
        self.changes.pruned |= ids

    def prune_families(self, root_ids: Set[str]) -> Set[str]:
        """Delete families that are not needed; return the ids of their roots.

        A family is needed as long as something that has not ended is a retry of one of it,
        or was adopted by one of it.

        Raises:
            MoveNotAllowed: Something in one of them has not ended.
        """
        unneeded = root_ids - self.retried_roots()
        self.prune(unneeded)
        return unneeded

    def delete(self, execution_id: str, ids: Set[str]) -> None:
        """Delete an execution, and with it `ids`: itself, and all that it started.

        Raises:
            MoveNotAllowed: One of them has not ended, or its retry needs it.
        """
        retried = self._retried()
        line = [self.get(execution_id)]
        while (parent_id := line[-1].parent_id) and (
            above := self.find_execution(parent_id)
        ):
            line.append(above)
        needed = [e for e in line if e.execution_id in retried]
        needed += [retried[id_] for id_ in ids if id_ in retried]
        if needed:
            change = "deleted before its retry has ended"
            raise MoveNotAllowed(needed[0].execution_id, needed[0].status, change)
        self.prune(ids)

    def retried_roots(self) -> Set[str]:
        """The families that something needs that has not ended: see `prune_families`."""
        adopters = (adopter for _, adopter in self._adopters())
        return {e.root_id for e in (*self._retried().values(), *adopters)}

    def _adopters(self) -> Iterator[tuple[Execution, Execution]]:
        return adopters_of(self._under_way(), self.find_execution)

    def _under_way(self) -> Iterator[Execution]:
        """What has not ended."""
        changed = self.changes.executions
        for execution in (*self._state.live.values(), *changed.values()):
            if not execution.status.is_ended:
                yield execution

    def _check_exists(self, execution_id: str | None) -> None:
        """Refuse one that was deleted, also if that is decided with the same changes."""
        if execution_id and belongs_to(self.get(execution_id), self.changes.pruned):
            raise ExecutionNotFound(execution_id)

    def _retried(self) -> dict[str, Execution]:
        """What live executions are retries of, and that of others, and so on, by id."""
        return retried_by(self._under_way(), self.find_execution)

    # ---- the state of this moment, with all changes so far

    def find_execution(self, execution_id: str) -> Execution | None:
        """One execution; None if there is none."""
        return self._execution(execution_id, self.changes)

    def get(self, execution_id: str) -> Execution:
        """One execution.

        Raises:
            ExecutionNotFound: There is none.
        """
        execution = self.find_execution(execution_id)
        if execution is None:
            raise ExecutionNotFound(execution_id)
        return execution

    def message_ids(self, execution_id: str) -> Set[str]:
        """The ids of the messages that a live execution has sent."""
        return self._messages(execution_id, self.changes).keys()

    def topmost_live(self, execution_id: str) -> Execution:
        """The execution, or the highest of those above it that have not ended."""
        top = self.get(execution_id)
        while top.current_parent_id is not None:
            parent = self.find_execution(top.current_parent_id)
            if parent is None or parent.status.is_ended:
                break
            top = parent
        return top

    def live_family(self, root_id: str) -> list[Execution]:
        """What has not ended of a family, and of those of which it may have something."""
        root_ids = self._state.links.roots_of(root_id, self.changes.links)
        changed = self.changes.executions
        unchanged = (e for k, e in self._state.live.items() if k not in changed)
        return [
            execution
            for execution in (*unchanged, *changed.values())
            if execution.root_id in root_ids and not execution.status.is_ended
        ]

    def open_message(self, execution_id: str, message_id: str) -> Message | None:
        """A message of an execution, if it waits for an answer."""
        message = self._messages(execution_id, self.changes).get(message_id)
        is_open = message is not None and message.status is MessageStatus.OPEN
        return message if is_open else None

    def outliving_messages(self) -> list[Message]:
        """The open messages of all executions that outlive these."""
        return self._state.outliving_messages(self.changes)

    def children_of_call(
        self, parent_id: str | None, call_key: str | None
    ) -> list[Execution]:
        """What one call of a live execution started, oldest first."""
        if parent_id is None or call_key is None:
            return []
        recorded = self._state.calls.get(parent_id, {}).get(call_key, ())
        added = self.changes.calls.get((parent_id, call_key), ())
        return [self.get(execution_id) for execution_id in (*recorded, *added)]

    def _not_adopted(
        self,
        parent: Execution | None,
        earlier: Sequence[Execution],
        own: Sequence[Execution],
    ) -> list[Execution]:
        """The children of earlier tries, as they are now, that this try does not have.

        Without those that it is under: one may retry its parent within itself.
        """
        left_out = {child.execution_id for child in own} | self._line_above(parent)
        return [
            child if child.status.is_ended else self.get(child.execution_id)
            for child in earlier
            if child.execution_id not in left_out
        ]

    def _line_above(self, execution: Execution | None) -> set[str]:
        line = set()
        while execution is not None and execution.current_parent_id is not None:
            line.add(execution.current_parent_id)
            execution = self.find_execution(execution.current_parent_id)
        return line

    def _flows(self) -> FlowsByName:
        flows = {**self._state.flows, **self.changes.flows}
        return FlowsByName({name: flow for name, flow in flows.items() if flow})

    # ---- one event after the other

    def replay(self, event: Event) -> None:
        """Add an event of the journal, which has its `seq` and `root_id` already.

        Raises:
            MoveNotAllowed: It does not fit, as events before it were lost.
        """
        self._apply(event, self.find_execution(event.execution_id), self.changes)

    def has_event(self, event_id: str) -> bool:
        """Whether an event with this id was recorded lately."""
        recent = (self._state.event_ids, self._state.log_event_ids)
        return any(event_id in ids for ids in (self.changes.event_ids, *recent))

    def _is_known(self, event: Event, draft: PendingChanges) -> bool:
        return event.event_id in draft.event_ids or self.has_event(event.event_id)

    def _add_event(self, event: Event, draft: PendingChanges) -> None:
        previous = self._execution(event.execution_id, draft)
        if event.kind is K.ENDED and previous is not None:
            for antecedent in antecedents(event, previous):
                self._add_event(antecedent, draft)
            previous = self._execution(event.execution_id, draft)
        root_id = previous.root_id if previous else event.payload.get("root_id", "")
        seq = self._state.last_seq + len(self.changes.events) + len(draft.events) + 1
        event = replace(event, seq=seq, root_id=root_id)
        effect = self._apply(event, previous, draft)
        if event.kind in CONSEQUENT_KINDS:
            self._add_consequences(event, previous, effect, draft)

    def _add_consequences(
        self,
        event: Event,
        previous: Execution | None,
        effect: EventEffect,
        draft: PendingChanges,
    ) -> None:
        find, messages = partial(self._execution, draft=draft), effect.messages.values()
        for consequence in consequences(
            event, previous, effect.execution, messages, find
        ):
            self._add_event(consequence, draft)

    def _apply(
        self, event: Event, execution: Execution | None, draft: PendingChanges
    ) -> EventEffect:
        """Add an event and its effect to the draft, or raise and leave the draft as it is."""
        cell_runs = self._cell_runs(event.execution_id, draft)
        messages = self._messages(event.execution_id, draft)
        effect = effect_of(execution, cell_runs, messages, event)
        for record in effect.records:
            if (
                record is not execution
            ):  # A value that its column cannot hold is refused.
                check_fits(record)
        if execution is None:
            check_created(effect.execution, event)
            draft.add_new_execution(effect.execution)
        if effect.execution is not execution:
            draft.executions[event.execution_id] = effect.execution
        if event.kind is K.ADOPTED:
            draft.add_adoption(event)
        draft.new_cell_runs |= {k for k in effect.cell_runs if k not in cell_runs}
        draft.add_cell_runs(event.execution_id, effect.cell_runs)
        draft.new_messages |= {k for k in effect.messages if k not in messages}
        draft.add_messages(event.execution_id, effect.messages)
        draft.events.append(event)
        draft.event_ids.add(event.event_id)
        return effect

    def _execution(self, execution_id: str, draft: PendingChanges) -> Execution | None:
        for executions in (draft.executions, self.changes.executions):
            if execution_id in executions:
                return executions[execution_id]
        execution = self._state.find_execution(execution_id)
        if execution is not None:
            return execution
        if self._state.execution_ids.is_new(execution_id):
            return None
        if execution_id not in self._from_tables:
            self._from_tables[execution_id] = self._find(execution_id)
        return self._from_tables[execution_id]

    def _cell_runs(self, execution_id: str, draft: PendingChanges) -> CellRuns:
        sources = (draft.cell_runs, self.changes.cell_runs, self._state.cell_runs)
        layers: list[Any] = [source.get(execution_id) for source in sources]
        return ChainMap(*filter(None, layers))

    def _messages(self, execution_id: str, draft: PendingChanges) -> Messages:
        sources = (draft.messages, self.changes.messages, self._state.messages)
        layers: list[Any] = [source.get(execution_id) for source in sources]
        messages = ChainMap(*filter(None, layers))
        return {} if self.changes.has_deleted(messages.values()) else messages
