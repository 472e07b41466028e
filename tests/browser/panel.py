"""The panel in a JupyterLab of its own: how tests get to its parts, by role and name."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Locator, Page

import flowkernel
from tests.browser.jupyterlab import TOKEN, Lab, running_lab

BUILT = Path(flowkernel.__file__).parent / "labextension"
AXE = BUILT.parents[1] / "labextension/node_modules/axe-core/axe.min.js"


@contextmanager
def panel_lab(folder: Path) -> Iterator[Lab]:
    """JupyterLab with the panel as it is built here, under a base URL."""
    assert BUILT.exists(), "The panel is not built: python hatch_build.py"
    (folder / "root").mkdir()
    installed = folder / "data" / "labextensions"
    installed.mkdir(parents=True)
    (installed / "flowkernel").symlink_to(BUILT)
    extension = "{'flowkernel.server_extension': True}"
    option = f"--ServerApp.jpserver_extensions={extension}"
    with running_lab(folder, option, base="/user/x") as lab:
        yield lab


def open_window(lab: Lab, page: Page, address: str = "&reset") -> Page:
    """Open Lab with the sidebar of flowkernel."""
    page.goto(f"{lab.url}/lab?token={TOKEN}{address}")
    page.locator("#jp-main-dock-panel").wait_for()
    tab = page.get_by_role("tab", name="Runs, flows and inbox of flowkernel")
    if tab.get_attribute("aria-selected") != "true":
        tab.click()
    sidebar(page).wait_for()
    return page


def sidebar(page: Page) -> Locator:
    """The sidebar of flowkernel."""
    return page.get_by_role("region", name="flowkernel", exact=True)


def section(page: Page, name: str) -> Locator:
    """Go to a section of the sidebar; the section."""
    sidebar(page).get_by_role("tab", name=name).click()
    return sidebar(page).get_by_role("tabpanel")


def line(part: Locator, text: str) -> Locator:
    """The lines of a tree that have this text."""
    return part.get_by_role("treeitem").filter(has_text=text)


def open_run(page: Page, name: str) -> Locator:
    """Open the newest run of this name from the sidebar; its page."""
    line(section(page, "Runs"), name).first.press("Enter")
    return page.get_by_role("region", name=f"Run {name}", exact=True)


def part(page: Locator, name: str) -> Locator:
    """Go to a part of the page; the part."""
    page.get_by_role("tab", name=name, exact=True).click()
    return page.get_by_role("tabpanel", name=name, exact=True)


def serious_violations(page: Page, selector: str) -> list[str]:
    """What axe finds in a part of the page that a person would stumble over."""
    page.add_script_tag(path=AXE)
    return page.evaluate(
        "selector => axe.run(selector).then(found => found.violations"
        ".filter(v => ['serious', 'critical'].includes(v.impact)).map(v => v.id))",
        selector,
    )
