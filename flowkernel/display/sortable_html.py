"""Tables in a notebook that a click on a heading sorts. Pure.

The HTML is a plain table. A script makes buttons of its headings, where the page runs scripts:
that of an untrusted notebook does not, and shows the table alone. It needs no network, no
kernel and no widget, so a notebook that is opened again sorts as well.
"""

from collections.abc import Iterable, Sequence
from functools import cache
from html import escape
from importlib.resources import files
from typing import Any, Self

#: Rows of a table that are in its HTML, inclusive; it scrolls.
HTML_ROWS = 1_000
STYLE = """
.jp-flowkernel-table{max-height:32em;overflow:auto}
.jp-flowkernel-table.jp-flowkernel-table .jp-flowkernel-text{text-align:left}
.jp-flowkernel-table th button{all:unset;cursor:pointer;font:inherit;color:inherit}
.jp-flowkernel-table th button:focus-visible{outline:2px solid var(--jp-brand-color1,#2f86d6);
outline-offset:2px}
.jp-flowkernel-table th button:hover{text-decoration:underline}
""".replace("\n", "")


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
    """The HTML of a table, with what sorts it."""
    return (
        f'<div class="jp-flowkernel-table"><style>{STYLE}</style>{html}</div>'
        f"<script>{_script()}</script>"
    )


def _kind(values: Iterable[Any]) -> str:
    """The attribute of a column of texts, which begin at its left; else nothing."""
    is_text = any(
        isinstance(value, str) and not isinstance(value, SortableText)
        for value in values
    )
    return ' class="jp-flowkernel-text"' if is_text else ""


def _cell(value: Any, kind: str) -> str:
    text = "" if value is None else escape(str(value))
    if isinstance(value, SortableText):
        return f'<td data-key="{value.sort_key!r}"{kind}>{text}</td>'
    return f"<td{kind}>{text}</td>"


@cache
def _script() -> str:
    text = files("flowkernel.display").joinpath("sort_table.js").read_text("utf-8")
    return " ".join(line.strip() for line in text.splitlines())
