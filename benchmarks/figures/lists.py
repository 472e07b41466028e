"""Three queries over HTTP with 1,000,000 executions stored: until the answer is parsed.

The latest 50; the tree of a family of 1,000; the ancestors of an execution 50 levels below
its root. Each value is the median of 20 requests on one connection. There is no peer: a person
waits for these.
"""

import time
from collections.abc import Callable
from contextlib import ExitStack
from statistics import median

from benchmarks.harness import Bench, Claim, Figure, Reading, Side
from benchmarks.million import make_home
from benchmarks.running_engine import RunningEngine, running_engine
from flowkernel.home import Home

TIMES = 20
FAMILY = """
SELECT root_id FROM execution GROUP BY root_id
ORDER BY abs(count(*) - 1000), root_id LIMIT 1"""
DEEPEST = "SELECT execution_id FROM execution ORDER BY depth DESC LIMIT 1"


def milliseconds(request: Callable[[], object]) -> float:
    """The median of several requests."""
    durations = []
    for _ in range(TIMES):
        started = time.perf_counter()
        request()
        durations.append((time.perf_counter() - started) * 1000)
    return median(durations)


def queries(engine: RunningEngine) -> dict[str, Callable[[], object]]:
    """The queries, by name."""
    client = engine.client
    [[root]] = client.sql(FAMILY)["rows"]
    [[deepest]] = client.sql(DEEPEST)["rows"]
    return {
        "latest 50": lambda: client.get("/execution", limit=50),
        "tree of 1,000": lambda: client.tree(root),
        "ancestors at depth 50": lambda: client.get(f"/execution/{deepest}/ancestors"),
    }


def sides(stack: ExitStack, bench: Bench) -> dict[str, Side]:
    """One home; a side is a query."""
    make_home(Home(bench.folder / "full"), bench.of(1_000_000, 20_000))
    engine = stack.enter_context(running_engine(bench, "full"))
    return {
        name: (lambda request=request: milliseconds(request))
        for name, request in queries(engine).items()
    }


FIGURE = Figure(
    name="lists",
    title="Asked over HTTP with 1,000,000 stored",
    unit="ms",
    claims=tuple(
        Claim(us=us, reading=Reading.ALONE, at_least=30, aim=10)
        for us in ("latest 50", "tree of 1,000", "ancestors at depth 50")
    ),
    sides=sides,
)
