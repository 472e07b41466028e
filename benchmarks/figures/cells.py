"""A notebook of 500 trivial cells, from request to ended.

Against papermill's API as it comes, and against nbclient, which papermill and we stand on:
it reports nothing and saves once, so it is the floor for one request to a kernel at a
time. Beside them papermill without saving between cells, for those who know the option.
"""

from contextlib import ExitStack

from benchmarks.environments import driver
from benchmarks.harness import Bench, Claim, Figure, Side
from benchmarks.notebooks import trivial_cells
from benchmarks.running_engine import running_engine


def sides(stack: ExitStack, bench: Bench) -> dict[str, Side]:
    """The same file for all."""
    path = trivial_cells(bench.folder, bench.of(500, 50))
    files = {"path": str(path), "output": str(bench.folder / "output.ipynb")}
    arguments = {**files, "parameters": {}}
    peer = stack.enter_context(driver("papermill", "drive_papermill", bench))
    engine = stack.enter_context(running_engine(bench))
    return {
        "papermill API": lambda: peer.call("run", **arguments),
        "papermill, saving once": lambda: peer.call(
            "run", **arguments, request_save_on_cell_execute=False
        ),
        "nbclient": lambda: peer.call("run_nbclient", **files),
        "flowkernel": lambda: engine.seconds(path),
    }


FIGURE = Figure(
    name="cells",
    title="A notebook of 500 trivial cells",
    unit="s",
    claims=(
        Claim(us="flowkernel", peer="papermill API", at_least=4, aim=6),
        Claim(us="flowkernel", peer="nbclient", at_least=1.0, aim=1.3),
        Claim(us="flowkernel", peer="papermill, saving once"),
    ),
    sides=sides,
)
