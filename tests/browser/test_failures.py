"""A run that failed, in JupyterLab: why, in both themes, and its output notebook in a tab."""

import nbformat
import pytest
from playwright.sync_api import expect

from tests.browser.conftest import (
    bring_into_view,
    contrast,
    look,
    open_notebook,
    run_all,
)

pytestmark = [pytest.mark.kernel, pytest.mark.browser]
CELLS = (
    "%load_ext flowkernel",
    "%%flow inner\ndef handler(system, this):\n    raise ValueError('no <b>sales</b>')",
    "%%flow outer\nthis.flow('inner')",
    "import flowkernel\nex = flowkernel.run('outer')\n_ = ex.wait(return_when='ALL_ENDED')",
    "copied = get_ipython().run_line_magic('execution', f'{ex.execution_id} --copy')",
    "%executions",
    "%flow_run outer",
)


@pytest.mark.parametrize("theme", ["Light", "Dark"])
def test_a_failure_can_be_read_and_its_notebook_opened(page, lab, theme):
    lab.set("apputils-extension/themes", {"theme": f"JupyterLab {theme}"})
    name = f"failing-{theme}.ipynb"
    cells = [nbformat.v4.new_code_cell(source) for source in CELLS]
    kernelspec = {"name": "python3", "display_name": "Python 3 (ipykernel)"}
    book = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernelspec})
    nbformat.write(book, lab.root / name)
    notebook = open_notebook(page, lab, name)

    run_all(page)

    report = notebook.get_by_role("group", name="Run outer: why it failed").last
    expect(report).to_be_visible(timeout=90_000)
    bring_into_view(report)
    expect(report.locator("details[open] pre")).to_contain_text("no <b>sales</b>")
    expect(report.locator("details:not([open])")).to_have_count(1)
    assert contrast(report.locator("summary").first) > 4.5
    assert contrast(report.locator("pre").first) > 4.5
    assert contrast(report.locator("code").first) > 4.5
    look(page, f"failure-{theme.lower()}")
    bring_into_view(notebook.get_by_role("tree").last)
    look(page, f"failed-tree-{theme.lower()}")

    notebook.get_by_role("button", name="took").click()
    heading = notebook.get_by_role("columnheader", name="took")
    expect(heading).to_have_attribute("aria-sort", "ascending")
    page.keyboard.press("Space")
    expect(heading).to_have_attribute("aria-sort", "descending")
    look(page, f"executions-{theme.lower()}")

    notebook.get_by_role("link", name="outer-").click()

    tab = page.locator(".jp-NotebookPanel").filter(has_text="this.flow('inner')").last
    expect(tab).to_contain_text("DependencyFailedError", timeout=30_000)
    look(page, f"failure-notebook-{theme.lower()}")
