"""The place of a cell in its notebook, and the cell to edit when it fails. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass

import nbformat

from flowkernel.core.models import Failure


@dataclass(frozen=True, slots=True, kw_only=True)
class CellLocation:
    """The place of a cell. As text: "Cell 2 of 3"."""

    cell_id: str
    index: int  #: Counted from 0, over all cells of the notebook.
    number: int  #: Counted from 1, over the cells that run.
    count: int  #: How many cells run.

    def __str__(self) -> str:
        return f"Cell {self.number} of {self.count}"


def is_runnable(cell: nbformat.NotebookNode, skip_tag: str) -> bool:
    """Whether a cell runs: code that is not empty, and not tagged to be skipped."""
    tags = cell.metadata.get("tags") or []
    is_code = cell.cell_type == "code"
    return is_code and bool(cell.source.strip()) and skip_tag not in tags


def location_of(nb: nbformat.NotebookNode, index: int, skip_tag: str) -> CellLocation:
    """The place of a cell that runs, or that ran before a person emptied it."""
    runnable = list(_runnable_indices(nb, skip_tag))
    return CellLocation(
        cell_id=cell_id_of(nb, index),
        index=index,
        number=sum(n < index for n in runnable) + 1,
        count=len(runnable),
    )


def cell_id_of(nb: nbformat.NotebookNode, index: int) -> str:
    """The id of a cell; in an old notebook, whose cells have no ids, its index."""
    return str(nb.cells[index].get("id") or index)


def editable_index(nb: nbformat.NotebookNode, index: int) -> int:
    """The index of the cell that a person edits: of a handler's call the definition."""
    metadata = nb.cells[index].metadata.get("flowkernel", {})
    indices = {cell.get("id"): n for n, cell in enumerate(nb.cells)}
    return indices.get(metadata.get("calls"), index)


def failure_at(nb: nbformat.NotebookNode, index: int, skip_tag: str) -> Failure:
    """What a person needs to know of a failure: which cell failed, and which to edit."""
    location, first = location_of(nb, index, skip_tag), editable_index(nb, index)
    return Failure(
        cell_id=cell_id_of(nb, first),
        cell_number=location.number,
        cell_count=location.count,
        source=nb.cells[first].source,
    )


def _runnable_indices(nb: nbformat.NotebookNode, skip_tag: str) -> Iterator[int]:
    return (n for n, cell in enumerate(nb.cells) if is_runnable(cell, skip_tag))
