"""What the engine knows of a worker, and when the worker counts as lost."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

from flowkernel.config import Config
from flowkernel.core.clock import monotonic
from flowkernel.core.models import Execution
from flowkernel.core.process_id import is_alive
from flowkernel.engine.dispatch.assignments import Attempt, WorkerHoldings


@dataclass(frozen=True, slots=True)
class FailedStart:
    """What a worker was given, and could not start."""

    attempt: int  #: See `Execution.attempt`.
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerState:
    """What a worker says as it polls."""

    #: What it carries out, and which attempt at each; None: an older version does not say.
    holding: Mapping[str, int | None]
    paused: set[str]
    #: How many executions it can have at the same time; None: it does not say.
    capacity: int | None = None
    capacity_reason: str = ""  #: Why it cannot have more.
    #: By the ids of executions.
    failed_starts: Mapping[str, FailedStart] = field(default_factory=dict)
    #: Of those that have ended and whose kernels it keeps, by id: which attempt that was.
    kept: Mapping[str, int] = field(default_factory=dict)


@dataclass(eq=False)
class WorkerLease:
    """A worker that has polled."""

    worker_id: str
    pid: int
    process_started_at: float
    last_seen: float  #: When it sent its last request; on the monotonic clock.
    #: When its last poll was replied, or its first request came; the same clock.
    last_polled: float = field(default_factory=monotonic)
    #: What it carries out, and which attempt at each; 0: none that is known.
    holding: dict[str, int] = field(default_factory=dict)
    has_polled: bool = False  #: Whether it has said what it carries out.
    #: Reported as ended, not dropped by the worker yet.
    ended: set[str] = field(default_factory=set)
    paused: set[str] = field(default_factory=set)
    #: What it has said that it carries out, until it has ended.
    attempts: set[Attempt] = field(default_factory=set)
    #: Given to it since it polled last.
    coming: set[str] = field(default_factory=set)
    #: How many executions it can have at the same time; None: it did not say.
    capacity: int | None = None
    capacity_reason: str = ""  #: Why it cannot have more.
    #: Kernels that it keeps, as in `WorkerState`.
    kept: Mapping[str, int] = field(default_factory=dict)
    polls: int = 0  #: Its requests that are held open just now.
    has_news: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def seconds_since_poll(self) -> float:
        """For how long it has not polled; 0 while a poll is held open.

        A worker that only reports hears of nothing new.
        """
        return 0.0 if self.polls else monotonic() - self.last_polled

    @property
    def holdings(self) -> WorkerHoldings:
        """What it had as it said when it polled last."""
        return WorkerHoldings(
            worker_id=self.worker_id,
            holding=self.holding,
            paused=self.paused,
            attempts=self.attempts,
        )

    def hold(self, state: WorkerState, live: Mapping[str, Execution]) -> None:
        """Note what it says that it has. `live`: what had not ended at that moment."""
        self.has_polled = True
        self.ended &= state.holding.keys()
        self.holding = {
            # One that does not say was never given an attempt while it had another one.
            key: attempt or self._attempt(key, live)
            for key, attempt in state.holding.items()
            if key not in self.ended
        }
        self.paused, self.kept = state.paused, state.kept
        self.coming -= state.holding.keys()
        self.capacity, self.capacity_reason = state.capacity, state.capacity_reason
        attempts = self.attempts | set(self.holding.items())
        self.attempts = {a for a in attempts if a[1] == self._attempt(a[0], live)}

    def _attempt(self, execution_id: str, live: Mapping[str, Execution]) -> int:
        """Which attempt of this worker is under way; 0: none."""
        execution = live.get(execution_id)
        if execution is None or execution.worker != self.worker_id:
            return 0
        return execution.attempt

    def note_end(self, execution_id: str) -> None:
        """Note that it has reported an end: it need not drop that."""
        self.ended.add(execution_id)
        self.holding.pop(execution_id, None)
        self.coming.discard(execution_id)

    def is_lost(self, config: Config) -> bool:
        """Whether it is gone, or has been silent for too long."""
        silence = monotonic() - self.last_seen
        if silence < config.lease:
            return False
        alive = is_alive(self.pid, self.process_started_at)
        return not alive or (silence > config.silence and not self.polls)
