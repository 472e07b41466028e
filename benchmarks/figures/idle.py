"""Idle: the CPU that everything we started uses when nothing is asked of it.

One execution, some seconds of rest, then a minute: user and system time of all processes
of the home, as a part of one core. There is no peer: papermill has nothing that waits.
"""

import time
from contextlib import ExitStack

from benchmarks.harness import Bench, Claim, Figure, Reading, Side
from benchmarks.ours import a_home, cpu

REST = 10.0  #: Seconds after the last execution.


def sides(stack: ExitStack, bench: Bench) -> dict[str, Side]:
    """One home, left alone."""
    ours = stack.enter_context(a_home(bench))
    ours.register("trivial", "pass")
    ours.run("trivial")
    ours.client.close()
    time.sleep(REST)
    seconds = bench.of(60, 10)

    def used() -> float:
        before = cpu(ours.processes())
        time.sleep(seconds)
        return (cpu(ours.processes()) - before) / seconds * 100

    return {"flowkernel": used}


FIGURE = Figure(
    name="idle",
    title="Idle for a minute: CPU of everything",
    unit="% of a core",
    claims=(Claim(us="flowkernel", reading=Reading.ALONE, at_least=0.5, aim=0.1),),
    sides=sides,
    warms_up=False,
)
