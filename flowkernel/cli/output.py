"""What commands print: sentences, tables, JSON, CSV."""

import csv
import json
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import Enum
from typing import TYPE_CHECKING, Any, Literal

from flowkernel.core.errors import BadArgument
from flowkernel.core.models import Json
from flowkernel.core.status import LABELS
from flowkernel.core.text import for_encoding, plain_text
from flowkernel.display.columns import ShowMoment, brief_moment_text, moment_text
from flowkernel.display.live_terminal import STYLES, can_redraw, write, write_marked
from flowkernel.display.table import GAP, NARROW, Table, value_text

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text


class OutputForm(Enum):
    """How a command prints what it has read."""

    TEXT = "text"  #: For people.
    JSON = "JSON"
    CSV = "CSV"  #: Comma-separated values, the names in the first line.

    @classmethod
    def of(cls, *, json: bool, csv: bool) -> "OutputForm":
        """The one that the options of a command mean.

        Raises:
            BadArgument: Both options are there.
        """
        if json and csv:
            raise BadArgument("--json and --csv exclude each other. Leave one out.")
        return cls.JSON if json else cls.CSV if csv else cls.TEXT


def print_text(text: str) -> None:
    """Print a sentence, or several lines."""
    write(text)


def print_marked(text: str) -> None:
    """The same with control sequences of our own, such as links; all else in it is plain."""
    write_marked(text)


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


def print_code(source: str, language: str = "python") -> None:
    """Print the source of a program, or a `diff`; on a terminal in colours."""
    if not can_redraw(sys.stdout):
        write(source)
        return
    from rich.syntax import Syntax

    text = for_encoding(plain_text(source), sys.stdout.encoding)
    syntax = Syntax(text, language, theme="ansi_dark", background_color="default")
    _console().print(syntax, soft_wrap=True)


def print_csv(names: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Print comma-separated values, in a locale of any encoding."""
    print_rows([names])
    print_rows(rows)


def print_rows(rows: Iterable[Sequence[Any]]) -> None:
    """Print rows of comma-separated values."""
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerows(map(_csv_value, row) for row in rows)


def _csv_value(value: Any) -> Any:
    """Objects and lists as JSON; all else as Python writes it, and nothing for None.

    A program gets all of a text; a terminal gets it without control sequences.
    """
    if isinstance(value, str) and sys.stdout.isatty():
        return plain_text(value)
    return json.dumps(value) if isinstance(value, dict | list) else value


def print_records(
    records: Sequence[Mapping[str, Json]], form: OutputForm, names: Sequence[str]
) -> None:
    """Print records for programs. `names`: the columns of the CSV."""
    if form is OutputForm.JSON:
        print_json([*records])
    else:
        print_csv(names, ([record.get(name) for name in names] for record in records))


def print_record(
    record: Mapping[str, Json], form: OutputForm, names: Sequence[str]
) -> None:
    """Print one record for programs. `names`: the columns of the CSV."""
    if form is OutputForm.JSON:
        print_json(record)
    else:
        print_records([record], form, names)


def print_table(table: Table, *, empty: str = "There is nothing to list.") -> None:
    """Print a table whole: on a terminal its values wrap where it is not wide enough."""
    if not table.rows and not table.is_cut:
        print_note(empty)
    elif can_redraw(sys.stdout):
        _print_rich(table, is_whole=True)
    else:
        print_text(table.text(widest=None))


def print_list(
    make_table: Callable[[ShowMoment], Table], optional: Sequence[str], *, empty: str
) -> None:
    """Print a list: on a terminal each row is one line of it, in a pipe nothing is cut off.

    Args:
        make_table: The table, with its moments shown so.
        optional: Columns that are left out where the terminal is too narrow, the first first.
    """
    is_terminal = can_redraw(sys.stdout)
    table = make_table(brief_moment_text if is_terminal else moment_text)
    if not table.rows:
        print_note(empty)
    elif is_terminal:
        table = table.fitted(_console().width, optional)
        _print_rich(table, is_whole=False)
    else:
        print_text(table.text(widest=None))


def terminal_columns() -> int:
    """How wide the terminal is."""
    return _console().width


def _console() -> "Console":
    from rich.console import Console

    return Console(highlight=False)


def _print_rich(table: Table, *, is_whole: bool) -> None:
    """Print a table with rich. `is_whole`: values wrap; else the widest ones are cut."""
    from rich.table import Table as RichTable

    rich_table = RichTable(
        box=None, pad_edge=False, padding=(0, GAP, 0, 0), header_style="bold"
    )
    texts = [[value_text(value, None) for value in row] for row in table.rows]
    for place, name in enumerate(table.columns):
        widest = max([len(name), *(len(row[place]) for row in texts)])
        rich_table.add_column(
            _styled(value_text(name, None), is_whole=is_whole),
            justify=_justify(table, place),
            overflow="fold",
            no_wrap=widest <= NARROW and not is_whole,
        )
    for row in texts:
        rich_table.add_row(*(_styled(text, is_whole=is_whole) for text in row))
    _console().print(rich_table)


def _justify(table: Table, place: int) -> Literal["left", "right"]:
    numbers = (isinstance(row[place], int | float | None) for row in table.rows)
    return "right" if all(numbers) else "left"


#: How the word for a status is drawn in a list.
_STATUS_STYLES = {LABELS[status]: style for status, style in STYLES.items()}


def _styled(text: str, *, is_whole: bool) -> "Text":
    from rich.text import Text

    return Text(
        for_encoding(text, sys.stdout.encoding),
        style=_STATUS_STYLES.get(text.partition(",")[0], ""),
        no_wrap=None if is_whole else True,
        overflow=None if is_whole else "ellipsis",
    )
