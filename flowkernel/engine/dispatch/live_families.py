"""Which executions under way have which parent: so that nobody walks through all of them."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from flowkernel.core.models import Event, EventKind, Execution

K = EventKind


@dataclass
class LiveFamilies:
    """The children of each execution that have not ended.

    A child that outlives its parent counts as a child of the parent's parent from then on.
    """

    _children: defaultdict[str, set[str]] = field(
        default_factory=lambda: defaultdict(set)
    )
    _parents: dict[str, str] = field(default_factory=dict)

    def recall(self, executions: Iterable[Execution]) -> None:
        """Add the executions that had not ended when the engine started."""
        for execution in executions:
            if execution.parent_id is not None:
                self._add(execution.execution_id, execution.parent_id)

    def apply(self, event: Event) -> None:
        """Follow an event."""
        execution_id = event.execution_id
        if event.kind is K.CREATED and event.payload["parent_id"] is not None:
            self._add(execution_id, event.payload["parent_id"])
        if event.kind is K.ENDED:
            self._end(execution_id)

    def children(self, execution_id: str) -> list[str]:
        """The ids of its children that have not ended."""
        return sorted(self._children.get(execution_id, ()))

    def _add(self, execution_id: str, parent_id: str) -> None:
        self._parents[execution_id] = parent_id
        self._children[parent_id].add(execution_id)

    def _end(self, execution_id: str) -> None:
        parent_id = self._parents.pop(execution_id, None)
        for child_id in self._children.pop(execution_id, ()):
            del self._parents[child_id]
            if parent_id is not None:
                self._add(child_id, parent_id)
        if parent_id is not None:
            self._remove(execution_id, parent_id)

    def _remove(self, execution_id: str, parent_id: str) -> None:
        children = self._children.get(parent_id, set())
        children.discard(execution_id)
        if not children:
            self._children.pop(parent_id, None)
