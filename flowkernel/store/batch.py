"""What requests change: decided in memory, before anything is written."""

import json
from collections import ChainMap
from collections.abc import Callable, Sequence, Set
from dataclasses import replace
from typing import Any
from uuid import UUID

from flowkernel.core.clock import now
from flowkernel.core.errors import BadArgument, FlowNotFound, MoveNotAllowed
from flowkernel.core.json_values import dumps
from flowkernel.core.models import (
    Event,
    EventKind,
    Execution,
    Flow,
    FlowVersion,
    Json,
    JsonRecord,
)
from flowkernel.store.event_rows import Cells, Messages, step
from flowkernel.store.live_state import LiveState
from flowkernel.store.pending_changes import DatedVersion, PendingChanges, is_among
from flowkernel.store.rows import check_fits

K = EventKind


class Batch:
    """Requests that share one frame. One that is refused leaves no trace in it."""

    def __init__(
        self, state: LiveState, find: Callable[[str], Execution | None]
    ) -> None:
        """`find` looks for an execution that is not live; it is asked about few."""
        self.changes = PendingChanges()
        self._state = state
        self._find = find
        self._found: dict[str, Execution | None] = {}

    def append(self, events: Sequence[Event], *, strict: bool) -> list[Event]:
        """Take these events in; return them as they will be stored."""
        mine = PendingChanges()
        for event in events:
            if self._is_known(event, mine):
                continue
            try:
                self._take(event, mine)
            except MoveNotAllowed:
                if strict:
                    raise
            except (KeyError, TypeError, ValueError, AttributeError) as error:
                raise BadArgument(
                    f"The payload of event {event.event_id} ({event.kind}) cannot be used: "
                    f"{error!r}. Nothing was recorded."
                ) from error
        self.changes.add(mine)
        return mine.events

    def save_flow(self, flow: Flow) -> None:
        """Put it in the place of the one with its name."""
        self.changes.flows[flow.name] = flow

    def delete_flow(self, name: str) -> None:
        """Its versions stay.

        Raises:
            FlowNotFound: With names that are near.
        """
        flows = {**self._state.flows, **self.changes.flows}
        known = [other for other, flow in flows.items() if flow]
        if name not in known:
            raise FlowNotFound(name, known)
        self.changes.flows[name] = None

    def save_version(self, version: FlowVersion) -> None:
        """A version that is known already is passed over."""
        if version.flow_version not in self._state.versions:
            dated = DatedVersion(version, now())
            self.changes.versions.setdefault(version.flow_version, dated)

    def prune(self, ids: Set[str]) -> None:
        """Let families go, by their roots, and executions, all of which have ended.

        Raises:
            MoveNotAllowed: One is live, or has a member that is.
        """
        changed = [*self._state.live.values(), *self.changes.executions.values()]
        for execution in changed:
            if is_among(execution, ids) and not execution.status.is_ended:
                raise MoveNotAllowed(execution.execution_id, execution.status, "pruned")
        self.changes.pruned |= ids

    def replay(self, event: Event) -> None:
        """Take in an event that was decided before, with its `seq` and `root_id`.

        Raises:
            MoveNotAllowed: It does not fit: what came before it was lost.
        """
        self._apply(event, self._execution(event, self.changes), self.changes)

    def _is_known(self, event: Event, mine: PendingChanges) -> bool:
        recent = (self._state.event_ids, self._state.log_ids)
        drafts = (mine.event_ids, self.changes.event_ids)
        return any(event.event_id in ids for ids in (*drafts, *recent))

    def _take(self, event: Event, mine: PendingChanges) -> None:
        before = self._execution(event, mine)
        root_id = before.root_id if before else event.payload.get("root_id", "")
        seq = self._state.last_seq + len(self.changes.events) + len(mine.events) + 1
        self._apply(replace(event, seq=seq, root_id=root_id), before, mine)

    def _apply(
        self, event: Event, before: Execution | None, mine: PendingChanges
    ) -> None:
        cells = self._cells(event.execution_id, mine)
        messages = self._messages(event.execution_id, mine)
        after = step(before, cells, messages, event)
        records = (after.execution, *after.cells.values(), *after.messages.values())
        for record in records:
            if record is not before:
                check_fits(record)
        if before is None:
            check_birth(after.execution, event)
            mine.born.add(event.execution_id)
        if after.execution is not before:
            mine.executions[event.execution_id] = after.execution
        if after.cells:
            mine.cells_born |= {key for key in after.cells if key not in cells}
            mine.cells.setdefault(event.execution_id, {}).update(after.cells)
        if after.messages:
            mine.messages_born |= {key for key in after.messages if key not in messages}
            mine.messages.setdefault(event.execution_id, {}).update(after.messages)
        mine.events.append(event)
        mine.event_ids.add(event.event_id)

    def _execution(self, event: Event, mine: PendingChanges) -> Execution | None:
        execution_id = event.execution_id
        for known in (mine.executions, self.changes.executions):
            if execution_id in known:
                return known[execution_id]
        found = self._state.find_execution(execution_id)
        if found is not None:
            return found
        if self._state.births.is_new(execution_id):
            return None
        if execution_id not in self._found:
            self._found[execution_id] = self._find(execution_id)
        return self._found[execution_id]

    def _cells(self, execution_id: str, mine: PendingChanges) -> Cells:
        parts = (mine.cells, self.changes.cells, self._state.cells)
        found: list[Any] = [part.get(execution_id) for part in parts]
        return ChainMap(*filter(None, found))

    def _messages(self, execution_id: str, mine: PendingChanges) -> Messages:
        parts = (mine.messages, self.changes.messages, self._state.messages)
        found: list[Any] = [part.get(execution_id) for part in parts]
        return ChainMap(*filter(None, found))


