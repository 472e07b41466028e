"""Idle: the CPU that everything we started uses when there is nothing to do.

One execution, a pause of some seconds, then a minute: user and system time of all processes
of the home, as a part of one core. There is no peer: papermill has nothing that waits.
"""

import time
from contextlib import ExitStack

from benchmarks.harness import Bench, Claim, Figure, Reading, Side
from benchmarks.running_engine import cpu, running_engine

PAUSE = 10.0  #: Seconds after the last execution.


def sides(stack: ExitStack, bench: Bench) -> dict[str, Side]:
    """One home with nothing to do."""
    engine = stack.enter_context(running_engine(bench))
    engine.register("trivial", "pass")
    engine.run("trivial")
    engine.client.close()
    time.sleep(PAUSE)
    seconds = bench.of(60, 10)

    def used_share() -> float:
        start = cpu(engine.processes())
        time.sleep(seconds)
        end = cpu(engine.processes())  # One that has ended meanwhile is not there.
        used = sum(total - start.get(process, 0.0) for process, total in end.items())
        return used / seconds * 100

    return {"flowkernel": used_share}


FIGURE = Figure(
    name="idle",
    title="Idle for a minute: CPU of everything",
    unit="% of a core",
    claims=(Claim(us="flowkernel", reading=Reading.ALONE, at_least=0.5, aim=0.1),),
    sides=sides,
    warms_up=False,
)
