"""What commands print: sentences, tables, JSON."""

import json
import sys
from typing import Any

from flowkernel.core.models import Json
from flowkernel.core.text import for_encoding
from flowkernel.display.live_terminal import can_redraw, write
from flowkernel.display.table import Table, value_text


def say(text: str) -> None:
    """A sentence, or several lines."""
    write(text)


def note(text: str) -> None:
    """A sentence for the person only: beside what a program would read."""
    write(text, sys.stderr)


def say_json(value: Json) -> None:
    """One JSON value, in ASCII: every terminal and every program can read it."""
    print(json.dumps(value, indent=2))


def say_table(table: Table, *, empty: str = "There is nothing to list.") -> None:
    """A table that fits the terminal; in a pipe, with nothing cut off."""
    if not table.rows and not table.is_cut:
        note(empty)
    elif can_redraw(sys.stdout):
        _rich_table(table)
    else:
        say(table.text(widest=None))


def _rich_table(table: Table) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table as RichTable
    from rich.text import Text

    drawn = RichTable(box=SIMPLE_HEAD, pad_edge=False)
    encoding = sys.stdout.encoding
    for place, name in enumerate(table.columns):
        numbers = all(isinstance(row[place], int | float | None) for row in table.rows)
        drawn.add_column(
            Text(name), justify="right" if numbers else "left", overflow="fold"
        )
    for row in table.rows:
        drawn.add_row(*(Text(for_encoding(_value(value), encoding)) for value in row))
    Console(highlight=False).print(drawn)


def _value(value: Any) -> str:
    return value_text(value, None)
