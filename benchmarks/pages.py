"""Chromium without a screen, and what its pages take: until a row is there, and each frame.

A frame is the time between two calls of `requestAnimationFrame`, of which there are 60 a
second; and what Chromium itself reports as a long animation frame, from 50 ms on. What a page
takes is measured in it, so that nothing between it and us is counted.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from shutil import which
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from playwright.sync_api import Page

#: Root (as in a container) needs no sandbox; the rest keeps Chromium from calling home.
CHROMIUM = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--js-flags=--expose-gc",
)
SIZE = {"width": 1280, "height": 1080}  #: Of a window, in pixels.
TIMEOUT = 60.0  #: Seconds for anything that a page does.
#: In all pages: `frames(isOver)` resolves with the longest of both kinds, in milliseconds.
FRAMES = """
window.frames_until = async isOver => {
  let slow = 0;
  const observer = new PerformanceObserver(list => {
    for (const entry of list.getEntries()) slow = Math.max(slow, entry.duration);
  });
  observer.observe({type: 'long-animation-frame'});
  const next = () => new Promise(requestAnimationFrame);
  let last = await next(), longest = 0, count = 0;
  while (!isOver(last)) {
    const now = await next();
    longest = Math.max(longest, now - last);
    [last, count] = [now, count + 1];
  }
  await new Promise(resolve => setTimeout(resolve, 100));
  observer.disconnect();
  return {longest: Math.max(longest, slow), count};
};
"""
#: Takes steps, each as soon as what it needs is there, and waits for the last thing. A step is
#: `[selector, event]`, or `[null, command]` of JupyterLab.
OPEN = """
async ({steps, row, settle, patience}) => {
  const [todo, begin] = [[...steps], performance.now()];
  let start = null, first = null;
  const act = () => {
    const [selector, event, args] = todo[0];
    if (selector === null) {
      void window.jupyterapp.commands.execute(event, args ?? {});
    } else {
      const found = [...document.querySelectorAll(selector)].at(-1);
      if (!found) return;
      found.dispatchEvent(new MouseEvent(event, {bubbles: true, cancelable: true}));
    }
    start ??= performance.now();
    todo.shift();
  };
  const isOver = now => {
    if (todo.length > 0) act();
    else if (first === null && document.querySelector(row)) first = performance.now();
    if (first === null && now > begin + patience) {
      throw new Error(`${JSON.stringify(todo[0] ?? row)} is not there`);
    }
    return first !== null && performance.now() > first + settle;
  };
  const {longest} = await window.frames_until(isOver);
  return {first: first - start, longest};
}
"""
#: Scrolls what a row is in: up and down, or page by page if there is a button for the next one.
SCROLL = """
async ({row, pixels, seconds, next}) => {
  let element = document.querySelector(row);
  const scrolls = e => e.scrollHeight > e.clientHeight + 20
    && ['auto', 'scroll'].includes(getComputedStyle(e).overflowY);
  while (element && !scrolls(element)) element = element.parentElement;
  element ??= document.scrollingElement;
  const end = performance.now() + seconds * 1000;
  let direction = 1, distance = 0;
  const isOver = () => {
    const before = element.scrollTop;
    element.scrollTop += direction * pixels;
    distance += Math.abs(element.scrollTop - before);
    if (element.scrollTop === before) {
      const button = next && document.querySelector(next);
      if (button) { button.click(); element.scrollTop = 0; }
      else if (!next) direction = -direction;
    }
    return performance.now() > end;
  };
  const {longest, count} = await window.frames_until(isOver);
  return {longest, count, distance};
}
"""


class Opening(NamedTuple):
    """What it took to open something, in milliseconds."""

    first: float  #: From the first step until the row was there.
    longest: float  #: Of all frames until a moment later.


@contextmanager
def chromium() -> Iterator["Browser"]:
    """A browser, until the block ends."""
    from playwright.sync_api import sync_playwright  # Only who measures needs it.

    path = which("chromium") or which("chromium-browser")
    if path is None:
        raise RuntimeError("Chromium is missing: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(CHROMIUM))
        try:
            yield Browser(browser)
        finally:
            browser.close()


class Browser:
    """Opens pages, each in a profile of its own."""

    def __init__(self, browser: Any) -> None:
        self._browser = browser

    @contextmanager
    def window(self, **options: Any) -> Iterator["Window"]:
        """A window, until the block ends. `options`: of Playwright's `new_context`."""
        context = self._browser.new_context(viewport=SIZE, **options)
        context.add_init_script(FRAMES)
        page = context.new_page()
        page.set_default_timeout(TIMEOUT * 1000)
        try:
            yield Window(page)
        finally:
            context.close()


class Window:
    """A page, and what it takes."""

    def __init__(self, page: "Page") -> None:
        self.page = page

    def open(self, *steps: tuple[Any, ...], row: str, settle: float = 500.0) -> Opening:
        """Take the steps, and wait until the row is there.

        Args:
            steps: Each a selector and an event; or None, a command of JupyterLab and its
                arguments.
            row: A selector.
            settle: Milliseconds after the row in which frames count, too.
        """
        values = {
            "steps": [list(step) for step in steps],
            "row": row,
            "settle": settle,
            "patience": TIMEOUT * 1000,
        }
        return Opening(**self.page.evaluate(OPEN, values))

    def scroll(
        self, row: str, *, pixels: int, seconds: float, next_page: str | None = None
    ) -> float:
        """Scroll what a row is in, so far with each frame; the longest frame.

        Args:
            next_page: The button that shows more at the end. None: it turns round there.
        """
        values = {"row": row, "pixels": pixels, "seconds": seconds, "next": next_page}
        result = self.page.evaluate(SCROLL, values)
        if not result["distance"]:
            raise RuntimeError(f"what {row!r} is in does not scroll")
        return float(result["longest"])

    def heap(self) -> float:
        """Memory of the page's objects in MB, after everything unused was freed."""
        session = self.page.context.new_cdp_session(self.page)
        session.send("HeapProfiler.enable")
        for _ in range(3):  # What the first one frees may free more.
            session.send("HeapProfiler.collectGarbage")
            time.sleep(0.2)
        used: int = session.send("Runtime.getHeapUsage")["usedSize"]
        session.detach()
        return used / 1e6
