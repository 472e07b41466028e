"""A tree as HTML: for the widget while it runs, and for the saved notebook. Pure.

Names, errors and log lines are foreign text, so everything is escaped. Without its style (in
an untrusted notebook) it is a nested list that still says everything in words.
"""

from collections.abc import Iterator
from datetime import datetime
from html import escape

from flowkernel.core import clock
from flowkernel.core.clock import short_id
from flowkernel.core.status import ExecutionStatus
from flowkernel.core.text import one_line
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
#: Selectors name the class twice to win over JupyterLab's rules for lists in an output.
STYLE = """
.jp-flowkernel-tree{font-family:var(--jp-ui-font-family,system-ui,sans-serif);
font-size:var(--jp-ui-font-size1,13px);line-height:1.6;overflow-x:auto;
color:var(--jp-content-font-color1,inherit);font-variant-numeric:tabular-nums}
.jp-flowkernel-tree.jp-flowkernel-tree ul[role]{list-style:none;margin:0 0 0 .55em;
padding:0 0 0 .9em;border-left:1px solid var(--jp-border-color2,#8886)}
.jp-flowkernel-tree.jp-flowkernel-tree>ul[role]{margin:0;padding:0;border:0}
.jp-flowkernel-tree.jp-flowkernel-tree li[role]{margin:0;white-space:nowrap}
.jp-flowkernel-tree b{font-weight:600}
.jp-flowkernel-tree span{margin-left:.75em}
.jp-flowkernel-tree i{font-style:normal;display:inline-block;width:1.4em;text-align:center}
.jp-flowkernel-quiet{color:var(--jp-content-font-color2,inherit)}
.jp-flowkernel-detail{font-family:var(--jp-code-font-family,monospace);font-size:.92em}
.jp-flowkernel-tree progress{margin-left:.75em;width:7em;height:.7em;vertical-align:middle;
accent-color:var(--jp-brand-color1,#2f86d6)}
""".replace("\n", "")


def tree_html(tree: Tree, *, now: datetime | None = None) -> str:
    """The whole tree, with its style."""
    execution = tree.execution
    label = escape(f"Run {one_line(execution.name)}: {status_text(execution)}")
    items = "".join(_items(tree.lines(now=now)))
    return (
        f'<div class="jp-flowkernel-tree" data-execution="{escape(tree.execution_id)}">'
        f'<style>{STYLE}</style><ul role="tree" aria-label="{label}">{items}</ul>'
        f"{_moment_html(tree, now or clock.now())}</div>"
    )


def moment_text(tree: Tree, now: datetime) -> str:
    """As of when a run is under way, for who reads it later; empty once it has ended."""
    if tree.is_over:
        return ""
    command = f"%execution {short_id(tree.execution_id)}"
    return f"As of {now.astimezone():%H:%M:%S}. {command} shows it as it is now."


def _moment_html(tree: Tree, now: datetime) -> str:
    text = moment_text(tree, now)
    return f'<div class="jp-flowkernel-quiet">{escape(text)}</div>' if text else ""


def _items(lines: list[TreeLine]) -> Iterator[str]:
    """Nested lists from lines that only know their depth."""
    depth = -1
    for line in lines:
        if line.depth > depth >= 0:
            yield '<ul role="group">'
        elif depth >= 0:
            yield "</li>" + "</ul></li>" * (depth - line.depth)
        depth = line.depth
        yield f'<li role="treeitem" aria-level="{depth + 1}">{_line(line)}'
    yield "</li>" + "</ul></li>" * depth


def _line(line: TreeLine) -> str:
    if line.status is None:
        return (
            f'<span class="jp-flowkernel-quiet">{line.mark} {escape(line.title)}</span>'
        )
    parts = [
        f'<i aria-hidden="true" style="color:{COLOURS[line.status]}">{line.mark}</i>',
        f"<b>{escape(line.title)}</b>",
        f'<span class="jp-flowkernel-status">{escape(line.label)}</span>',
        _span("jp-flowkernel-quiet", line.duration),
        _progress(line),
        _span("jp-flowkernel-quiet", line.progress),
        _span("jp-flowkernel-detail", line.detail),
    ]
    return " ".join(filter(None, parts))  # Blanks, so that copied text has them too.


def _span(name: str, text: str) -> str:
    return f'<span class="{name}">{escape(text)}</span>' if text else ""


def _progress(line: TreeLine) -> str:
    if line.cells_ended is None or line.cell_count is None:
        return ""
    value = min(line.cells_ended, line.cell_count)
    label = escape(f"Cells of {line.title}")
    numbers = f'max="{line.cell_count}" value="{value}"'
    return f'<progress {numbers} aria-label="{label}"></progress>'
