"""The place of a cell in its notebook, and the cell to edit when it fails. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import nbformat

from flowkernel.core.cell_numbers import CellNumbers, cell_text, defining_id, first_line
from flowkernel.core.models import Failure
from flowkernel.worker.notebook.decision_banner import decisions_on


@dataclass(frozen=True, slots=True, kw_only=True)
class CellLocation:
    """The place of a cell. As text: "Cell 2 of 3 (total = price * amount)"."""

    cell_id: str
    index: int  #: Counted from 0, over all cells of the notebook.
    number: int | None  #: As its author counts; None: the cell with the inputs.
    count: int  #: How many cells its author counts.
    first_line: str = ""  #: Of its source.
    #: By the kernel's count: the number of each cell that ran, as tracebacks name them.
    numbers: Mapping[int, int | None] = field(default_factory=dict)

    def __str__(self) -> str:
        return cell_text(self.number, self.count, self.first_line)


def is_runnable(cell: nbformat.NotebookNode, skip_tag: str) -> bool:
    """Whether a cell runs: code that is not empty, and not tagged to be skipped."""
    tags = cell.metadata.get("tags") or []
    is_code = cell.cell_type == "code"
    return is_code and bool(cell.source.strip()) and skip_tag not in tags


def location_of(
    nb: nbformat.NotebookNode, index: int, numbers: CellNumbers
) -> CellLocation:
    """The place of a cell. `numbers`: as they were before a person edited a cell."""
    return CellLocation(
        cell_id=cell_id_of(nb, index),
        index=index,
        number=numbers.by_index[index],
        count=numbers.count,
        first_line=first_line(nb.cells[editable_index(nb, index)].source),
    )


def cell_id_of(nb: nbformat.NotebookNode, index: int) -> str:
    """The id of a cell; in an old notebook, whose cells have no ids, its index."""
    return str(nb.cells[index].get("id") or index)


def editable_index(nb: nbformat.NotebookNode, index: int) -> int:
    """The index of the cell that a person edits: of a handler's call the definition."""
    called_id = defining_id(nb.cells[index])
    if called_id is None:
        return index
    indices = {cell.get("id"): n for n, cell in enumerate(nb.cells)}
    return indices.get(called_id, index)


def failure_at(nb: nbformat.NotebookNode, index: int, numbers: CellNumbers) -> Failure:
    """What a person needs to know of a failure: which cell failed, and which to edit."""
    location, first = location_of(nb, index, numbers), editable_index(nb, index)
    decisions = decisions_on(nb.cells[first])
    return Failure(
        cell_id=cell_id_of(nb, first),
        cell_number=location.number,
        cell_count=location.count,
        source=nb.cells[first].source,
        is_mended=any(decision.is_edit for decision in decisions) or None,
        is_retried=any(decision.is_plain_retry for decision in decisions) or None,
    )
