"""The tree in a terminal: redrawn in place if possible, else printed at the end."""

import os
import sys
from typing import TYPE_CHECKING, TextIO

from flowkernel.core.status import ExecutionStatus
from flowkernel.core.text import for_encoding, plain_text
from flowkernel.display.tree import Tree

if TYPE_CHECKING:
    from rich.live import Live
    from rich.text import Text

S = ExecutionStatus
STYLES = {
    S.RUNNING: "cyan",
    S.WAITING: "cyan",
    S.PAUSED: "yellow",
    S.ENDED_SUCCESS: "green",
    S.ENDED_ERROR: "bold red",
    S.ENDED_CANCELLED: "yellow",
}


def can_redraw(stream: TextIO) -> bool:
    """Whether it is a terminal that can move its cursor up."""
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def write(text: str, stream: TextIO | None = None) -> None:
    """Write a line without control sequences, in characters that the stream can encode.

    What a flow says of itself may be in any sentence: a name, a label, an error.
    """
    write_marked(plain_text(text), stream)


def write_marked(text: str, stream: TextIO | None = None) -> None:
    """The same for a text with control sequences of our own; all else in it is plain."""
    stream = stream or sys.stdout
    stream.write(for_encoding(text, stream.encoding) + "\n")
    stream.flush()


class FinalText:
    """Writes the tree once, at the end."""

    def __init__(self, stream: TextIO | None = None, *, is_whole: bool = False) -> None:
        """`is_whole`: the last tree has a line for each execution, and whole texts."""
        self._stream = stream or sys.stdout
        self._is_whole = is_whole

    def show(self, tree: Tree) -> None:
        """Do nothing: the tree is written at the end."""

    def pause(self) -> None:
        """Do nothing: nothing is drawn."""

    def finish(self, tree: Tree) -> None:
        """Write the tree."""
        write(tree.text(is_whole=self._is_whole), self._stream)


class LiveText(FinalText):
    """Redraws the tree in place."""

    def __init__(self, stream: TextIO | None = None, *, is_whole: bool = False) -> None:
        super().__init__(stream, is_whole=is_whole)
        self._live: Live | None = None

    def show(self, tree: Tree) -> None:
        """Draw it over the last drawing."""
        if self._live is None:
            from rich.console import Console
            from rich.live import Live

            self._live = Live(
                console=Console(file=self._stream, highlight=False),
                auto_refresh=False,
                transient=True,
                redirect_stdout=False,
                redirect_stderr=False,
            )
            self._live.start()
        self._live.update(styled_tree(tree, self._stream.encoding), refresh=True)

    def pause(self) -> None:
        """Remove the drawing."""
        if self._live is not None:
            self._live.stop()
            self._live = None

    def finish(self, tree: Tree) -> None:
        """Draw it for the last time; it stays on the screen."""
        self.pause()
        from rich.console import Console

        console = Console(file=self._stream, highlight=False)
        text = styled_tree(tree, self._stream.encoding, is_whole=self._is_whole)
        console.print(text, soft_wrap=True)


def styled_tree(tree: Tree, encoding: str | None, *, is_whole: bool = False) -> "Text":
    """The tree with colours, for rich; each line of it is one line of the terminal."""
    from rich.text import Text

    text = Text(no_wrap=True, overflow="ellipsis")
    for place, line in enumerate(tree.lines(is_whole=is_whole)):
        if place:
            text.append("\n")
        text_part = line.text[len(line.branch) + len(line.mark) :]
        text.append(for_encoding(line.branch, encoding), "dim")
        text.append(
            for_encoding(line.mark, encoding), STYLES.get(line.status or S.PENDING)
        )
        text.append(for_encoding(text_part, encoding), "" if line.status else "dim")
    return text


def make_display(stream: TextIO | None = None) -> FinalText:
    """The best display for a stream. Default: the stream that `print` writes to."""
    stream = stream or sys.stdout
    return LiveText(stream) if can_redraw(stream) else FinalText(stream)
