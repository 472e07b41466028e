"""Who waits for whose end. Lives in the engine's event loop."""

import asyncio
from collections import defaultdict
from dataclasses import dataclass, field

from flowkernel.core.clock import now
from flowkernel.core.models import Execution
from flowkernel.core.status import ExecutionStatus, ReturnWhen


@dataclass(eq=False)
class Wait:
    """One question "is it over?"."""

    statuses: dict[str, ExecutionStatus]
    return_when: ReturnWhen
    waiter: str | None = None  #: The execution that waits, and wants its slot then.
    counts_failed: bool = False  #: One that waits for a decision counts as ended.
    over: asyncio.Event = field(default_factory=asyncio.Event)

    def note(self, execution_id: str, status: ExecutionStatus) -> None:
        """Take in where one of them stands now. PAUSED: it failed, and nobody decided yet."""
        if status is ExecutionStatus.PAUSED:
            if not self.counts_failed:
                return
            status = ExecutionStatus.ENDED_ERROR
        self.statuses[execution_id] = status
        if self.return_when.is_settled(list(self.statuses.values())):
            self.over.set()


class WaitRegistry:
    """All open waits, found by what they wait for."""

    def __init__(self) -> None:
        self._by_target: defaultdict[str, set[Wait]] = defaultdict(set)

    def open(self, wait: Wait) -> None:
        """Begin to listen."""
        for execution_id in wait.statuses:
            self._by_target[execution_id].add(wait)

    def close(self, wait: Wait) -> None:
        """Stop listening."""
        for execution_id in wait.statuses:
            waits = self._by_target.get(execution_id)
            if waits is not None:
                waits.discard(wait)
                if not waits:
                    del self._by_target[execution_id]

    def note(self, execution_id: str, status: ExecutionStatus) -> list[str]:
        """Tell those who wait for it that it has ended; the executions whose wait is over."""
        waits = list(self._by_target.get(execution_id, ()))
        for wait in waits:
            wait.note(execution_id, status)
        return [wait.waiter for wait in waits if wait.waiter and wait.over.is_set()]


async def until_over(wait: Wait, seconds: float) -> bool:
    """Whether it was over within so many seconds."""
    if wait.over.is_set():
        return True
    try:
        await asyncio.wait_for(wait.over.wait(), max(0.0, seconds))
    except TimeoutError:
        return False
    return True


def sentence(executions: list[Execution]) -> str:
    """What the one who waits waits for, for a person."""
    names = [repr(e.name) for e in executions if not e.status.is_ended]
    if len(names) > 3:
        return f"Waiting for {', '.join(names[:2])} and {len(names) - 2} more."
    return (
        f"Waiting for {', '.join(names)}."
        if names
        else f"Waiting since {now():%H:%M:%S}."
    )
