"""An output of 20 MB: what its page does when it is opened, and when all of it is shown.

The run printed 200,000 lines of 100 characters in one cell, and succeeded. Its page is opened
at the notebook; then *Show all of it* is pressed. No frame may be longer than 100 ms: nothing
freezes. Meanwhile Jupyter Server is asked again and again: its longest answer is the third.
"""

import threading
import time
import urllib.request
from contextlib import ExitStack

from benchmarks.harness import Bench, Claim, Figure, Reading, Side, together
from benchmarks.labs import TOKEN, Lab
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

PRINTS = "for number in range(200_000):\n    print(f'{number:099}')"
TAB = f"{PAGE} [role=tab][id$=-notebook]"
OUTPUT = f"{PAGE} .jp-flowkernel-output"
WHOLE = f"{PAGE} .jp-flowkernel-outputs .jp-flowkernel-remark button"
#: All lines are there.
ALL = f"{PAGE} .jp-flowkernel-outputs:not(:has(.jp-flowkernel-remark))"
SETTLE = 3_000.0  #: Milliseconds in which frames count after it is there.
PAUSE = 0.02  #: Seconds between two questions.


class Questions:
    """Asks Jupyter Server for something small, again and again, while the block lasts."""

    def __init__(self, lab: Lab) -> None:
        self._url = f"{lab.url}/api/status?token={TOKEN}"
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._ask)
        self.longest = 0.0  #: Milliseconds of an answer.

    def __enter__(self) -> "Questions":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._thread.join()

    def _ask(self) -> None:
        while not self._is_over.wait(PAUSE):
            start = time.perf_counter()
            with urllib.request.urlopen(self._url, timeout=60) as response:
                response.read()
            self.longest = max(self.longest, (time.perf_counter() - start) * 1000)


def frames(window: Window, execution_id: str) -> tuple[float, float]:
    """The longest frame while its page is opened, and while all of it is shown."""
    line = run_line(execution_id)
    opened = window.open((line, "dblclick"), (TAB, "click"), row=OUTPUT, settle=SETTLE)
    shown = window.open((WHOLE, "click"), row=ALL, settle=SETTLE)
    close_page(window)
    return opened.longest, shown.longest


def sides(stack: ExitStack, bench: Bench) -> dict[str, Side]:
    """The same run is opened in each round, in a new window."""
    engine = stack.enter_context(running_engine(bench))
    engine.register("prints", PRINTS)
    execution_id = engine.run("prints").execution_id
    lab = stack.enter_context(panel_lab(bench.folder / "panel", engine))
    browser = stack.enter_context(chromium())

    def measure() -> dict[str, float]:
        with lab_window(browser, lab) as window, Questions(lab) as questions:
            open_sidebar(window)
            opened, shown = frames(window, execution_id)
        return {
            "frame, opened": opened,
            "frame, all of it": shown,
            "answer of Jupyter Server": questions.longest,
        }

    names = ("frame, opened", "frame, all of it", "answer of Jupyter Server")
    return {**together(measure, *names)}


FIGURE = Figure(
    name="panel-output",
    title="An output of 20 MB in the panel: longest",
    unit="ms",
    claims=(
        Claim(us="frame, opened", reading=Reading.ALONE, at_least=100),
        Claim(us="frame, all of it", reading=Reading.ALONE, at_least=100),
        Claim(us="answer of Jupyter Server", reading=Reading.ALONE),
    ),
    sides=sides,
)
