"""Workers that end before they ask for work: the pauses between them, and why, in words."""

from dataclasses import dataclass
from pathlib import Path

from flowkernel.core.text import one_line

FIRST_PAUSE = 1.0  #: Seconds after the first one; each next pause is twice as long.
LONGEST_PAUSE = 60.0  #: Seconds.
LOG_BYTES = 4_096  #: Of the end of a worker's log, in which its last line is.
REASON_CHARACTERS = 300  #: Of that line, inclusive.


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerFailure:
    """The last of some workers in a row that ended before they asked for work."""

    count: int
    exit_code: int  #: Below 0: the signal that killed it.
    reason: str  #: The last line that it wrote; empty: it wrote nothing.
    retry_at: float  #: When the next one may start; on the monotonic clock.

    def sentence(self, now: float, log: Path) -> str:
        """What people are told. `log`: the file with the rest."""
        ended = "the last one" if self.count == 1 else f"the last {self.count}"
        code = self.exit_code
        cause = f"killed by signal {-code}" if code < 0 else f"exit code {code}"
        reason = f": {self.reason.rstrip('.')}" if self.reason else ""
        seconds = max(1, round(self.retry_at - now))
        return (
            f"No worker can start: {ended} ended at once ({cause}){reason}. "
            f"The next one starts in {seconds} s at the earliest. {log} has more."
        )


def failure_after(
    former: WorkerFailure | None, *, exit_code: int, reason: str, now: float
) -> WorkerFailure:
    """One more worker has ended before it asked for work."""
    count = former.count + 1 if former is not None else 1
    return WorkerFailure(
        count=count,
        exit_code=exit_code,
        reason=reason,
        retry_at=now + pause_after(count),
    )


def pause_after(count: int) -> float:
    """Seconds until the next start, after so many failures in a row: 1, 2, 4, ... 60."""
    return min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** min(count - 1, 10))


def last_line(log: Path, start: int) -> str:
    """The last line that a log has after its first `start` bytes; empty if it has none."""
    try:
        with open(log, "rb") as file:
            size = file.seek(0, 2)
            file.seek(max(start, size - LOG_BYTES))
            text = file.read(LOG_BYTES).decode("utf-8", "replace")
    except OSError:
        return ""
    lines = [line for line in text.splitlines() if line.strip()]
    return one_line(lines[-1], REASON_CHARACTERS) if lines else ""
