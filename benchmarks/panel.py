"""Our panel in a JupyterLab of its own: how figures get to its parts."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.labs import Lab, install_panel, running_lab
from benchmarks.pages import Browser, Window
from benchmarks.running_engine import RunningEngine

TREE = ".jp-flowkernel-sidebar .jp-flowkernel-tree-frame"
ROW = f"{TREE} .jp-flowkernel-tree-row"
PAGE = ".jp-flowkernel-run-page:not(.lm-mod-hidden)"
OPEN_RUNS = (None, "flowkernel:open-runs", {})
#: When JupyterLab is as it was left, and when the sidebar, which was open, has its first row.
PAINT = """
window.paint = {lab: null, row: null};
let isAsked = false;
const look = () => {
  if (paint.row === null && document.querySelector(ROW)) paint.row = performance.now();
  if (window.jupyterapp && !isAsked) {
    isAsked = true;
    jupyterapp.restored.then(() => (paint.lab = performance.now()));
  }
  if (paint.row === null || paint.lab === null) requestAnimationFrame(look);
};
requestAnimationFrame(look);
""".replace("ROW", repr(ROW))
#: Keeps what the line of each run in sight says, and since when, in `window.seen`.
WATCH = """
tree => {
  const known = new Map();
  window.seen = [];
  const look = () => {
    const moment = performance.timeOrigin + performance.now();
    for (const row of document.querySelectorAll(`${tree} [data-execution-id]`)) {
      const id = row.dataset.executionId;
      const text = row.querySelector('.jp-flowkernel-run-detail')?.textContent ?? '';
      if (known.get(id) !== text) {
        known.set(id, text);
        window.seen.push([id, text, moment]);
      }
    }
  };
  window.watcher = new MutationObserver(look);
  const changes = {subtree: true, childList: true, characterData: true};
  window.watcher.observe(document.querySelector(tree), changes);
}
"""
TAKE_SEEN = "() => window.seen.splice(0)"
END_WATCH = "() => { window.watcher.disconnect(); window.seen = null; }"


@contextmanager
def panel_lab(folder: Path, engine: RunningEngine) -> Iterator[Lab]:
    """A JupyterLab with the panel, in the home of an engine, until the block ends."""
    options = install_panel(folder)
    environ = {"FLOWKERNEL_HOME": str(engine.home.path)}
    with running_lab(folder, environ=environ, options=options) as lab:
        yield lab


@contextmanager
def lab_window(browser: Browser, lab: Lab, **options: Any) -> Iterator[Window]:
    """A window with JupyterLab, which has done what it does when it starts."""
    with browser.window(**options) as window:
        window.page.goto(lab.address)
        until_up(window)
        yield window


def until_up(window: Window) -> None:
    """Wait until JupyterLab is as it was left, and does nothing."""
    window.page.wait_for_function("() => window.jupyterapp")
    window.page.evaluate("() => jupyterapp.restored.then(() => undefined)")
    window.page.wait_for_load_state("networkidle")


def open_sidebar(window: Window) -> None:
    """Open the sidebar, if it is not open; wait for its first row."""
    window.page.evaluate("() => jupyterapp.commands.execute('flowkernel:open-runs')")
    window.page.locator(ROW).first.wait_for()


def run_line(execution_id: str) -> str:
    """The line of a run in the sidebar, as a selector."""
    return f'{TREE} [data-execution-id="{execution_id}"]'


def close_page(window: Window) -> None:
    """Close the page in sight of the main area."""
    window.page.evaluate("() => jupyterapp.shell.currentWidget?.close()")
    window.page.locator(PAGE).wait_for(state="detached")
