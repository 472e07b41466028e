"""What a worker reports: an event, and which attempt at the execution it is about."""

from dataclasses import dataclass

from flowkernel.core.models import Event, Json


@dataclass(frozen=True, slots=True)
class WorkerReport:
    """One event of a report."""

    event: Event
    #: See `Execution.attempt`; None: a worker of an older version does not say.
    attempt: int | None = None

    def to_json(self) -> dict[str, Json]:
        """As the engine takes it."""
        return {**self.event.to_json(), "attempt": self.attempt}
