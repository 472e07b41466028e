"""How often something that is done again and again has failed, and what people see of it."""

from dataclasses import dataclass

from flowkernel.core.models import Json

#: Seconds before what failed is tried again; doubled each time, up to the second one.
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0
MAX_ERROR = 300  #: Characters of an error that are kept.


@dataclass
class FailureCount:
    """The failures of one task since it began."""

    name: str  #: Of the task, as people see it.
    failures: int = 0
    failures_in_a_row: int = 0
    last_error: str | None = None

    @property
    def pause(self) -> float:
        """Seconds until it is tried again after a failure."""
        return min(LONGEST_PAUSE, FIRST_PAUSE * 2.0**self.failures_in_a_row / 2)

    def note_failure(self, error: Exception) -> None:
        """Count it, and keep what it said."""
        self.failures += 1
        self.failures_in_a_row += 1
        self.last_error = f"{type(error).__name__}: {error}"[:MAX_ERROR]

    def note_success(self) -> None:
        """Note that it works."""
        self.failures_in_a_row = 0

    def to_json(self) -> dict[str, Json]:
        """As `engine status` and `doctor` have it."""
        return {
            "name": self.name,
            "failures": self.failures,
            "last_error": self.last_error,
            "is_failing": self.failures_in_a_row > 0,
        }
