"""The number of a cell: the one that its author sees. Pure.

It is the number that Jupyter shows beside the cell after *Restart Kernel and Run All Cells* in
the notebook of the author: the code cells that are not empty, from 1. So what flowkernel adds
does not count: the cell with the inputs, and the line that calls a `handler`, which has the
number of the cell that defines it. A cell that is tagged to be skipped counts.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from flowkernel.core.text import one_line

INJECTED = "injected-parameters"  #: The tag of papermill's cell with the inputs.
LINE_LENGTH = 60  #: Characters of the first line of a cell, inclusive.
SHOWN_LINE = 40  #: The same in a sentence.

_KERNEL_COUNT = re.compile(r"\bCell In\[(\d+)\]")
NO_ID = object()  #: No cell has it.
#: In tracebacks, in place of the number of a cell that a person ran in the parked kernel.
ATTACHED = "attached"

Cell = Mapping[str, Any]  #: As a notebook of format 4 has it.


@dataclass(frozen=True, slots=True)
class CellNumbers:
    """The numbers of the cells of one notebook."""

    #: For each cell, in order; None: its author does not count it.
    by_index: tuple[int | None, ...]

    @classmethod
    def of(cls, cells: Sequence[Cell]) -> Self:
        """Those of a notebook that runs, or of the one that it was made from."""
        own, ids = 0, {cell.get("id") for cell in cells} - {None}
        by_id: dict[Any, int] = {}
        numbers: list[int | None] = []
        for cell in cells:
            is_own = _is_own(cell) and defining_id(cell) not in ids
            own += is_own
            numbers.append(own if is_own else None)
            if is_own:
                by_id.setdefault(cell.get("id"), own)
        defining = [by_id.get(defining_id(cell) or NO_ID) for cell in cells]
        return cls(tuple(n or d for n, d in zip(numbers, defining, strict=True)))

    @property
    def count(self) -> int:
        """How many cells the author counts."""
        return max((number or 0 for number in self.by_index), default=0)


def defining_id(cell: Cell) -> str | None:
    """Of a line that calls a `handler`: the id of the cell that defines it."""
    metadata = (cell.get("metadata") or {}).get("flowkernel")
    calls = metadata.get("calls") if isinstance(metadata, Mapping) else None
    return calls if isinstance(calls, str) else None


def _is_own(cell: Cell) -> bool:
    """Whether it is code that its author could run, not what papermill adds."""
    tags = (cell.get("metadata") or {}).get("tags") or ()
    is_code = cell.get("cell_type") == "code" and bool(source_of(cell).strip())
    return is_code and INJECTED not in tags


def source_of(cell: Cell) -> str:
    """The source of a cell: files have it as text, or as a list of lines."""
    source = cell.get("source") or ""
    return source if isinstance(source, str) else "".join(source)


def first_line(source: str, limit: int = LINE_LENGTH) -> str:
    """The first line of a source that is not blank, cut; empty if there is none."""
    lines = (line.strip() for line in source.splitlines())
    return one_line(next(filter(None, lines), ""), limit)


def cell_text(number: int | None, count: int, line: str = "") -> str:
    """A cell in a sentence: "Cell 3 of 7 (df = load(day))".

    Args:
        number: None: the cell with the inputs.
        count: How many cells its author counts. The line of an only cell is left out.
        line: The first line of its source.
    """
    if number is None:
        return "The cell with the inputs"
    excerpt = one_line(line, SHOWN_LINE) if count > 1 else ""
    return f"Cell {number} of {count}" + (f" ({excerpt})" if excerpt else "")


def renumbered(traceback: str, numbers: Mapping[int, int | None]) -> str:
    """A traceback of IPython in which cells have the numbers of their author.

    A cell that is none of the notebook has no number, which would be that of another one: a
    person ran it in the parked kernel.

    >>> renumbered("Cell In[4], line 1", {4: 3})
    'Cell In[3], line 1'
    >>> renumbered("Cell In[5], line 1", {4: 3})
    'Cell In[attached], line 1'

    Args:
        traceback: Without colours.
        numbers: By the count of the kernel, which counts all that it runs.
    """

    def author_text(match: re.Match[str]) -> str:
        number = numbers.get(int(match[1]), ATTACHED)
        return f"Cell In[{'inputs' if number is None else number}]"

    return _KERNEL_COUNT.sub(author_text, traceback)
