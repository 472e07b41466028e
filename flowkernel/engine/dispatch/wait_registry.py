"""Who waits for the end of which executions. Lives in the engine's event loop."""

import asyncio
from collections import defaultdict
from dataclasses import dataclass, field

from flowkernel.core.clock import now
from flowkernel.core.models import Execution
from flowkernel.core.status import ExecutionStatus, ReturnWhen


@dataclass(eq=False)
class Wait:
    """One wait, and the statuses that it depends on."""

    statuses: dict[str, ExecutionStatus]
    return_when: ReturnWhen
    waiter: str | None = (
        None  #: The execution that gets its slot again when it is over.
    )
    counts_failed: bool = False  #: A failure without a decision counts as an end.
    over: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def is_settled(self) -> bool:
        """Whether the statuses are those that it waits for."""
        return self.return_when.is_settled(list(self.statuses.values()))

    def note(self, execution_id: str, status: ExecutionStatus) -> None:
        """Note a new status. PAUSED: it failed, and nothing is decided yet."""
        if status is ExecutionStatus.PAUSED:
            if not self.counts_failed:
                return
            status = ExecutionStatus.ENDED_ERROR
        self.statuses[execution_id] = status
        if self.is_settled:
            self.over.set()


class WaitRegistry:
    """All open waits, by the ids of what they wait for."""

    def __init__(self) -> None:
        self._by_target: defaultdict[str, set[Wait]] = defaultdict(set)

    def open(self, wait: Wait) -> None:
        """Add a wait: from now on it gets every new status."""
        for execution_id in wait.statuses:
            self._by_target[execution_id].add(wait)

    def close(self, wait: Wait) -> None:
        """Remove a wait."""
        for execution_id in wait.statuses:
            waits = self._by_target.get(execution_id, set())
            waits.discard(wait)
            if not waits:
                self._by_target.pop(execution_id, None)

    def note(self, execution_id: str, status: ExecutionStatus) -> list[str]:
        """Pass a new status to the waits for it; the executions whose wait is over."""
        waits = list(self._by_target.get(execution_id, ()))
        for wait in waits:
            wait.note(execution_id, status)
        return [wait.waiter for wait in waits if wait.waiter and wait.over.is_set()]


async def until_over(wait: Wait, seconds: float) -> bool:
    """Wait for at most so many seconds; whether the wait is over."""
    if wait.over.is_set():
        return True
    try:
        await asyncio.wait_for(wait.over.wait(), max(0.0, seconds))
    except TimeoutError:
        return False
    return True


def waiting_sentence(targets: list[Execution]) -> str:
    """The sentence that says what an execution waits for."""
    names = [repr(target.name) for target in targets if not target.status.is_ended]
    if len(names) > 3:
        return f"Waiting for {', '.join(names[:2])} and {len(names) - 2} more."
    return (
        f"Waiting for {', '.join(names)}."
        if names
        else f"Waiting since {now():%H:%M:%S}."
    )
