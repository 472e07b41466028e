"""Memory, as PSS: a process's own pages, and its part of those it shares with others.

The engine idle, after an execution. Then eight executions at a time that do nothing: what
all of our processes but engine and worker take more than before, divided by eight, is what
each further kernel takes; the fork server is in both sums. Against eight kernels started by
jupyter_client, as papermill starts them, that have run one cell. What is there before the
first of ours, a fork server and two kernels that wait, is reported beside them, and so is the
worker (papermill is in it).
"""

import time
from contextlib import ExitStack

import psutil

from benchmarks.environments import driver
from benchmarks.harness import Bench, Claim, Figure, Reading, Side
from benchmarks.running_engine import RunningEngine, pss, running_engine

KERNELS = 8
SETTLE = 3.0  #: Seconds until processes that just started or ended use no more memory.
SLEEPER = "import time\nprint(1)\nthis.log('here')\ntime.sleep(3600)"


def kernel_side(engine: RunningEngine) -> float:
    """MB of all but engine and worker."""
    excluded = {"flowkernel.engine", "flowkernel.worker"}
    return pss([p for p in engine.processes() if not excluded & set(p.cmdline())])


def of_kernels(engine: RunningEngine) -> float:
    """MB for each of eight kernels."""
    size_before = kernel_side(engine)
    executions = [
        engine.client.start({"flow": "sleeper", "inputs": {}}) for _ in range(KERNELS)
    ]
    ids = [execution.execution_id for execution in executions]
    while not all(engine.client.log(id_) for id_ in ids):
        time.sleep(0.1)
    time.sleep(SETTLE)
    size = kernel_side(engine) - size_before
    for id_ in ids:
        engine.client.act(id_, "cancel")
    while not all(engine.client.get_execution(id_).status.is_ended for id_ in ids):
        time.sleep(0.1)
    time.sleep(SETTLE)
    return size / KERNELS


def sides(stack: ExitStack, bench: Bench) -> dict[str, Side]:
    """All in MB."""
    peer = stack.enter_context(driver("papermill", "drive_papermill", bench))
    engine = stack.enter_context(running_engine(bench, slots=KERNELS))
    engine.register("sleeper", SLEEPER)
    engine.register("trivial", "pass")
    engine.run("trivial")

    def cold() -> float:
        pids = peer.call("start_kernels", count=KERNELS)
        time.sleep(SETTLE)
        size = pss([psutil.Process(pid) for pid in pids])
        peer.call("stop_kernels")
        return size / KERNELS

    def module(name: str) -> float:
        return pss(
            [p for p in engine.processes() if f"flowkernel.{name}" in p.cmdline()]
        )

    return {
        "cold kernel": cold,
        "our kernel": lambda: of_kernels(engine),
        "fork server": lambda: kernel_side(engine),
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
