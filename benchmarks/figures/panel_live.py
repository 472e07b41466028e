"""1,000 changes a second, of 50 runs: from the engine until the line of the run in the page.

The clock starts before the report is sent to the engine, so the record on disk is in it, and
stops when the document has the new text, or a newer one: see `live_events.latencies`. 100,000
runs are stored; of those that run, the 25 or so in sight are looked at. The list is not touched
while the delays are measured; its frames are then measured while it is scrolled.
"""

import time
from contextlib import ExitStack

from benchmarks.harness import Bench, Claim, Figure, Reading, Side, together
from benchmarks.live_events import LiveEvents, latencies, share
from benchmarks.million import make_home
from benchmarks.pages import Window, chromium
from benchmarks.panel import (
    END_WATCH,
    ROW,
    TAKE_SEEN,
    TREE,
    WATCH,
    lab_window,
    open_sidebar,
    panel_lab,
)
from benchmarks.running_engine import running_engine
from flowkernel.home import Home

RUNS, RUNNING, CHANGES = 100_000, 50, 1_000.0
SECONDS = 30.0  #: Of one round.
PIXELS, SCROLL_SECONDS = 480, 3.0
#: As a part of the changes that were to be sent: with fewer the figure says nothing.
ENOUGH = 0.95


def delays(window: Window, events: LiveEvents, seconds: float) -> list[float]:
    """What the changes of some seconds took, in ms. Raises if they were not so many."""
    window.page.evaluate(WATCH, TREE)
    changes, start = events.changes, time.monotonic()
    waits: list[float] = []
    seen: list[tuple[str, str, float]] = []
    while time.monotonic() < start + seconds:
        window.page.wait_for_timeout(1_000)
        seen += window.page.evaluate(TAKE_SEEN)
    rate = (events.changes - changes) / (time.monotonic() - start)
    window.page.evaluate(END_WATCH)
    waits = latencies(events.sent, seen)
    events.wait(0)
    if rate < ENOUGH * CHANGES:
        raise RuntimeError(f"{rate:.0f} changes a second were sent, not {CHANGES:.0f}")
    return waits


def sides(stack: ExitStack, bench: Bench) -> dict[str, Side]:
    """One window, in which nothing is opened any more."""
    make_home(Home(bench.folder / "full"), bench.of(RUNS, 2_000), size="1")
    engine = stack.enter_context(running_engine(bench, "full", is_busy=True))
    lab = stack.enter_context(panel_lab(bench.folder / "panel", engine))
    browser = stack.enter_context(chromium())
    events = LiveEvents(engine, runs=RUNNING, rate=CHANGES)
    stack.enter_context(events)
    window = stack.enter_context(lab_window(browser, lab))
    open_sidebar(window)

    def measure() -> dict[str, float]:
        waits = delays(window, events, bench.of(int(SECONDS), 5))
        frame = window.scroll(ROW, pixels=PIXELS, seconds=SCROLL_SECONDS)
        window.page.evaluate("tree => document.querySelector(tree).scrollTop = 0", TREE)
        return {
            "half of them": share(waits, 0.5),
            "95 % of them": share(waits, 0.95),
            "longest frame while scrolling": frame,
        }

    names = ("half of them", "95 % of them", "longest frame while scrolling")
    return {**together(measure, *names)}


FIGURE = Figure(
    name="panel-live",
    title="1,000 changes a second, until the page has each",
    unit="ms",
    claims=(
        Claim(us="half of them", reading=Reading.ALONE),
        Claim(us="95 % of them", reading=Reading.ALONE, at_least=100),
        Claim(us="longest frame while scrolling", reading=Reading.ALONE, at_least=100),
    ),
    sides=sides,
)
