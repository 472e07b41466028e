"""Notebooks of three generations, of which the last one fails; and the prompt about it."""

import re
from collections.abc import Sequence
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_notebook
from playwright.sync_api import Locator, expect

from tests.browser.conftest import PYTHON

EXPENSIVE = "with open({counter!r}, 'a') as file:\n    file.write('x')\nprice = 3"
GRANDCHILD = [EXPENSIVE, "total = price * {amount}", "this.set_output(total=total)"]
FAMILY = [
    "%load_ext flowkernel",
    """%%flow child_{name}
found = this.using('interactive').flow('{name}_cells.ipynb', {inputs})
this.set_output(**found.output)""",
    """%%flow parent_{name}
this.set_output(**this.flow('child_{name}').output)""",
    "execution = %flow_run parent_{name}",
    "print('the parent says', execution.output)",
]


def write_family(
    root: Path,
    name: str,
    *,
    amount: str = "amount",
    inputs: str = "",
    kernel: tuple[str, str] = ("python3", PYTHON),
) -> Path:
    """Write the notebooks `NAME.ipynb` and `NAME_cells.ipynb`; what counts the first cell.

    Args:
        kernel: Name and display name of the kernel of the first one.
    """
    counter = root / f"{name}.counter"
    told = {"counter": str(counter), "amount": amount}
    save(root / f"{name}_cells.ipynb", [c.format(**told) for c in GRANDCHILD])
    words = {"name": name, "inputs": inputs}
    save(root / f"{name}.ipynb", [c.format(**words) for c in FAMILY], kernel)
    return counter


def save(
    path: Path,
    sources: list[str],
    kernel: tuple[str, str] = ("python3", PYTHON),
    *,
    tags: Sequence[str] = (),
) -> None:
    """Write a notebook. `tags`: of its first cell."""
    cells = [new_code_cell(source) for source in sources]
    cells[0].metadata.tags = list(tags)
    name, display_name = kernel
    spec = {"name": name, "display_name": display_name}
    about = {"kernelspec": spec, "language_info": {"name": "python"}}
    nbformat.write(new_notebook(cells=cells, metadata=about), path)


def prompt_in(notebook: Locator, name: str) -> Locator:
    """The prompt about the notebook of this name, once it is there."""
    subject = re.compile(f"^{name} failed")
    heading = notebook.page.get_by_role("heading", name=subject)
    prompt = notebook.locator(".jp-flowkernel-prompt", has=heading)
    expect(prompt).to_be_visible(timeout=60_000)
    prompt.scroll_into_view_if_needed()
    return prompt


def press(prompt: Locator, label: str) -> None:
    """Press a button of it."""
    prompt.get_by_role("button", name=label, exact=True).click()
