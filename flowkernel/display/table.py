"""Rows with named columns, for people: as text, and as HTML in a notebook. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from flowkernel.core.text import one_line

SHOWN_ROWS = 50  #: Of a table in a notebook, inclusive. All are there in `rows`.
WIDEST = 60  #: Characters of one value as text, inclusive.


@dataclass(frozen=True)
class Table:
    """What a question in SQL answered, or a list for people."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    is_cut: bool = False  #: There were more rows than the engine gives.

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        return iter(self.rows)

    def to_dicts(self) -> list[dict[str, Any]]:
        """The rows by the names of their columns."""
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]

    def text(self, *, widest: int | None = WIDEST, rows: int | None = None) -> str:
        """Columns one below the other, numbers to the right."""
        shown = self.rows[:rows]
        cells = [[shown_value(value, widest) for value in row] for row in shown]
        widths = [
            max([len(name), *(len(row[place]) for row in cells)])
            for place, name in enumerate(self.columns)
        ]
        is_number = [_are_numbers(shown, place) for place in range(len(self.columns))]

        def line(parts: Sequence[str]) -> str:
            padded = (
                part.rjust(width) if right else part.ljust(width)
                for part, width, right in zip(parts, widths, is_number, strict=True)
            )
            return "  ".join(padded).rstrip()

        lines = [line(self.columns), "  ".join("-" * width for width in widths)]
        lines += [line(row) for row in cells]
        return "\n".join([*lines, *self._notes(len(shown))])

    def _notes(self, shown: int) -> list[str]:
        notes = []
        if shown < len(self.rows):
            notes.append(f"({shown} of {len(self.rows):,} rows shown)")
        if self.is_cut:
            notes.append(cut_note(len(self.rows)))
        return notes

    def __repr__(self) -> str:
        return self.text(rows=SHOWN_ROWS)

    def _repr_html_(self) -> str:
        head = "".join(f"<th>{escape(name)}</th>" for name in self.columns)
        body = "".join(
            "<tr>"
            + "".join(f"<td>{escape(_whole(value))}</td>" for value in row)
            + "</tr>"
            for row in self.rows[:SHOWN_ROWS]
        )
        notes = "".join(
            f"<p>{note}</p>" for note in self._notes(min(len(self), SHOWN_ROWS))
        )
        return (
            f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{notes}"
        )


def cut_note(rows: int) -> str:
    """That there was more."""
    return f"(cut at {rows:,} rows: the question has more; ask for fewer with LIMIT)"


def shown_value(value: Any, widest: int | None = WIDEST) -> str:
    """A value in one line; nothing for None."""
    whole = _whole(value)
    return one_line(whole, widest or max(len(whole), 1))


def _whole(value: Any) -> str:
    return "" if value is None else str(value)


def _are_numbers(rows: Sequence[Sequence[Any]], place: int) -> bool:
    values = [row[place] for row in rows if row[place] is not None]
    return bool(values) and all(
        isinstance(value, int | float) and not isinstance(value, bool)
        for value in values
    )
