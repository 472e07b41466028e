"""Ten minutes of 1,000 changes a second: the memory of page, Jupyter Server and engine.

Measured after a first minute, when what is kept of the past has its size, and at the end: the
objects of the page after everything unused was freed, the processes as PSS. `--live` takes
another number of seconds.
"""

from contextlib import ExitStack

import psutil

from benchmarks.figures.panel_live import CHANGES, RUNNING, RUNS
from benchmarks.harness import Bench, Claim, Figure, Reading, Side, together
from benchmarks.labs import Lab
from benchmarks.live_events import LiveEvents
from benchmarks.million import make_home
from benchmarks.pages import Window, chromium
from benchmarks.panel import lab_window, open_sidebar, panel_lab
from benchmarks.running_engine import RunningEngine, pss, running_engine
from flowkernel.home import Home

PARTS = ("page", "Jupyter Server", "engine")
FLAT = 1.1  #: At most so many times as much at the end.


def memory(window: Window, lab: Lab, engine: RunningEngine) -> list[float]:
    """MB of each of the parts."""
    pids = (lab.pid, engine.engine_pid())
    return [window.heap(), *(pss([psutil.Process(pid)]) for pid in pids)]


def sides(stack: ExitStack, bench: Bench) -> dict[str, Side]:
    """One window with the list of runs."""
    make_home(Home(bench.folder / "full"), bench.of(RUNS, 2_000), size="1")
    engine = stack.enter_context(running_engine(bench, "full", is_busy=True))
    lab = stack.enter_context(panel_lab(bench.folder / "panel", engine))
    browser = stack.enter_context(chromium())

    def measure() -> dict[str, float]:
        with (
            LiveEvents(engine, runs=RUNNING, rate=CHANGES) as events,
            lab_window(browser, lab) as window,
        ):
            open_sidebar(window)
            events.wait(bench.live_seconds / 10)
            start = memory(window, lab, engine)
            events.wait(bench.live_seconds)
            end = memory(window, lab, engine)
            bench.say(f"  {events.changes:,} changes, {len(events.sent):,} runs")
        starts = {f"{p}, start": mb for p, mb in zip(PARTS, start, strict=True)}
        return {**starts, **dict(zip(PARTS, end, strict=True))}

    names = [*(f"{part}, start" for part in PARTS), *PARTS]
    return {**together(measure, *names)}


FIGURE = Figure(
    name="panel-memory",
    title="Memory after ten minutes of 1,000 changes a second",
    unit="MB",
    claims=tuple(
        Claim(us=part, peer=f"{part}, start", reading=Reading.SHARE, at_least=FLAT)
        if part != "engine"
        else Claim(us=part, peer=f"{part}, start", reading=Reading.SHARE)
        for part in PARTS
    ),
    sides=sides,
    warms_up=False,
    most_rounds=1,
)
