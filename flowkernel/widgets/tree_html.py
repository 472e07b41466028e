"""A tree as HTML: for the widget while it runs, and for the saved notebook. Pure.

Names, errors and log lines are foreign text, so everything is escaped. Without its styles (on
GitHub, in Markdown) it is a nested list that still says everything in words.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from html import escape

from flowkernel.core import clock
from flowkernel.core.clock import short_id
from flowkernel.core.status import ExecutionStatus
from flowkernel.core.text import one_line
from flowkernel.display.inline_styles import MONO, QUIET, TEXT, without_blank_lines
from flowkernel.display.next_step import NextStep, steps_html
from flowkernel.display.outcome_text import status_text
from flowkernel.display.tree import Tree, TreeLine

S = ExecutionStatus
#: Colours of the marks; the words beside them have the colour of text. The second colour of
#: each is for pages without JupyterLab's colours: it can be seen on white and on black.
COLOURS = {
    S.PENDING: "var(--jp-ui-font-color2, #808080)",
    S.QUEUED: "var(--jp-ui-font-color2, #808080)",
    S.RUNNING: "var(--jp-brand-color1, #2f86d6)",
    S.WAITING: "var(--jp-brand-color1, #2f86d6)",
    S.PAUSED: "var(--jp-warn-color1, #c77700)",
    S.ENDED_SUCCESS: "var(--jp-success-color1, #2e9a4a)",
    S.ENDED_ERROR: "var(--jp-error-color1, #dd3b3b)",
    S.ENDED_CANCELLED: "var(--jp-warn-color1, #c77700)",
}
#: The styles of the elements.
#: It is never wider than its place, which a widget would let it be.
TREE = (
    f"{TEXT};line-height:1.6;overflow-x:auto;width:0;min-width:100%;"
    "font-variant-numeric:tabular-nums"
)
TOP_LIST = "list-style:none;margin:0;padding:0"
LIST = (
    "list-style:none;margin:0 0 0 .55em;padding:0 0 0 .9em;"
    "border-left:1px solid var(--jp-border-color2,#8886)"
)
#: What does not fit ends with an ellipsis; deep in a tree the page scrolls instead.
LINE = "overflow:hidden;text-overflow:ellipsis;white-space:nowrap;min-width:20em"
MARK = "font-style:normal;display:inline-block;width:1.4em;text-align:center"
APART = "margin-left:.75em"
BAR = (
    f"{APART};width:7em;height:.7em;vertical-align:middle;"
    "accent-color:var(--jp-brand-color1,#2f86d6)"
)


def tree_html(
    tree: Tree, *, steps: Sequence[NextStep] = (), now: datetime | None = None
) -> str:
    """The whole tree. `steps`: what is said below it."""
    execution = tree.execution
    label = escape(f"Run {one_line(execution.name)}: {status_text(execution)}")
    items = "".join(_items(tree.lines(now=now)))
    html = (
        f'<div class="jp-flowkernel-tree" data-execution="{escape(tree.execution_id)}" '
        f'style="{TREE}"><ul role="tree" aria-label="{label}" style="{TOP_LIST}">{items}'
        f"</ul>{_quiet(escape(moment_text(tree, now or clock.now())))}"
        f"{_quiet(steps_html(steps))}</div>"
    )
    return without_blank_lines(html)


def moment_text(tree: Tree, now: datetime) -> str:
    """As of when a run is under way, for who reads it later; empty once it has ended."""
    if tree.is_over:
        return ""
    command = f"%execution {short_id(tree.execution_id)}"
    moment = f"{now.astimezone():%Y-%m-%d %H:%M:%S}"
    return f"As of {moment}. {command} shows it as it is now."


def _quiet(html: str) -> str:
    return f'<div style="{QUIET}">{html}</div>' if html else ""


def _items(lines: list[TreeLine]) -> Iterator[str]:
    """Nested lists from lines that only know their depth."""
    depth = -1
    for line in lines:
        if line.depth > depth >= 0:
            yield f'<ul role="group" style="{LIST}">'
        elif depth >= 0:
            yield "</li>" + "</ul></li>" * (depth - line.depth)
        depth = line.depth
        yield (
            f'<li role="treeitem" aria-level="{depth + 1}" style="margin:0">'
            f'<div style="{LINE}">{_line(line)}</div>'
        )
    yield "</li>" + "</ul></li>" * depth


def _line(line: TreeLine) -> str:
    if line.status is None:
        return _span(QUIET, f"{line.mark} {line.title}")
    colour = COLOURS[line.status]
    parts = [
        f'<i aria-hidden="true" style="{MARK};color:{colour}">{line.mark}</i>',
        f"<b>{escape(line.title)}</b>",
        f'<span class="jp-flowkernel-status" style="{APART}">{escape(line.label)}</span>',
        _span(QUIET, line.duration),
        _progress(line),
        _span(QUIET, line.progress),
        _span(f"{MONO};font-size:.92em", line.detail, title=line.detail),
    ]
    return " ".join(filter(None, parts))  # Blanks, so that copied text has them too.


def _span(style: str, text: str, *, title: str = "") -> str:
    """`title`: what is shown when the mouse points at it, for it may be cut."""
    words = f' title="{escape(title)}"' if title else ""
    html = f'<span style="{APART};{style}"{words}>{escape(text)}</span>'
    return html if text else ""


def _progress(line: TreeLine) -> str:
    if line.cells_ended is None or line.cell_count is None:
        return ""
    value = min(line.cells_ended, line.cell_count)
    label = escape(f"Cells of {line.title}")
    numbers = f'max="{line.cell_count}" value="{value}"'
    return f'<progress {numbers} aria-label="{label}" style="{BAR}"></progress>'
