"""Where a cell stands in its notebook, and which one is to be mended. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass

import nbformat

from flowkernel.core.models import Failure


@dataclass(frozen=True, slots=True, kw_only=True)
class CellLocation:
    """Where a cell stands. As text: "Cell 2 of 3"."""

    cell_id: str
    index: int  #: Counted from 0, over all cells of the notebook.
    number: int  #: Counted from 1, over those that are carried out.
    count: int  #: How many are carried out.

    def __str__(self) -> str:
        return f"Cell {self.number} of {self.count}"


def is_runnable(cell: nbformat.NotebookNode, skip_tag: str) -> bool:
    """Whether it is carried out: code that is not empty, and not tagged to be skipped."""
    tags = cell.metadata.get("tags", [])
    return (
        cell.cell_type == "code" and bool(cell.source.strip()) and skip_tag not in tags
    )


def place_of(nb: nbformat.NotebookNode, index: int, skip_tag: str) -> CellLocation:
    """Where a cell stands that is carried out, or was before it was emptied."""
    runnable = list(_runnable(nb, skip_tag))
    return CellLocation(
        cell_id=id_of(nb, index),
        index=index,
        number=sum(n < index for n in runnable) + 1,
        count=len(runnable),
    )


def id_of(nb: nbformat.NotebookNode, index: int) -> str:
    """The id of a cell; in an old notebook, which has none, its index."""
    return str(nb.cells[index].get("id") or index)


def mended_at(nb: nbformat.NotebookNode, index: int) -> int:
    """The cell to be mended: where a handler is defined, not where it is called."""
    ours = nb.cells[index].metadata.get("flowkernel", {})
    places = {cell.get("id"): n for n, cell in enumerate(nb.cells)}
    return places.get(ours.get("calls"), index)


def failure_at(nb: nbformat.NotebookNode, index: int, skip_tag: str) -> Failure:
    """What a person needs to know of a failure: which cell failed, and what to mend."""
    place, first = place_of(nb, index, skip_tag), mended_at(nb, index)
    return Failure(
        cell_id=id_of(nb, first),
        cell_number=place.number,
        cell_count=place.count,
        source=nb.cells[first].source,
    )


def _runnable(nb: nbformat.NotebookNode, skip_tag: str) -> Iterator[int]:
    return (n for n, cell in enumerate(nb.cells) if is_runnable(cell, skip_tag))