def checked(event: Event) -> Event:
    """The event, fit to be written: one bad one must not spoil the batch of the others.

    Text that is not valid Unicode, as a program may print, gets question marks.

    Raises:
        BadArgument: An id is no UUID in its usual writing, or the payload is not JSON.
    """
    for name in ("event_id", "execution_id"):
        check_id(getattr(event, name), name)
    for name in ("cell_run_id", "message_id", "root_id", "parent_id", "retry_of"):
        if event.payload.get(name) is not None:
            check_id(event.payload[name], name)
    if event.happened_at.tzinfo is None:
        raise BadArgument(f"The moment {event.happened_at} has no time zone. Use UTC.")
    if not 1900 <= event.happened_at.year <= 9000:  # A zone may push it over the ends.
        raise BadArgument(f"The moment {event.happened_at} is out of all bounds.")
    try:
        text = dumps(event.payload)
    except (TypeError, ValueError) as error:
        raise BadArgument(
            f"The payload of a {event.kind} event is not JSON: {error}"
        ) from error
    try:
        (text + event.actor).encode()
    except UnicodeEncodeError:
        payload: dict[str, Json] = json.loads(text.encode(errors="replace"))
        actor = event.actor.encode(errors="replace").decode()
        return replace(event, payload=payload, actor=actor)
    return event


def checked_text(record: JsonRecord) -> None:
    """Refuse what has text that cannot be written down.

    Raises:
        BadArgument: Some of it is not valid Unicode.
    """
    try:
        dumps(record.to_json()).encode()
    except UnicodeEncodeError as error:
        raise BadArgument(
            f"There is text that is not valid Unicode: {error}."
        ) from error


def check_birth(execution: Execution, event: Event) -> None:
    """Refuse a CREATED event that tells of another execution, or of none."""
    if execution.execution_id != event.execution_id:
        raise ValueError(f"it is about execution {execution.execution_id!r}")
    check_id(execution.root_id, "root_id")


def check_id(text: object, name: str) -> None:
    """Refuse what is no UUID in lower case with its hyphens."""
    try:
        is_id = isinstance(text, str) and str(UUID(text)) == text
    except ValueError:
        is_id = False
    if not is_id:
        raise BadArgument(
            f"{name} is {text!r}, which is not a UUID in its usual writing."
        )
