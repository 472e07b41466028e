"""A notebook as it is stored: its JSON without outputs, checked for its shape."""

import json
from typing import Any

from flowkernel.core.errors import NotANotebook
from flowkernel.core.models import Json
from flowkernel.core.notebook_banners import without_banners

NEWEST = 4  #: The newest notebook format; nbformat knows 1 to 4.


def bare_notebook(text: str, target: str) -> tuple[str, str | None]:
    """A notebook's JSON without outputs, and the name of its kernel.

    Raises:
        NotANotebook: It is not JSON, or does not have the shape of a notebook; says why.
    """
    notebook = _parse_notebook(text, target)
    if notebook["nbformat"] == NEWEST:
        _remove_outputs(notebook.get("cells"), target)
        notebook["cells"] = without_banners(notebook["cells"])
    notebook.setdefault("nbformat_minor", 0)
    if notebook.get("metadata") is None:
        notebook["metadata"] = {}
    kernel_name = _kernel_name(notebook["metadata"], target)
    bare_text = json.dumps(notebook, ensure_ascii=False)
    try:
        bare_text.encode()
    except UnicodeEncodeError as error:
        reason = "it has characters that are not valid Unicode text"
        raise NotANotebook(target, reason) from error
    return bare_text, kernel_name


def _parse_notebook(text: str, target: str) -> dict[str, Any]:
    try:
        notebook = json.loads(text)
    except RecursionError as error:
        raise NotANotebook(target, "it is nested too deeply") from error
    except ValueError as error:
        reason = "it is empty" if not text.strip() else f"it is not JSON ({error})"
        raise NotANotebook(target, reason) from error
    if not isinstance(notebook, dict) or not isinstance(notebook.get("nbformat"), int):
        raise NotANotebook(target, "it has no `nbformat` number")
    version = notebook["nbformat"]
    if not 1 <= version <= NEWEST:
        reason = f"it has format {version}, and the newest known is {NEWEST}"
        raise NotANotebook(target, reason)
    return notebook


def _kernel_name(metadata: Json, target: str) -> str | None:
    if not isinstance(metadata, dict):
        raise NotANotebook(target, "its `metadata` is not an object")
    kernelspec = metadata.get("kernelspec")
    name = kernelspec.get("name") if isinstance(kernelspec, dict) else None
    if name is not None and not isinstance(name, str):
        raise NotANotebook(target, f"the name of its kernel is {name!r}")
    return name


def _remove_outputs(cells: Json, target: str) -> None:
    """Remove the outputs of code cells, in place; check the shape of every cell."""
    if not isinstance(cells, list) or not all(isinstance(c, dict) for c in cells):
        raise NotANotebook(target, "it has no list of `cells`")
    for number, cell in enumerate(cells, 1):
        _check_cell(cell, number, target)
        if cell.get("metadata") is None:
            cell["metadata"] = {}
        if cell["cell_type"] == "code":
            cell["outputs"], cell["execution_count"] = [], None


def _check_cell(cell: dict[str, Json], number: int, target: str) -> None:
    place = f"cell {number} of all, Markdown included,"
    source = cell.get("source")
    lines = source if isinstance(source, list) else [source]
    if not all(isinstance(line, str) for line in lines):
        raise NotANotebook(target, f"{place} has no `source` text")
    if not isinstance(cell.get("cell_type"), str):
        raise NotANotebook(target, f"{place} has no `cell_type`")
    if not isinstance(cell.get("metadata") or {}, dict):
        raise NotANotebook(target, f"{place} has `metadata` that is not an object")
