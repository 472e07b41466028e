"""Which executions under way have which parent: so that nobody walks through all of them."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

from flowkernel.core.models import Event, EventKind, Execution

K = EventKind


@dataclass
class LiveFamilies:
    """The children of each execution that have not ended.

    A child that outlives its parent counts as a child of the parent's parent from then on.
    One that is adopted counts as a child of who adopted it.
    """

    _children: defaultdict[str, set[str]] = field(
        default_factory=lambda: defaultdict(set)
    )
    _parents: dict[str, str] = field(default_factory=dict)

    def recall(self, live: Mapping[str, Execution], above: Mapping[str, str]) -> None:
        """Add the executions that had not ended when the engine started.

        Args:
            above: Of those whose parent had ended: the next one above it that had not.
        """
        for execution in live.values():
            id_ = execution.execution_id
            parent_id = above.get(id_, execution.current_parent_id)
            if parent_id is not None and parent_id in live:
                self._add(id_, parent_id)

    def apply(self, event: Event, live: Mapping[str, Execution]) -> None:
        """Follow an event. `live`: what has not ended now; it may be newer."""
        execution_id = event.execution_id
        if event.kind is K.CREATED and event.payload["parent_id"] is not None:
            self._add(execution_id, event.payload["parent_id"])
        if event.kind is K.ADOPTED and execution_id in live:
            self._remove(execution_id)
            self._add(execution_id, event.payload["parent_id"])
        if event.kind is K.ENDED:
            self._end(execution_id)

    def children(self, execution_id: str) -> list[str]:
        """The ids of its children that have not ended."""
        return sorted(self._children.get(execution_id, ()))

    def top_of(self, execution_id: str) -> str:
        """The highest one above it that has not ended; itself if there is none."""
        while execution_id in self._parents:
            execution_id = self._parents[execution_id]
        return execution_id

    def _add(self, execution_id: str, parent_id: str) -> None:
        self._parents[execution_id] = parent_id
        self._children[parent_id].add(execution_id)

    def _end(self, execution_id: str) -> None:
        parent_id = self._remove(execution_id)
        for child_id in self._children.pop(execution_id, ()):
            del self._parents[child_id]
            if parent_id is not None:
                self._add(child_id, parent_id)

    def _remove(self, execution_id: str) -> str | None:
        """Its parent, from which it is removed."""
        parent_id = self._parents.pop(execution_id, None)
        if parent_id is not None:
            children = self._children[parent_id]
            children.discard(execution_id)
            if not children:
                del self._children[parent_id]
        return parent_id
