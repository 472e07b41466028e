"""One output of 20 MB and 50 cells behind it: what is written to disk.

Counted is `write_bytes` of `/proc/PID/io`: what a process had the file system write, in
whole pages, so that small synced writes such as ours count 4 kB each. The kernel of
Linux adds what an ended child wrote to its parent, so ended kernels are in it. Summed over
engine, worker and kernels on our side, over the driver and its kernels on papermill's.
Against papermill as it comes; beside it papermill without saving between cells, which
then has on disk nothing of a notebook that dies.
"""

import time
from collections.abc import Callable
from contextlib import ExitStack

import psutil

from benchmarks.environments import driver
from benchmarks.harness import Bench, Claim, Figure, Side
from benchmarks.notebooks import big_output
from benchmarks.running_engine import megabytes_written, running_engine, tree

SETTLE = 2.0  #: Seconds after the end, for what is still written then.


def written_during(
    work: Callable[[], object], processes: Callable[[], list[psutil.Process]]
) -> float:
    """MB that the processes write because of `work`."""
    start = megabytes_written(processes())
    work()
    time.sleep(SETTLE)
    return megabytes_written(processes()) - start


def sides(stack: ExitStack, bench: Bench) -> dict[str, Side]:
    """The same file for all."""
    path = big_output(bench.folder, bench.of(20, 2), bench.of(50, 10))
    arguments = {"path": str(path), "output": str(bench.folder / "output.ipynb")}
    arguments = {**arguments, "parameters": {}}
    peer = stack.enter_context(driver("papermill", "drive_papermill", bench))
    engine = stack.enter_context(running_engine(bench))

    def theirs(**options: bool) -> float:
        return written_during(
            lambda: peer.call("run", **arguments, **options), lambda: tree(peer.pid)
        )

    return {
        "papermill API": theirs,
        "papermill, saving once": lambda: theirs(request_save_on_cell_execute=False),
        "flowkernel": lambda: written_during(
            lambda: engine.run(path), engine.processes
        ),
    }


FIGURE = Figure(
    name="output",
    title="20 MB of output and 50 cells: written to disk",
    unit="MB",
    claims=(
        Claim(us="flowkernel", peer="papermill API", at_least=20, aim=40),
        Claim(us="flowkernel", peer="papermill, saving once"),
    ),
    sides=sides,
)
