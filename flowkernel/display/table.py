"""Rows with named columns, for people: as text, and as HTML in notebooks. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from html import escape
from typing import Any

from flowkernel.core.json_values import is_number
from flowkernel.core.text import one_line, text_width
from flowkernel.display.sortable_html import HTML_ROWS, table_html

SHOWN_ROWS = 50  #: Rows that are shown of a table, inclusive; `rows` has all of them.
WIDEST = 60  #: Characters that are shown of one value, inclusive.
#: Columns of a terminal that a value keeps, inclusive; what is wider may be cut to them.
NARROW = 20
GAP = 2  #: Spaces between two columns.


@dataclass(frozen=True)
class Table:
    """The result of an SQL query, or a list for people. Iterates over its rows."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    is_cut: bool = False  #: The query has more rows than the engine returns.
    empty: str = ""  #: A sentence that is shown instead of no rows.

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        return iter(self.rows)

    def to_dicts(self) -> list[dict[str, Any]]:
        """Each row as a dict, by the names of its columns."""
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]

    def text(self, *, widest: int | None = WIDEST, rows: int | None = None) -> str:
        """The table as text with aligned columns, numbers to the right.

        Args:
            widest: Characters of one value, inclusive; None: no limit.
            rows: How many rows are shown; None: all.
        """
        if self.empty and not self.rows:
            return self.empty
        visible = self.rows[:rows]
        cells = [[value_text(value, widest) for value in row] for row in visible]
        names = [value_text(name, None) for name in self.columns]
        widths = _widths(names, cells)
        is_right = [_are_numbers(visible, place) for place in range(len(names))]
        line = partial(_aligned, widths=widths, is_right=is_right)
        lines = [line(names), "  ".join("-" * width for width in widths)]
        lines += [line(row) for row in cells]
        return "\n".join([*lines, *self._notes(len(visible))])

    def fitted(self, width: int, optional: Sequence[str]) -> "Table":
        """The table without those of some columns that a terminal has no room for.

        Args:
            width: Columns of the terminal.
            optional: The names of the columns, the first to be left out first.
        """
        table = self
        for name in filter(self.columns.__contains__, optional):
            if table.narrowest <= width:
                break
            table = table.without(name)
        return table

    @property
    def narrowest(self) -> int:
        """Columns of a terminal that it takes, with each value cut to `NARROW`."""
        cells = [[value_text(value) for value in row] for row in self.rows]
        widths = _widths(self.columns, cells)
        return sum(min(width, NARROW) + GAP for width in widths) - GAP

    def without(self, name: str) -> "Table":
        """The table without one column."""
        place = self.columns.index(name)
        rows = tuple((*row[:place], *row[place + 1 :]) for row in self.rows)
        columns = (*self.columns[:place], *self.columns[place + 1 :])
        return replace(self, columns=columns, rows=rows)

    def _notes(self, count: int) -> list[str]:
        notes = []
        if count < len(self.rows):
            notes.append(f"({count} of {len(self.rows):,} rows shown)")
        if self.is_cut:
            notes.append(cut_note(len(self.rows)))
        return notes

    def __repr__(self) -> str:
        return self.text(rows=SHOWN_ROWS)

    def _repr_html_(self) -> str:
        if self.empty and not self.rows:
            return f"<p>{escape(self.empty)}</p>"
        visible = self.rows[:HTML_ROWS]
        notes = "".join(f"<p>{note}</p>" for note in self._notes(len(visible)))
        return table_html(self.columns, visible) + notes


def _aligned(
    parts: Sequence[str], widths: Sequence[int], is_right: Sequence[bool]
) -> str:
    """The parts as one line: numbers to the right, everything else to the left."""
    padded = (
        _padded(part, width, is_right=right)
        for part, width, right in zip(parts, widths, is_right, strict=True)
    )
    return (" " * GAP).join(padded).rstrip()


def _padded(part: str, width: int, *, is_right: bool) -> str:
    space = " " * (width - text_width(part))
    return space + part if is_right else part + space


def _widths(names: Sequence[str], cells: Sequence[Sequence[str]]) -> list[int]:
    """How wide each column is."""
    return [
        max([text_width(name), *(text_width(row[place]) for row in cells)])
        for place, name in enumerate(names)
    ]


def cut_note(rows: int) -> str:
    """The note below a table that is cut."""
    return f"(cut at {rows:,} rows: the query has more; ask for fewer with LIMIT)"


def value_text(value: Any, widest: int | None = WIDEST) -> str:
    """A value as one line of text; empty for None."""
    return one_line(_text(value), widest)


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def _are_numbers(rows: Sequence[Sequence[Any]], place: int) -> bool:
    values = [row[place] for row in rows if row[place] is not None]
    return bool(values) and all(map(is_number, values))
