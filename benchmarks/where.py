"""Where the time of one warm execution goes: `python -m benchmarks.where [TIMES]`.

Prints how long each step between the request and the response takes, as medians.
"""

import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from benchmarks.harness import Bench
from benchmarks.notebooks import two_cells
from benchmarks.running_engine import RunningEngine, running_engine
from flowkernel.core.models import EventKind

K = EventKind
PAUSE = 0.5  #: Seconds between two executions, for the next kernel to be ready.
EVENTS = "SELECT kind, happened_at FROM event WHERE execution_id = '{}' ORDER BY seq"
STEPS = (
    "the request is recorded",
    "a worker has it",
    "the kernel is there, `this` and `inputs` are ready: the first cell starts",
    "the last cell has ended",
    "the notebook is saved, and it has ended",
    "the caller knows",
)


def moments(engine: RunningEngine, path: Path) -> list[datetime]:
    """The moment of the request, and when each step of one execution was complete."""
    requested_at = datetime.now(UTC)
    execution = engine.run(path, n=1)
    returned_at = datetime.now(UTC)
    rows = engine.client.sql(EVENTS.format(execution.execution_id))["rows"]
    events = [
        (kind, datetime.fromisoformat(text).replace(tzinfo=UTC)) for kind, text in rows
    ]
    by_kind = dict(events)  # The last of each kind.
    first = next(moment for kind, moment in events if kind == K.CELL_STARTED)
    return [
        requested_at,
        by_kind[K.CREATED],
        by_kind[K.STARTED],
        first,
        by_kind[K.CELL_ENDED],
        by_kind[K.ENDED],
        returned_at,
    ]


def main(times: int) -> None:
    """Measure, and print a table."""
    with TemporaryDirectory(prefix="flowkernel-benchmarks-") as folder:
        bench = Bench(
            folder=Path(folder), is_quick=False, say=print, versions={}, failures={}
        )
        path = two_cells(bench.folder)
        with running_engine(bench) as engine:
            moments(engine, path)
            runs = []
            for _ in range(times):
                time.sleep(PAUSE)
                runs.append(moments(engine, path))
    print("| Until | Milliseconds |\n| --- | --- |")
    for number, step in enumerate(STEPS, 1):
        parts = [(run[number] - run[number - 1]).total_seconds() for run in runs]
        print(f"| {step} | {median(parts) * 1000:.1f} |")
    total = median((run[-1] - run[0]).total_seconds() for run in runs)
    print(f"| **in all** | **{total * 1000:.1f}** |")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 15)
