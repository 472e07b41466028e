"""What commands print: sentences, tables, JSON."""

import json
import sys
from collections.abc import Mapping
from typing import Literal

from flowkernel.core.models import Json
from flowkernel.core.text import for_encoding
from flowkernel.display.live_terminal import can_redraw, write
from flowkernel.display.table import Table, value_text


def print_text(text: str) -> None:
    """Print a sentence, or several lines."""
    write(text)


def facts_text(facts: Mapping[str, object], width: int) -> str:
    """A line for each fact that is there: its title, in `width` columns, and the fact."""
    return "\n".join(
        f"{title + ':':<{width}} {fact}" for title, fact in facts.items() if fact
    )


def print_note(text: str) -> None:
    """Print a sentence for the person only, on standard error."""
    write(text, sys.stderr)


def print_json(value: Json) -> None:
    """Print one JSON value, in ASCII: every terminal and every program can read it."""
    print(json.dumps(value, indent=2))


def print_table(table: Table, *, empty: str = "There is nothing to list.") -> None:
    """Print a table: as wide as the terminal, or, in a pipe, with nothing cut off."""
    if not table.rows and not table.is_cut:
        print_note(empty)
    elif can_redraw(sys.stdout):
        _rich_table(table)
    else:
        print_text(table.text(widest=None))


def _rich_table(table: Table) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table as RichTable
    from rich.text import Text

    rich_table = RichTable(box=SIMPLE_HEAD, pad_edge=False)
    encoding = sys.stdout.encoding
    for index, name in enumerate(table.columns):
        is_number = all(
            isinstance(row[index], int | float | None) for row in table.rows
        )
        justify: Literal["left", "right"] = "right" if is_number else "left"
        rich_table.add_column(Text(name), justify=justify, overflow="fold")
    for row in table.rows:
        texts = (for_encoding(value_text(value, None), encoding) for value in row)
        rich_table.add_row(*(Text(text) for text in texts))
    Console(highlight=False).print(rich_table)
