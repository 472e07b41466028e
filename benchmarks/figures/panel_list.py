"""The list of runs in the panel, beside jupyter-scheduler's list of jobs.

Ours has 100,000 runs that no other one started, of which 50 run, with 50 changes a second;
jupyter-scheduler's has 1,000 jobs, of which it shows 25 at a time. Both are in the same version
of JupyterLab and the same browser, each in its own environment. A list is opened by its
command, in a window that has not shown it before, and scrolled 480 pixels with each frame for
three seconds; at the end of a page of jobs the button for the next page is pressed.
"""

from collections.abc import Callable
from contextlib import ExitStack

from benchmarks.environments import driver, environment
from benchmarks.harness import Bench, Claim, Figure, Reading, Side, together
from benchmarks.labs import Lab, lab_version, running_lab
from benchmarks.live_events import LiveEvents
from benchmarks.million import make_home
from benchmarks.pages import Browser, Window, chromium
from benchmarks.panel import (
    OPEN_RUNS,
    PAINT,
    ROW,
    lab_window,
    open_sidebar,
    panel_lab,
    until_up,
)
from benchmarks.running_engine import running_engine
from flowkernel.home import Home

RUNS, JOBS = 100_000, 1_000
RUNNING, CHANGES = 50, 50.0  #: Runs, and changes a second of all of them.
PIXELS, SECONDS = 480, 3.0
PEER, OURS = "jupyter-scheduler, 1,000 entries", "flowkernel, 100,000 runs"
LIST_JOBS = (None, "scheduling:list-jobs-from-launcher", {})
JOB = ".jp-notebook-jobs-panel tbody tr"
NEXT = ".jp-notebook-jobs-panel button[aria-label='Go to next page']:not([disabled])"
SAVED_MS = 2_500  #: Until JupyterLab has saved which parts are open.


def visit(
    browser: Browser,
    lab: Lab,
    scroll: Callable[[Window], float],
    command: tuple[object, ...],
    row: str,
) -> dict[str, float]:
    """Open the list in a new window, and look through it."""
    with lab_window(browser, lab) as window:
        opening = window.open(command, row=row)
        return {"first row": opening.first, "longest frame": scroll(window)}


def scroll_jobs(window: Window) -> float:
    """Look through pages of jobs."""
    return window.scroll(JOB, pixels=PIXELS, seconds=SECONDS, next_page=NEXT)


def scroll_runs(window: Window) -> float:
    """Look through runs, which are read as they are needed."""
    return window.scroll(ROW, pixels=PIXELS, seconds=SECONDS)


def first_paint(browser: Browser, lab: Lab) -> float:
    """From JupyterLab being as it was left until its sidebar has a row, in ms; or 0."""
    with lab_window(browser, lab) as window:
        open_sidebar(window)
        window.page.wait_for_timeout(SAVED_MS)
        window.page.add_init_script(PAINT)
        window.page.goto(window.page.url.replace("&reset", "").replace("?reset", ""))
        until_up(window)
        window.page.wait_for_function("() => paint.row !== null && paint.lab !== null")
        paint = window.page.evaluate("() => paint")
        return max(0.0, float(paint["row"] - paint["lab"]))


def scheduler_lab(stack: ExitStack, bench: Bench) -> Lab:
    """JupyterLab with jupyter-scheduler and its jobs."""
    folder = bench.folder / "scheduler"
    database = folder / "data" / "scheduler.sqlite"
    database.parent.mkdir(parents=True)
    name = "jupyter_scheduler"
    peer = stack.enter_context(driver(name, f"drive_{name}", bench))
    peer.call("make_jobs", database=str(database), count=bench.of(JOBS, 100))
    if bench.versions["jupyterlab"] != lab_version():
        raise RuntimeError(
            f"ours is JupyterLab {lab_version()}, that of jupyter-scheduler "
            f"{bench.versions['jupyterlab']}: set it in peers/jupyter_scheduler.txt"
        )
    programs = environment(name, bench.say)
    return stack.enter_context(running_lab(folder, programs=programs))


def sides(stack: ExitStack, bench: Bench) -> dict[str, Side]:
    """Both labs and the browser run all the time; a window is opened for each measurement."""
    make_home(Home(bench.folder / "full"), bench.of(RUNS, 2_000), size="1")
    engine = stack.enter_context(running_engine(bench, "full", is_busy=True))
    ours = stack.enter_context(panel_lab(bench.folder / "panel", engine))
    peer = scheduler_lab(stack, bench)
    browser = stack.enter_context(chromium())
    stack.enter_context(LiveEvents(engine, runs=RUNNING, rate=CHANGES))

    def named(name: str, values: dict[str, float]) -> dict[str, float]:
        return {f"{name}: {what}": value for what, value in values.items()}

    def jobs() -> dict[str, float]:
        return named(PEER, visit(browser, peer, scroll_jobs, LIST_JOBS, JOB))

    def runs() -> dict[str, float]:
        return named(OURS, visit(browser, ours, scroll_runs, OPEN_RUNS, ROW))

    return {
        **together(jobs, f"{PEER}: first row", f"{PEER}: longest frame"),
        **together(runs, f"{OURS}: first row", f"{OURS}: longest frame"),
        "sidebar after JupyterLab": lambda: first_paint(browser, ours),
    }


FIGURE = Figure(
    name="panel-list",
    title="The list of runs in JupyterLab",
    unit="ms",
    claims=(
        Claim(us=f"{OURS}: first row", peer=f"{PEER}: first row", at_least=1.0),
        Claim(us="sidebar after JupyterLab", reading=Reading.ALONE, at_least=500),
        Claim(us=f"{OURS}: longest frame", reading=Reading.ALONE, at_least=100),
        Claim(us=f"{OURS}: longest frame", peer=f"{PEER}: longest frame"),
    ),
    sides=sides,
)
