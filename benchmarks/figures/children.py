"""200 notebooks of two cells, each with another parameter, two at a time.

Ours are the children of one flow, which starts them all and waits; from its request until
it has ended, its own kernel included. All peers have two at a time, too, have imported
everything, and have run a few before the clock starts:

* papermill's API in a pool of two processes that stay.
* Ploomber: one DAG of 200 notebooks, `Parallel(processes=2)`, without the static analysis
  of sources. With its default executor, which is papermill in a kernel for each notebook;
  and, told beside it, with `ploomber-engine`, which starts no kernel at all: it runs
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
from benchmarks.ours import PARALLEL, Ours, a_home

PARENT = """
children = [this.flow("two_cells", n=n, wait=False) for n in range(inputs["count"])]
this.wait_for(*children)
"""
UNTOLD = {
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_LOGGING_LEVEL": "ERROR",
}
PEERS = {  #: What to ask of which driver.
    "papermill API": ("papermill", {}),
    "Ploomber": ("ploomber", {"executor": "papermill"}),
    "Ploomber, no kernel": ("ploomber", {"executor": "ploomber-engine"}),
    "Prefect": ("prefect", {"runner": "threads"}),
}


def flow(ours: Ours, many: int) -> float:
    """Children a second."""
    return many / ours.seconds("parent", count=many)


def sides(stack: ExitStack, bench: Bench) -> dict[str, Side]:
    """Each has run a few when the clock starts."""
    path, many, few = two_cells(bench.folder), bench.of(200, 16), 4
    settings = {"PREFECT_HOME": str(bench.folder / "prefect"), **UNTOLD}
    drivers = {
        name: stack.enter_context(driver(name, f"drive_{name}", bench, **settings))
        for name in ("papermill", "ploomber", "prefect")
    }
    number = count()

    def peer(name: str, how_many: int) -> float:
        which, more = PEERS[name]
        folder = bench.folder / f"left-{next(number)}"
        asked = {"path": str(path), "folder": str(folder), "count": how_many, **more}
        return how_many / drivers[which].ask("run_many", processes=PARALLEL, **asked)

    ours = stack.enter_context(a_home(bench))
    ours.register("parent", PARENT)
    ours.register_path(path)
    flow(ours, few)
    for name in PEERS:
        peer(name, few)
    found: dict[str, Side] = {n: (lambda n=n: peer(n, many)) for n in PEERS}
    return {**found, "flowkernel": lambda: flow(ours, many)}


def claim(peer: str, at_least: float | None = None, aim: float | None = None) -> Claim:
    """More a second than this peer."""
    how = {"us": "flowkernel", "peer": peer, "reading": Reading.TIMES_MORE}
    return Claim(**how, at_least=at_least, aim=aim)  # type: ignore[arg-type]


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
