"""The calls of a parent: which child a call has already, from this try or an earlier one."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from flowkernel.core.models import Execution, Json, RequestedAction
from flowkernel.core.status import ExecutionStatus
from flowkernel.store import Store

S = ExecutionStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class ParentCall:
    """One call of a parent, and what it has started so far. Pure.

    A call has one child: what succeeded in an earlier try of the parent is not run again, and
    what still runs is waited for.
    """

    parent: Execution
    child: Execution  #: As it would be started now.
    is_wrapped: bool  #: The parent is a wrapper, and the child is what it wraps.
    children: Sequence[
        Execution
    ]  #: Of this call, in all tries of the parent; oldest first.

    def existing(self) -> Execution | None:
        """The child that this call has already."""
        if self.is_wrapped and (self.child.retry_of or self._continues):
            return self._last_try()
        succeeded = [e for e in self._same if e.status is S.ENDED_SUCCESS]
        return next(iter(succeeded + [e for e in self._same if self._goes_on(e)]), None)

    def retry_of(self) -> str | None:
        """What the new child is a retry of: so it keeps what succeeded under that.

        Also under one that is being cancelled, and has not ended yet.
        """
        tried = [e for e in self._same if e.status is not S.PENDING]
        return self.child.retry_of or (tried[-1].execution_id if tried else None)

    def has(self, child: Execution) -> bool:
        """Whether it is a child of this try of the parent."""
        return child.current_parent_id == self.parent.execution_id

    @property
    def _same(self) -> list[Execution]:
        """The children with the same inputs: others are those of another call.

        But for what a wrapper runs, which may get other inputs in a retry.
        """
        content = _content(self.child)
        return [e for e in self.children if self.is_wrapped or _content(e) == content]

    @property
    def _own(self) -> list[Execution]:
        """Those of this try of the parent: it started them, or has adopted them."""
        return [child for child in self.children if self.has(child)]

    @property
    def _continues(self) -> bool:
        """Whether a wrapper that was lost goes on from how its last try ended."""
        return bool(self.parent.losses and self._own)

    def _last_try(self) -> Execution | None:
        """The last child of a wrapper; or the one that is the requested retry already."""
        retry_of = self.child.retry_of
        tries = [e for e in self._own if retry_of is None or e.retry_of == retry_of]
        return tries[-1] if tries else None

    def _goes_on(self, child: Execution) -> bool:
        """Whether the child is to be waited for.

        Not one of an earlier try that is being cancelled, or that nobody decides on any more.
        """
        if child.status.is_ended:
            return False
        if self.has(child):
            return True
        is_cancelled = child.requested_action is RequestedAction.CANCEL
        return not (is_cancelled or child.is_failed or child.status is S.PENDING)


def _content(execution: Execution) -> Json:
    """What tells one call from another that has the same key; its source may change."""
    wrapped = execution.wrapped and replace(execution.wrapped, flow_version="")
    return execution.flow_name, execution.inputs, wrapped


def earlier_children(
    store: Store, parent: Execution | None, call_key: str | None
) -> list[Execution]:
    """What the same call started in earlier tries of its parent, oldest first."""
    if parent is None or parent.retry_of is None or call_key is None:
        return []
    tries = tries_of(store, parent)[:0:-1]  # Without this one; the oldest first.
    return store.call_children(tries, call_key)


def tries_of(store: Store, execution: Execution) -> list[Execution]:
    """It and the executions that it retries, the newest first."""
    tries = [execution]
    while tries[-1].retry_of is not None:
        previous = store.find_execution(tries[-1].retry_of)
        if previous is None:  # It was deleted.
            break
        tries.append(previous)
    return tries
