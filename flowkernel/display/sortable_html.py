"""Tables in a notebook that a click on a heading sorts. Pure.

The HTML is a plain table. What sorts it stands on its elements, as their styles do: it needs no
network, no kernel and no widget, so a notebook that is opened again sorts as well. A page that
runs no scripts (an untrusted notebook, GitHub, Markdown) shows the table alone.
"""

import re
from collections.abc import Iterable, Sequence
from functools import cache
from html import escape
from importlib.resources import files
from typing import Any, Self

from flowkernel.display.inline_styles import without_blank_lines

#: Rows of a table that are in its HTML, inclusive; it scrolls.
HTML_ROWS = 1_000
BOX = "max-height:32em;overflow:auto"
LEFT = ' style="text-align:left"'
#: A key on a heading does what a click does.
ON_KEY = "if(event.key==='Enter'||event.key===' '){event.preventDefault();this.onclick(event)}"
#: A style sheet of the library that made a table; the page has its own for tables.
_SHEET = re.compile(r"<style\b[^>]*>.*?</style>\s*", re.DOTALL)
_FIRST_ROW = re.compile(r"<thead>.*?</tr>", re.DOTALL)
_HEADING = re.compile(r"(<th\b[^>]*>)(.*?)(</th>)", re.DOTALL)


class SortableText(str):
    """A text with the number by which it is sorted, such as that of a duration."""

    sort_key: float

    @classmethod
    def of(cls, text: str, sort_key: float) -> Self:
        """The text with its number."""
        value = cls(text)
        value.sort_key = sort_key
        return value


def table_html(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """A table whose headings can be clicked."""
    lines = list(rows)
    kinds = [_kind(line[place] for line in lines) for place in range(len(columns))]
    head = "".join(
        f'<th scope="col"{kind}>{escape(name)}</th>'
        for name, kind in zip(columns, kinds, strict=True)
    )
    body = "".join(f"<tr>{''.join(map(_cell, line, kinds))}</tr>" for line in lines)
    return sortable(
        f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    )


def sortable(html: str) -> str:
    """The HTML of a table, with what sorts it, and without style sheets."""
    table = _FIRST_ROW.sub(_with_buttons, _SHEET.sub("", html), count=1)
    script = f'onclick="{escape(_script())}" onkeydown="{escape(ON_KEY)}"'
    box = f'<div class="jp-flowkernel-table" style="{BOX}" {script}>{table}</div>'
    return without_blank_lines(box)


def _with_buttons(row: re.Match[str]) -> str:
    return _HEADING.sub(_with_button, row[0])


def _with_button(heading: re.Match[str]) -> str:
    """A heading as a button, for a mouse, for the keyboard and for who listens."""
    text, label = heading[2], ""
    if not text.strip():  # That of the numbers of the rows of a frame.
        text, label = "&nbsp;", ' aria-label="row"'
    button = (
        f'<span role="button" tabindex="0"{label} title="Sort" style="cursor:pointer">'
    )
    return f"{heading[1]}{button}{text}</span>{heading[3]}"


def _kind(values: Iterable[Any]) -> str:
    """The style of a column of texts, which begin at its left; else nothing."""
    is_text = any(
        isinstance(value, str) and value and not isinstance(value, SortableText)
        for value in values
    )
    return LEFT if is_text else ""


def _cell(value: Any, kind: str) -> str:
    text = "" if value is None else escape(str(value))
    if isinstance(value, SortableText):
        return f'<td data-key="{value.sort_key!r}"{kind}>{text}</td>'
    return f"<td{kind}>{text}</td>"


@cache
def _script() -> str:
    text = files("flowkernel.display").joinpath("sort_table.js").read_text("utf-8")
    return " ".join(line.strip() for line in text.splitlines())
