"""Who waits for which conditions. Lives in the engine's event loop."""

import asyncio
from abc import abstractmethod
from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field
from math import inf
from typing import Annotated, NamedTuple

from pydantic import ConfigDict, Field, with_config

from flowkernel.core.clock import now
from flowkernel.core.models import Event, EventKind, Execution
from flowkernel.core.status import ExecutionStatus, ReturnWhen
from flowkernel.engine.field_types import Id

S = ExecutionStatus


class Condition(NamedTuple):
    """Something that can come true, and then stays true."""

    kind: str
    id: str


def execution_ended(execution_id: str) -> Condition:
    """The execution has ended."""
    return Condition("execution ended", execution_id)


def message_closed(message_id: str) -> Condition:
    """The message is answered, or can no longer be."""
    return Condition("message closed", message_id)


#: Waits are numbered from 1.
WaitNumber = Annotated[int, Field(ge=1, le=2**53)]


@with_config(ConfigDict(extra="forbid"))
@dataclass(frozen=True, slots=True, kw_only=True)
class WaitMark:
    """Which wait of a flow's process it is."""

    process: Id  #: Made by the process.
    number: WaitNumber  #: Later ones have higher numbers.
    oldest: WaitNumber  #: Of the oldest wait that was under way: those before are over.


@dataclass(eq=False, kw_only=True)
class Wait:
    """One wait for conditions."""

    #: The execution that gets its slot again when it is over.
    waiter: str | None = None
    mark: WaitMark | None = None  #: None: an older version does not say.
    over: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    @abstractmethod
    def conditions(self) -> Collection[Condition]:
        """What it depends on."""

    @abstractmethod
    def note(self, condition: Condition, status: ExecutionStatus) -> None:
        """Note that a condition is true, or that an execution has a new status."""


@dataclass(eq=False, kw_only=True)
class AnswerWait(Wait):
    """A wait for the answer to a message."""

    message_id: str

    @property
    def conditions(self) -> Collection[Condition]:
        """That the message is not open any more."""
        return [message_closed(self.message_id)]

    def note(self, condition: Condition, status: ExecutionStatus) -> None:
        """It is over."""
        self.over.set()


@dataclass(eq=False, kw_only=True)
class ExecutionWait(Wait):
    """A wait for the ends of executions, and the statuses that it depends on."""

    statuses: dict[str, ExecutionStatus]
    return_when: ReturnWhen
    counts_failed: bool = False  #: A failure without a decision counts as an end.

    @property
    def conditions(self) -> Collection[Condition]:
        """That each of the executions has ended."""
        return [execution_ended(execution_id) for execution_id in self.statuses]

    @property
    def is_settled(self) -> bool:
        """Whether the statuses are those that it waits for."""
        return self.return_when.is_settled(list(self.statuses.values()))

    def note(self, condition: Condition, status: ExecutionStatus) -> None:
        """Note a new status. PAUSED: it failed, and nothing is decided yet."""
        if status is S.PAUSED:
            if not self.counts_failed:
                return
            status = S.ENDED_ERROR
        self.statuses[condition.id] = status
        if self.is_settled:
            self.over.set()


class WaitRegistry:
    """All open waits, by the conditions that they wait for."""

    def __init__(self) -> None:
        #: The waits for each condition, in the order in which they began.
        self._by_condition: defaultdict[Condition, dict[Wait, None]] = defaultdict(dict)
        #: The oldest wait under way, by execution and process.
        self._oldest: defaultdict[str, dict[str, float]] = defaultdict(dict)

    def open(self, wait: Wait) -> None:
        """Add a wait: from now on it gets every new status."""
        for condition in wait.conditions:
            self._by_condition[condition][wait] = None

    def close(self, wait: Wait) -> None:
        """Remove a wait."""
        for condition in wait.conditions:
            waits = self._by_condition.get(condition, {})
            waits.pop(wait, None)
            if not waits:
                self._by_condition.pop(condition, None)

    def note(self, condition: Condition, status: ExecutionStatus) -> list[str]:
        """Pass a new status to the waits for it; the executions whose wait is over."""
        waits = list(self._by_condition.get(condition, ()))
        for wait in waits:
            wait.note(condition, status)
        over = [wait for wait in waits if wait.over.is_set()]
        return [
            w.waiter for w in over if w.waiter and self.is_current(w.waiter, w.mark)
        ]

    def note_mark(self, waiter: str, mark: WaitMark) -> None:
        """Note a request of a flow to wait: its earlier waits are over."""
        oldest = self._oldest[waiter]
        oldest[mark.process] = max(mark.oldest, oldest.get(mark.process, 0))

    def is_current(self, waiter: str, mark: WaitMark | None) -> bool:
        """Whether a flow still waits for this: a request may come late, or twice."""
        if mark is None:
            return True
        return mark.number >= self._oldest.get(waiter, {}).get(mark.process, 0)

    def follow(self, event: Event) -> None:
        """Note the loss or the end of an execution: its processes wait no longer."""
        if event.kind is EventKind.LOST:
            oldest = self._oldest.get(event.execution_id, {})
            oldest.update(dict.fromkeys(oldest, inf))
        elif event.kind is EventKind.ENDED:
            self._oldest.pop(event.execution_id, None)


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
