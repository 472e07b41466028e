"""The page of a run with 500 runs under it, beside those of Dagster and Prefect.

Ours is the timeline of a flow that started 500 others; Dagster's page shows 500 steps of one
run, Prefect's the 500 task runs of one flow run. Each page belongs to an application that is
open already: the clock starts with the click on the run in a list, and stops when the first of
the 500 is there. Then what they are in is scrolled up and down, 240 pixels with each frame.
"""

from contextlib import ExitStack
from dataclasses import dataclass

from benchmarks.environments import driver
from benchmarks.figures.children import PREFECT
from benchmarks.harness import Bench, Claim, Figure, Reading, Side, together
from benchmarks.labs import free_port, wait_for_answer
from benchmarks.pages import Window, chromium
from benchmarks.panel import (
    PAGE,
    close_page,
    lab_window,
    open_sidebar,
    panel_lab,
    run_line,
)
from benchmarks.running_engine import running_engine

STEPS = 500
PARENT = """
children = [this.flow("child", wait=False) for _ in range(inputs["count"])]
this.wait_for(*children)
"""
PIXELS, SECONDS = 240, 3.0
TAB = f"{PAGE} [role=tab][id$=-timeline]"
#: Behind the run itself, and its cell.
LANE = f"{PAGE} .jp-flowkernel-timeline-name[data-place='2']"
PEERS, OURS = ("Dagster", "Prefect"), "flowkernel"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page is, and what a person does to see its first step."""

    list_url: str
    steps: tuple[tuple[str, str], ...]  #: What is clicked, as soon as it is there.
    row: str
    ready: str  #: The list is there.
    greeting: str | None = None  #: The button that closes what greets a newcomer.


def dagster(stack: ExitStack, bench: Bench) -> Place:
    """Dagster's web server, with one run; the Gantt chart is what its page begins with."""
    home = bench.folder / "dagster"
    home.mkdir()
    environ = {
        "DAGSTER_HOME": str(home),
        "DAGSTER_DISABLE_TELEMETRY": "1",
        "STEPS": str(bench.of(STEPS, 60)),
    }
    peer = stack.enter_context(driver("dagster", "drive_dagster", bench, **environ))
    run_id, port = peer.call("run_steps"), free_port()
    peer.call("start", port=port)
    list_url = f"http://127.0.0.1:{port}/runs"
    wait_for_answer(list_url)
    link = f"a[href$='/runs/{run_id}']"
    return Place(
        list_url=list_url,
        ready=link,
        steps=((link, "click"),),
        row=".chart-element",
        greeting="Skip",
    )


def prefect(stack: ExitStack, bench: Bench) -> Place:
    """Prefect's server, with one flow run; its task runs are behind a tab."""
    port = free_port()
    environ = {
        "PREFECT_HOME": str(bench.folder / "prefect"),
        "PREFECT_API_URL": f"http://127.0.0.1:{port}/api",
        **PREFECT,
    }
    peer = stack.enter_context(
        driver("prefect", "drive_prefect_server", bench, **environ)
    )
    peer.call("start", port=port)
    wait_for_answer(f"http://127.0.0.1:{port}/api/health")
    run_id = peer.call("run_steps", count=bench.of(STEPS, 60))
    link = f"a[href$='/runs/flow-run/{run_id}']"
    return Place(
        list_url=f"http://127.0.0.1:{port}/runs",
        ready=link,
        steps=((link, "click"), ("#task-runs", "click")),
        row=".task-run-list-item",
    )


def visit(window: Window, place: Place) -> dict[str, float]:
    """Open the page of the run from the list, and look through its steps."""
    window.page.goto(place.list_url)
    window.page.locator(place.ready).first.wait_for()
    window.page.wait_for_load_state("networkidle")
    if place.greeting is not None:
        button = window.page.get_by_role("button", name=place.greeting)
        for shown in button.all():
            shown.click()
    opening = window.open(*place.steps, row=place.row)
    frame = window.scroll(place.row, pixels=PIXELS, seconds=SECONDS)
    return {"first row": opening.first, "longest frame": max(opening.longest, frame)}


def visit_ours(window: Window, execution_id: str) -> dict[str, float]:
    """The same with ours, whose pages open where the last one was left: at the timeline."""
    open_sidebar(window)
    line = run_line(execution_id)
    opening = window.open((line, "dblclick"), row=LANE)
    frame = window.scroll(LANE, pixels=PIXELS, seconds=SECONDS)
    close_page(window)
    return {"first row": opening.first, "longest frame": max(opening.longest, frame)}


def sides(stack: ExitStack, bench: Bench) -> dict[str, Side]:
    """Each application has its window, which stays open; pages are opened in turn."""
    count = bench.of(STEPS, 60)
    engine = stack.enter_context(running_engine(bench))
    engine.register("child", "pass")
    engine.register("parent", PARENT)
    execution_id = engine.run("parent", count=count).execution_id
    places = {"Dagster": dagster(stack, bench), "Prefect": prefect(stack, bench)}
    lab = stack.enter_context(panel_lab(bench.folder / "panel", engine))
    browser = stack.enter_context(chromium())
    window = stack.enter_context(lab_window(browser, lab))
    open_sidebar(window)
    window.open((run_line(execution_id), "dblclick"), (TAB, "click"), row=LANE)
    close_page(window)

    def side(name: str, window: Window) -> dict[str, Side]:
        def measure() -> dict[str, float]:
            place = places.get(name)
            values = (
                visit_ours(window, execution_id)
                if place is None
                else visit(window, place)
            )
            return {f"{name}: {what}": value for what, value in values.items()}

        return together(measure, f"{name}: first row", f"{name}: longest frame")

    all_sides: dict[str, Side] = {}
    for name in places:
        all_sides |= side(name, stack.enter_context(browser.window()))
    return {**all_sides, **side(OURS, window)}


def beside(peer: str) -> tuple[Claim, ...]:
    """What is compared with one peer."""
    return (
        Claim(us=f"{OURS}: first row", peer=f"{peer}: first row", at_least=1.0),
        Claim(us=f"{OURS}: longest frame", peer=f"{peer}: longest frame", at_least=1.0),
    )


FIGURE = Figure(
    name="panel-run",
    title="The page of a run with 500 steps",
    unit="ms",
    claims=(
        *(claim for peer in PEERS for claim in beside(peer)),
        Claim(us=f"{OURS}: longest frame", reading=Reading.ALONE, at_least=100),
    ),
    sides=sides,
)
