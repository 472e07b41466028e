"""Follows whose child each live execution is, and cancels children with their parents."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from flowkernel.core.models import Event, EventKind, Execution
from flowkernel.engine.dispatch.cancellation import (
    NEVER_STARTED,
    WITH_PARENT,
    cancel_children,
    cancels,
    left_behind,
    next_above,
    to_cancel,
)
from flowkernel.engine.dispatch.live_families import LiveFamilies
from flowkernel.store import Ancestor, Batch, Commit

K = EventKind
#: Has something decided by the writer, again and again while that is not possible.
Insist = Callable[[Callable[[Batch], object]], None]


class FamilyFollower:
    """Has children cancelled that cannot go on without their parent."""

    def __init__(self, insist: Insist) -> None:
        self._insist = insist
        self._families = LiveFamilies()

    def open(
        self, live: Mapping[str, Execution], lines: Mapping[str, Sequence[Ancestor]]
    ) -> None:
        """Begin with what had not ended when the engine started.

        Args:
            lines: Of those whose parent had ended: what is above them. See
                `Store.lines_above`.
        """
        self._families.recall(live, next_above(lines))
        for parent_id, child_id, sentence in left_behind(live, lines):
            self._cancel(parent_id, [child_id], sentence)

    def apply(self, event: Event, commit: Commit) -> str:
        """Follow an event; return the root of the family to which it belongs now."""
        is_end = event.kind is K.ENDED
        if is_end or event.kind is K.REQUESTED:
            self._follow_cancel(event, commit)
        top_id = self._families.top_of(event.execution_id) if is_end else None
        self._families.apply(event, commit.live)
        if event.kind is K.ADOPTED:  # It may have ended: then it is kept.
            return str(event.payload["root_id"])
        top_id = top_id or self._families.top_of(event.execution_id)
        top = commit.live.get(top_id) or commit.changed.get(top_id)
        return top.root_id if top is not None else event.root_id

    def _follow_cancel(self, event: Event, commit: Commit) -> None:
        child_ids = self._families.children(event.execution_id)
        live = [commit.live[id_] for id_ in child_ids if id_ in commit.live]
        ids = [child.execution_id for child in to_cancel(event, live)]
        sentence = WITH_PARENT if cancels(event) else NEVER_STARTED
        self._cancel(event.execution_id, ids, sentence)

    def _cancel(self, parent_id: str, child_ids: list[str], sentence: str) -> None:
        if child_ids:
            self._insist(
                partial(
                    cancel_children,
                    parent_id=parent_id,
                    child_ids=child_ids,
                    sentence=sentence,
                )
            )
