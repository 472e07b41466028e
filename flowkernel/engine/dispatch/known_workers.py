"""The workers that this engine knows: by their requests, or from the engine before it."""

from collections.abc import Collection, Iterable, Iterator

from flowkernel.client.client import RETRY_SECONDS
from flowkernel.config import Config
from flowkernel.core.clock import monotonic
from flowkernel.core.models import Event, EventKind, Execution
from flowkernel.engine.dispatch.slots import is_external
from flowkernel.engine.dispatch.worker_lease import WorkerLease

K = EventKind
#: Seconds that a worker may need to find an engine that took the place of another one.
PATIENCE = RETRY_SECONDS


class KnownWorkers:
    """The leases of all workers. Used in the event loop of the engine only."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._leases: dict[str, WorkerLease] = {}
        #: They ran something for the last engine, and sent no request to this one yet.
        self._former: set[str] = set()
        self._opened_at = monotonic()

    def __len__(self) -> int:
        return len(self._leases)

    def __iter__(self) -> Iterator[WorkerLease]:
        return iter(list(self._leases.values()))

    def get(self, worker_id: str | None) -> WorkerLease | None:
        """The lease of a worker; None: it sent no request, or counts as lost."""
        return self._leases.get(worker_id or "")

    def recall(self, executions: Iterable[Execution]) -> None:
        """Expect the workers of what was under way when the engine began to listen."""
        self._former = {e.worker for e in executions if e.worker is not None}
        self._opened_at = monotonic()

    def note(self, worker_id: str, pid: int, process_started_at: float) -> WorkerLease:
        """Note a request of a worker; its lease."""
        self._former.discard(worker_id)
        lease = self._leases.get(worker_id)
        if lease is None:
            lease = WorkerLease(worker_id, pid, process_started_at, monotonic())
            self._leases[worker_id] = lease
        lease.last_seen = monotonic()
        return lease

    def follow(self, event: Event) -> None:
        """Note what a worker has ended or paused: the poll that is open was sent before."""
        reporter = self._leases.get(event.actor)
        if event.kind is K.ENDED:
            if reporter is not None:
                reporter.note_end(event.execution_id)
            self.forget_coming(event.execution_id)
        elif event.kind is K.LOST:  # Its thread could not start, or its worker is gone.
            self.forget_coming(event.execution_id)
        elif event.kind in (K.PAUSED, K.FAILED, K.KERNEL_LOST) and reporter is not None:
            reporter.paused.add(event.execution_id)

    def forget_coming(self, execution_id: str) -> None:
        """Note that an execution will not be given to a worker after all."""
        for lease in self._leases.values():
            lease.coming.discard(execution_id)

    def wake_keepers(self) -> None:
        """Wake those that keep kernels: one of them may be kept no longer."""
        for lease in self:
            if lease.kept:
                lease.has_news.set()

    @property
    def living(self) -> list[WorkerLease]:
        """Workers of ours that polled a moment ago, or are new: reports do not count."""
        return [
            lease
            for lease in self._leases.values()
            if not is_external(lease.worker_id)
            and lease.seconds_since_poll < self._config.lease
        ]

    @property
    def idlest(self) -> WorkerLease | None:
        """The one that gets the next execution; None: none has said what it holds."""
        ready = [lease for lease in self.living if lease.has_polled]
        return min(ready, key=lambda lease: len(lease.holding), default=None)

    # -- losses --------------------------------------------------------------------------

    def forget_lost(self) -> None:
        """Remove the workers that are gone."""
        for lease in self:
            if lease.is_lost(self._config):
                del self._leases[lease.worker_id]

    def is_expected(self, worker_id: str) -> bool:
        """Whether it has a lease, or may still find this engine."""
        return worker_id in self._leases or worker_id in self._former

    def overdue(self) -> set[str]:
        """Workers of the last engine that sent no request for the time of a lease."""
        is_due = self._silence >= self._config.lease
        return set(self._former) if is_due else set()

    def expect_only(self, alive: Collection[str]) -> None:
        """Expect of those that are overdue only these, for a while.

        A person's own papermill is expected, too: its process does not say its id.
        """
        is_over = self._silence >= self._config.lease + PATIENCE
        self._former = {
            worker_id
            for worker_id in self._former
            if not is_over and (worker_id in alive or is_external(worker_id))
        }

    @property
    def _silence(self) -> float:
        return monotonic() - self._opened_at
