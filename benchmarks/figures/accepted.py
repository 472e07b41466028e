"""How many executions are accepted in a second from 64 callers, durable on disk.

Accepted: the response is there, and what it says survives a loss of power. Ours come over
HTTP, with a token, from one other process (see `callers.py`; it says so if it was the
bottleneck). DBOS is called in its own process, by 64 threads, without HTTP: to its
advantage. Its SQLite has a write-ahead log, which makes it 1.4 to 1.8 times as fast as the
default journal, and `synchronous = FULL`: one sync for each commit, as ours.

* "recorded" is a `POST execution` with `run: false`, "enqueued" a workflow put into a
  queue without a worker: both only store what is to be done. Reported beside the figure.
* "started" is `DBOS.start_workflow` of a workflow of one step, until the last one is
  acknowledged; meanwhile the first ones run, and write what came of them. What we
  promise is against this one: it is how DBOS accepts a workflow that is to run.
* "queued" is ours with workers that run them meanwhile, each in a kernel: much more work
  than a step in a thread, on the same two cores. Reported beside it.
"""

from contextlib import ExitStack
from itertools import count

from benchmarks.callers import call
from benchmarks.environments import driver
from benchmarks.harness import Bench, Claim, Figure, Reading, Side
from benchmarks.running_engine import RunningEngine, running_engine

CALLERS = 64


def engine_accepts(
    engine: RunningEngine, count: int, bench: Bench, *, run: bool
) -> float:
    """Accepted in a second."""
    bodies = [{"flow": "trivial", "inputs": {"n": n}, "run": run} for n in range(count)]
    result = call(engine.home, bodies, CALLERS)
    if result["cpu"] > 0.5 * result["seconds"]:
        share = result["cpu"] / result["seconds"]
        bench.say(f"  the callers used {share:.0%} of a core: they may hold us up")
    return count / result["seconds"]


def sides(stack: ExitStack, bench: Bench) -> dict[str, Side]:
    """The same number of requests for all."""
    total, numbers = bench.of(2_000, 200), count()
    environ = {"DBOS_FILE": str(bench.folder / "dbos.sqlite"), "DBOS_JOURNAL": "WAL"}
    peer = stack.enter_context(driver("dbos", "drive_dbos", bench, **environ))
    engine = stack.enter_context(running_engine(bench))
    engine.register("trivial", "pass")

    def theirs(verb: str) -> float:
        return total / peer.call("accept", verb=verb, count=total, callers=CALLERS)

    def queued() -> float:  # A home for each: thousands of them wait at the end.
        with running_engine(bench, f"queued-{next(numbers)}", is_busy=True) as other:
            other.register("trivial", "pass")
            other.run("trivial")
            return engine_accepts(other, total, bench, run=True)

    return {
        "DBOS, enqueued": lambda: theirs("enqueue"),
        "DBOS, started": lambda: theirs("start"),
        "flowkernel, recorded": lambda: engine_accepts(engine, total, bench, run=False),
        "flowkernel, queued": queued,
    }


def claim(us: str, peer: str, **targets: float) -> Claim:
    """More a second than this peer."""
    us = f"flowkernel, {us}"
    return Claim(us=us, peer=f"DBOS, {peer}", reading=Reading.TIMES_MORE, **targets)


FIGURE = Figure(
    name="accepted",
    title="Executions accepted and durable, 64 callers",
    unit="/s",
    claims=(
        claim("recorded", "started", at_least=5, aim=10),
        claim("recorded", "enqueued"),
        claim("queued", "started"),
    ),
    sides=sides,
)
