"""Memory, as PSS: a process's own pages, and its part of those it shares with others.

The engine idle, after an execution. Then eight executions at a time that do nothing: what
all of our processes but engine and worker take more than before, divided by eight, is what
each further kernel takes; the fork server is in both sums. Against eight kernels started by
jupyter_client, as papermill starts them, that have run one cell. What is there before the
first of ours, a fork server and two kernels that wait, is told beside them, and so is the
worker (papermill is in it).
"""

import time
from contextlib import ExitStack

import psutil

from benchmarks.environments import driver
from benchmarks.harness import Bench, Claim, Figure, Reading, Side
from benchmarks.ours import Ours, a_home, pss

KERNELS = 8
SETTLE = 3.0  #: Seconds until what has just started or ended is at rest.
SLEEPER = "import time\nprint(1)\nthis.log('here')\ntime.sleep(3600)"


def words(process: psutil.Process) -> list[str]:
    """Its command line."""
    return process.cmdline()


def rest(ours: Ours) -> float:
    """MB of all but engine and worker."""
    others = {"flowkernel.engine", "flowkernel.worker"}
    return pss([p for p in ours.processes() if not others & set(words(p))])


def of_kernels(ours: Ours) -> float:
    """MB for each of eight kernels."""
    before = rest(ours)
    executions = [
        ours.client.start({"flow": "sleeper", "inputs": {}}) for _ in range(KERNELS)
    ]
    ids = [execution.execution_id for execution in executions]
    while not all(ours.client.log(one) for one in ids):
        time.sleep(0.1)
    time.sleep(SETTLE)
    found = rest(ours) - before
    for one in ids:
        ours.client.act(one, "cancel")
    while not all(ours.client.get_execution(one).status.is_ended for one in ids):
        time.sleep(0.1)
    time.sleep(SETTLE)
    return found / KERNELS


def sides(stack: ExitStack, bench: Bench) -> dict[str, Side]:
    """All in MB."""
    peer = stack.enter_context(driver("papermill", "drive_papermill", bench))
    ours = stack.enter_context(a_home(bench, slots=KERNELS))
    ours.register("sleeper", SLEEPER)
    ours.register("trivial", "pass")
    ours.run("trivial")

    def cold() -> float:
        pids = peer.ask("start_kernels", count=KERNELS)
        time.sleep(SETTLE)
        found = pss([psutil.Process(pid) for pid in pids])
        peer.ask("stop_kernels")
        return found / KERNELS

    def module(name: str) -> float:
        return pss([p for p in ours.processes() if f"flowkernel.{name}" in words(p)])

    return {
        "cold kernel": cold,
        "our kernel": lambda: of_kernels(ours),
        "fork server": lambda: rest(ours),
        "engine": lambda: module("engine"),
        "worker": lambda: module("worker"),
    }


FIGURE = Figure(
    name="memory",
    title="Memory of an idle engine, and of each kernel",
    unit="MB",
    claims=(
        Claim(us="engine", reading=Reading.ALONE, at_least=150),
        Claim(
            us="our kernel",
            peer="cold kernel",
            reading=Reading.SHARE,
            at_least=0.5,
            aim=0.3,
        ),
        Claim(us="fork server", reading=Reading.ALONE),
        Claim(us="worker", reading=Reading.ALONE),
    ),
    sides=sides,
)
