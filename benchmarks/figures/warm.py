"""One execution of a notebook of two cells, everything warm: from request to ended.

Against papermill's API in a process that has imported it and has run one notebook before;
its best set-up: no progress bar. Ours is requested over HTTP from another process, waits over
HTTP, and records the execution and its cells on disk before it says so; papermill writes
its notebook. Both give the notebook a fresh kernel with a parameter, and keep what it
printed in an output notebook.
"""

from contextlib import ExitStack

from benchmarks.environments import driver
from benchmarks.harness import Bench, Claim, Figure, Side
from benchmarks.notebooks import two_cells
from benchmarks.running_engine import running_engine


def sides(stack: ExitStack, bench: Bench) -> dict[str, Side]:
    """One call each, timed where it is made."""
    path = two_cells(bench.folder)
    output = bench.folder / "output.ipynb"
    peer = stack.enter_context(driver("papermill", "drive_papermill", bench))
    engine = stack.enter_context(running_engine(bench))
    arguments = {"path": str(path), "output": str(output), "parameters": {"n": 1}}
    return {
        "papermill API": lambda: peer.call("run", **arguments),
        "flowkernel": lambda: engine.seconds(path, n=1),
    }


FIGURE = Figure(
    name="warm",
    title="One warm execution of a two-cell notebook",
    unit="s",
    claims=(Claim(us="flowkernel", peer="papermill API", at_least=12, aim=20),),
    sides=sides,
)
