"""How many executions are accepted in a second, from 64 callers, each durable by then.

Accepted: the answer is there, and what it says survives a loss of power. Ours come over
HTTP, with a token, from one other process (see `callers.py`; it says so if it was the
bottleneck). DBOS is called in its own process, by 64 threads, without HTTP: to its
advantage. Its SQLite has a write-ahead log, which makes it 1.4 to 1.8 times as fast as the
default journal, and `synchronous = FULL`: one sync for each commit, as ours.

* "recorded" is a `POST execution` with `run: false`, "enqueued" a workflow put into a
  queue that nobody serves: both only keep what is to be done. Told beside the figure.
* "started" is `DBOS.start_workflow` of a workflow of one step, until the last one is
  acknowledged; meanwhile the first ones run, and write what came of them. What we
  promise is against this one: it is how DBOS accepts a workflow that is to run.
* "queued" is ours with workers that run them meanwhile, each in a kernel: much more work
  than a step in a thread, on the same two cores. Told beside it.
"""

from contextlib import ExitStack
from itertools import count

from benchmarks.callers import call
from benchmarks.environments import driver
from benchmarks.harness import Bench, Claim, Figure, Reading, Side
from benchmarks.ours import Ours, a_home

CALLERS = 64


def ours_accept(ours: Ours, many: int, bench: Bench, *, run: bool) -> float:
    """Accepted in a second."""
    bodies = [{"flow": "trivial", "inputs": {"n": n}, "run": run} for n in range(many)]
    told = call(ours.home, bodies, CALLERS)
    if told["cpu"] > 0.5 * told["seconds"]:
        share = told["cpu"] / told["seconds"]
        bench.say(f"  the callers used {share:.0%} of a core: they may hold us up")
    return many / told["seconds"]


def sides(stack: ExitStack, bench: Bench) -> dict[str, Side]:
    """The same number of requests for all."""
    many, number = bench.of(2_000, 200), count()
    environ = {"DBOS_FILE": str(bench.folder / "dbos.sqlite"), "DBOS_JOURNAL": "WAL"}
    peer = stack.enter_context(driver("dbos", "drive_dbos", bench, **environ))
    ours = stack.enter_context(a_home(bench))
    ours.register("trivial", "pass")

    def theirs(how: str) -> float:
        return many / peer.ask("accept", how=how, count=many, callers=CALLERS)

    def queued() -> float:  # A home for each: thousands of them wait at the end.
        with a_home(bench, f"queued-{next(number)}", is_busy=True) as other:
            other.register("trivial", "pass")
            other.run("trivial")
            return ours_accept(other, many, bench, run=True)

    return {
        "DBOS, enqueued": lambda: theirs("enqueue"),
        "DBOS, started": lambda: theirs("start"),
        "flowkernel, recorded": lambda: ours_accept(ours, many, bench, run=False),
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
