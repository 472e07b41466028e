"""What people need of a run that failed: the cause, the cell, the traceback, what next. Pure.

Names, sources and errors are foreign text: they are escaped, and have no control sequences.
Without its styles, as on GitHub, the HTML still says everything in words.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape

from flowkernel.core.text import one_line, plain_text
from flowkernel.display.inline_styles import (
    CODE,
    MONO,
    SHADE,
    TEXT,
    without_blank_lines,
)
from flowkernel.display.next_step import NextStep

REASON = 300  #: Characters of the reason of a failure, inclusive.
BEGINNING = 40  #: Characters of a line by which it is recognized.
STEPS = 10  #: Runs of one chain that are shown, inclusive: the cause, and what failed for it.
#: The heading of a frame in a cell.
_FRAME = re.compile(r"^ *Cell In\[(?P<cell>\w+)\], line (?P<line>\d+).*$", re.MULTILINE)
#: The styles of the elements.
BOX = (
    f"{TEXT};line-height:1.5;padding:.3em 0 .3em .8em;overflow-wrap:anywhere;"
    "border-left:3px solid var(--jp-error-color1,#dd3b3b)"
)
PARAGRAPH = "margin:0 0 .3em"
TRACEBACK = (
    f"{MONO};font-size:var(--jp-code-font-size,13px);line-height:1.35;color:inherit;"
    f"margin:.2em 0 .5em;padding:.5em;max-height:24em;overflow:auto;white-space:pre;{SHADE}"
)
STEP_LIST = "margin:.3em 0 0;padding-left:1.3em"
SUMMARY = '<summary style="cursor:pointer">'


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedStep:
    """One run that failed: the cause, or what failed because of another one."""

    name: str
    outcome: str = "failed"  #: Of what its parent waited for it may be another one.
    reason: str = ""  #: "Cell 2 of 3: ValueError: no sales"
    source_line: str = ""  #: The first line of the cell; empty if there is none.
    traceback: str = ""  #: Without colours; its first frame is in the cell.

    @property
    def heading(self) -> str:
        """What failed, and why, as one line."""
        reason = one_line(self.reason, REASON) or "it gave no reason"
        return f"{one_line(self.name)!r} {self.outcome}: {reason}"

    @property
    def cell_line(self) -> str:
        """The line that failed, if the traceback has it; else by what line the cell is known.

        The heading may have the latter already: then there is none.
        """
        failed_line = line_in(self.traceback)
        if failed_line:
            return one_line(failed_line)
        line = one_line(self.source_line)
        if one_line(line, BEGINNING).rstrip("…") in self.heading:
            return ""
        return f"the cell begins with: {line}"


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureReport:
    """A run that failed, for people."""

    name: str
    steps: tuple[FailedStep, ...]  #: The cause first; the last one is the run itself.
    next_steps: tuple[NextStep, ...] = ()

    @property
    def consequence(self) -> str:
        """What failed because of the cause: "Because of it: 'month', 'quarter'."."""
        names = [repr(one_line(step.name)) for step in self.steps[1:]]
        return f"Because of it: {', '.join(names)}." if names else ""

    def text(self) -> str:
        """The report as plain text, without a newline at the end."""
        return "\n".join(_text_lines(self))

    def html(self) -> str:
        """The report as HTML."""
        label = escape(f"Run {one_line(self.name)}: why it failed")
        html = (
            f'<div class="jp-flowkernel-failure" role="group" aria-label="{label}" '
            f'style="{BOX}">{_step_html(self.steps[0], is_open=True)}'
            f"{_parents_html(self)}{_list_html(self.next_steps)}</div>"
        )
        return without_blank_lines(html)

    def bundle(self) -> dict[str, str]:
        """The MIME bundle of the report."""
        return {"text/html": self.html(), "text/plain": self.text()}


def line_in(traceback: str) -> str:
    """The line that failed: "line 4: total = numer / by"; empty if a traceback has none.

    It is in the cell of the first frame, not in a function that the cell calls; but in a
    `handler`, which has the number of the cell that calls it.
    """
    frames = list(_FRAME.finditer(traceback))
    own = [frame for frame in frames if frame["cell"] == frames[0]["cell"]]
    for frame in reversed(own):
        source = _source_line(traceback[frame.end() :], frame["line"])
        if source:
            return f"line {frame['line']}: {source}"
    return ""


def _source_line(text: str, number: str) -> str:
    """The line with a number, in the text below the heading of its frame."""
    pointed = re.match(rf"(?:\n[ \d].*)*\n-+> ?{number} +(\S.*)", text)
    quoted = pointed or re.match(r"\n {4}(\S.*)\n +\^", text)  # A syntax error.
    return quoted[1].strip() if quoted else ""


def _text_lines(report: FailureReport) -> Iterator[str]:
    first = report.steps[0]
    yield first.heading
    if first.cell_line:
        yield f"    {first.cell_line}"
    yield from (f"  {line}" for line in plain_text(first.traceback).splitlines())
    if report.consequence:
        yield report.consequence
    yield from (item.text for item in report.next_steps)


def _parents_html(report: FailureReport) -> str:
    """What failed because of the cause: one line, with their tracebacks folded in it."""
    parts = "".join(_parent_html(step) for step in report.steps[1:])
    text = escape(report.consequence)
    if not parts:
        return _paragraph(text) if text else ""
    return f"<details>{SUMMARY}{text}</summary>{parts}</details>"


def _parent_html(step: FailedStep) -> str:
    """Where a run failed because of another one; empty if its traceback is not known."""
    traceback = _traceback_html(step)
    return traceback and _paragraph(escape(one_line(step.name))) + traceback


def _step_html(step: FailedStep, *, is_open: bool = False) -> str:
    heading = f"<b>{escape(step.heading)}</b>"
    if step.cell_line:
        heading += f' <code style="{CODE}">{escape(step.cell_line)}</code>'
    traceback = _traceback_html(step)
    if not traceback:
        return _paragraph(heading)
    opening = f"<details{' open' * is_open}>"
    return f"{opening}{SUMMARY}{heading}</summary>{traceback}</details>"


def _traceback_html(step: FailedStep) -> str:
    text = plain_text(step.traceback).strip("\n")
    return f'<pre style="{TRACEBACK}">{escape(text)}</pre>' if text else ""


def _paragraph(html: str) -> str:
    return f'<p style="{PARAGRAPH}">{html}</p>'


def _list_html(next_steps: tuple[NextStep, ...]) -> str:
    items = "".join(f"<li>{item.html}</li>" for item in next_steps)
    return f'<ul style="{STEP_LIST}">{items}</ul>' if items else ""
