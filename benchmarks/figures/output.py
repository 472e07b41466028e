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
from benchmarks.ours import a_home, tree, written

SETTLE = 2.0  #: Seconds after the end, for what is still written then.


def during(
    work: Callable[[], object], who: Callable[[], list[psutil.Process]]
) -> float:
    """MB that the processes had written because of `work`."""
    before = written(who())
    work()
    time.sleep(SETTLE)
    return written(who()) - before


def sides(stack: ExitStack, bench: Bench) -> dict[str, Side]:
    """The same file for all."""
    path = big_output(bench.folder, bench.of(20, 2), bench.of(50, 10))
    asked = {"path": str(path), "left": str(bench.folder / "left.ipynb")}
    asked = {**asked, "parameters": {}}
    peer = stack.enter_context(driver("papermill", "drive_papermill", bench))
    ours = stack.enter_context(a_home(bench))

    def theirs(**more: bool) -> float:
        return during(lambda: peer.ask("run", **asked, **more), lambda: tree(peer.pid))

    return {
        "papermill API": theirs,
        "papermill, saving once": lambda: theirs(request_save_on_cell_execute=False),
        "flowkernel": lambda: during(lambda: ours.run(path), ours.processes),
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
