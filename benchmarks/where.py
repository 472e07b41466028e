"""Where the time of one warm execution goes: `python -m benchmarks.where [TIMES]`.

Prints the medians of the moments between the request and the answer, as the record has them.
"""

import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from benchmarks.harness import Bench
from benchmarks.notebooks import two_cells
from benchmarks.ours import Ours, a_home
from flowkernel.core.models import EventKind

K = EventKind
REST = 0.5  #: Seconds between two, for the next kernel to be ready.
EVENTS = "SELECT kind, happened_at FROM event WHERE execution_id = '{}' ORDER BY seq"
STEPS = (
    "the request is recorded",
    "a worker has it",
    "the kernel is there, `this` and `inputs` are ready: the first cell starts",
    "the last cell has ended",
    "the notebook is saved, and it has ended",
    "who asked knows",
)


def moments(ours: Ours, path: Path) -> list[datetime]:
    """When each step of one execution was done, after the moment of the request."""
    asked = datetime.now(UTC)
    execution = ours.run(path, n=1)
    known = datetime.now(UTC)
    rows = ours.client.sql(EVENTS.format(execution.execution_id))["rows"]
    told = [(kind, datetime.fromisoformat(at).replace(tzinfo=UTC)) for kind, at in rows]
    at = dict(told)  # The last of each kind.
    first = next(moment for kind, moment in told if kind == K.CELL_STARTED)
    return [
        asked,
        at[K.CREATED],
        at[K.STARTED],
        first,
        at[K.CELL_ENDED],
        at[K.ENDED],
        known,
    ]


def main(times: int) -> None:
    """Measure, and print a table."""
    with TemporaryDirectory(prefix="flowkernel-benchmarks-") as folder:
        bench = Bench(
            folder=Path(folder), is_quick=False, say=print, versions={}, failures={}
        )
        path = two_cells(bench.folder)
        with a_home(bench) as ours:
            moments(ours, path)
            found = []
            for _ in range(times):
                time.sleep(REST)
                found.append(moments(ours, path))
    print("| Until | Milliseconds |\n| --- | --- |")
    for number, step in enumerate(STEPS, 1):
        parts = [(one[number] - one[number - 1]).total_seconds() for one in found]
        print(f"| {step} | {median(parts) * 1000:.1f} |")
    whole = median((one[-1] - one[0]).total_seconds() for one in found)
    print(f"| **in all** | **{whole * 1000:.1f}** |")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 15)
