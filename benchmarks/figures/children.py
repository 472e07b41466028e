"""200 notebooks of two cells, each with another parameter, two at a time.

Ours are the children of one flow, which starts them all and waits; from its request until
it has ended, its own kernel included. All peers have two at a time, too, have imported
everything, and have run a few before the clock starts:

* papermill's API in a pool of two processes that stay.
* Ploomber: one DAG of 200 notebooks, `Parallel(processes=2)`, without the static analysis
  of sources. With its default executor, which is papermill in a kernel for each notebook;
  and, reported beside it, with `ploomber-engine`, which starts no kernel at all: it runs
  the cells in the process of the task. No claim is made there: such a notebook is not in
  a Jupyter kernel of its own.
* Prefect: one flow, 200 tasks that call papermill, with `ThreadPoolTaskRunner(2)`; 16
  tasks took 6 s so, and 18 s in its pool of processes; 200 were not tried there.
  The server is the one it starts itself, on SQLite.
"""

from contextlib import ExitStack
from itertools import count

from benchmarks.environments import driver
from benchmarks.harness import Bench, Claim, Figure, Reading, Side
from benchmarks.notebooks import two_cells
from benchmarks.running_engine import PARALLEL, RunningEngine, running_engine

PARENT = """
children = [this.flow("two_cells", n=n, wait=False) for n in range(inputs["count"])]
this.wait_for(*children)
"""
#: Without telemetry; and its server may take longer to start than the 20 s it has by itself.
PREFECT = {
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "180",
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_LOGGING_LEVEL": "ERROR",
}
#: The driver of each peer, and its arguments.
PEERS = {
    "papermill API": ("papermill", {}),
    "Ploomber": ("ploomber", {"executor": "papermill"}),
    "Ploomber, no kernel": ("ploomber", {"executor": "ploomber-engine"}),
    "Prefect": ("prefect", {"runner": "threads"}),
}


def flow(engine: RunningEngine, count: int) -> float:
    """Children a second."""
    return count / engine.seconds("parent", count=count)


def sides(stack: ExitStack, bench: Bench) -> dict[str, Side]:
    """Each has run a few when the clock starts."""
    path, total, few = two_cells(bench.folder), bench.of(200, 16), 4
    settings = {"PREFECT_HOME": str(bench.folder / "prefect"), **PREFECT}
    drivers = {
        name: stack.enter_context(driver(name, f"drive_{name}", bench, **settings))
        for name in ("papermill", "ploomber", "prefect")
    }
    numbers = count()

    def peer(name: str, count: int) -> float:
        driver_name, options = PEERS[name]
        folder = bench.folder / f"output-{next(numbers)}"
        arguments = {
            "path": str(path),
            "folder": str(folder),
            "count": count,
            **options,
        }
        return count / drivers[driver_name].call(
            "run_many", processes=PARALLEL, **arguments
        )

    engine = stack.enter_context(running_engine(bench))
    engine.register("parent", PARENT)
    engine.register_path(path)
    flow(engine, few)
    for name in PEERS:
        peer(name, few)
    peers: dict[str, Side] = {n: (lambda n=n: peer(n, total)) for n in PEERS}
    return {**peers, "flowkernel": lambda: flow(engine, total)}


def claim(peer: str, at_least: float | None = None, aim: float | None = None) -> Claim:
    """More a second than this peer."""
    sides = {"us": "flowkernel", "peer": peer, "reading": Reading.TIMES_MORE}
    return Claim(**sides, at_least=at_least, aim=aim)  # type: ignore[arg-type]


FIGURE = Figure(
    name="children",
    title="200 such notebooks as children of one flow",
    unit="/s",
    claims=(
        claim("papermill API", 8, 15),
        claim("Ploomber", 10, 20),
        claim("Prefect", 10, 20),
        claim("Ploomber, no kernel"),
    ),
    sides=sides,
    warms_up=False,
)
