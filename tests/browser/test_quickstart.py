"""The quickstart in JupyterLab, in a real browser, as a person would run it."""

import re

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


def test_the_live_tree_of_the_quickstart_grows_in_the_page_and_ends(page, lab):
    notebook = open_notebook(page, lab, "quickstart.ipynb")

    run_all(page)

    tree = notebook.get_by_role("tree")
    expect(tree).to_be_visible(timeout=60_000)
    report = tree.get_by_role("treeitem").filter(has_text="report").first
    expect(report).to_contain_text(re.compile("queued|running|waiting"))
    bring_into_view(tree)
    expect(
        tree.get_by_role("treeitem", name=re.compile("^sales of monday"))
    ).to_contain_text(re.compile("running|succeeded"), timeout=60_000)
    look(page, "quickstart-running")
    expect(report).to_contain_text("succeeded", timeout=90_000)
    expect(tree.get_by_role("treeitem")).to_have_count(4)
    expect(tree).to_have_accessible_name("Run report: succeeded")
    assert _lines(tree) == [
        ("report", "succeeded"),
        ("sales of monday (fetch_sales)", "succeeded"),
        ("sales of tuesday (fetch_sales)", "succeeded"),
        ("fetch_exchange_rate", "failed"),
    ]
    expect(notebook.locator(".dataframe")).to_have_count(2, timeout=60_000)
    expect(
        notebook.locator("[data-mime-type='application/vnd.jupyter.stderr']")
    ).to_have_count(0)
    bring_into_view(tree)
    look(page, "quickstart-ended")


def test_the_tree_can_be_read_in_the_dark_theme(page, lab):
    lab.set("apputils-extension/themes", {"theme": "JupyterLab Dark"})
    notebook = open_notebook(page, lab, "quickstart.ipynb")
    expect(page.locator("body")).to_have_attribute("data-jp-theme-light", "false")

    run_all(page)

    tree = notebook.get_by_role("tree")
    expect(tree).to_have_accessible_name("Run report: succeeded", timeout=120_000)
    bring_into_view(tree)
    look(page, "quickstart-dark")
    assert contrast(tree.locator("b").first) > 4.5


def _lines(tree):
    """Title and status of each line."""
    found = tree.get_by_role("treeitem").evaluate_all(
        "items => items.map(i => [i.querySelector(':scope > div > b').innerText,"
        " i.querySelector(':scope > div > .jp-flowkernel-status').innerText])"
    )
    return [tuple(line) for line in found]
