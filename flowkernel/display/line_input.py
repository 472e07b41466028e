"""Where a person types lines: a terminal that edits them, one that can be polled, any other.

What edits lines, prompt_toolkit, is imported when the first question is asked: a command that
asks nothing does not wait for it.
"""

import select
import sys
import time
from getpass import getpass
from typing import TYPE_CHECKING, Protocol

from flowkernel.core.text import plain_text
from flowkernel.display.live_terminal import can_redraw, write
from flowkernel.forms.field_questions import Question, SteppedBack

if TYPE_CHECKING:
    from flowkernel.display.line_editor import LineEditor

LOOK_SECONDS = 0.1  #: Seconds between two polls for a line.


class LineInput(Protocol):
    """Where a person types lines.

    Both `ask` and `read` raise `SteppedBack` where Ctrl+C is known to mean the question, and
    `EOFError` where the input has ended.
    """

    #: Whether a text of several lines can be edited as a whole.
    edits_blocks: bool

    def ask(self, question: Question) -> str | None:
        """Show the question; return the line if this waits for it, else None."""

    def read(self) -> str | None:
        """The line that was typed, without its newline; None: not yet."""

    def stop(self) -> None:
        """Stop asking: the question is no longer open."""


class EditedInput:
    """A terminal on which lines are edited, with `$EDITOR` for texts of several lines."""

    edits_blocks = True

    def __init__(self) -> None:
        self._editor: LineEditor | None = None

    def ask(self, question: Question) -> str | None:
        """Show the question, and let a person answer it while this goes on."""
        from flowkernel.display.line_editor import LineEditor

        show_lines(question)
        self._editor = LineEditor(question)
        return None

    def read(self) -> str | None:
        """The answer, if it is there."""
        return self._editor.result() if self._editor is not None else None

    def stop(self) -> None:
        """Take the question away, and give the terminal back."""
        if self._editor is not None:
            self._editor.stop()
            self._editor = None


class TerminalInput:
    """A terminal that can be polled."""

    edits_blocks = False

    def ask(self, question: Question) -> str | None:
        """Show the question. For a secret, wait for the line, so that it is not echoed."""
        show_lines(question)
        if question.is_secret:
            return getpass(plain_text(question.text))
        sys.stdout.write(plain_text(question.text))
        sys.stdout.flush()
        return None

    def read(self) -> str | None:
        """The line, if one was typed."""
        ready, _, _ = select.select([sys.stdin], [], [], 0)
        if not ready:
            return None
        line = sys.stdin.readline()
        if not line:
            raise EOFError
        return line.removesuffix("\n")

    def stop(self) -> None:
        """Do nothing: what is typed from now on answers nothing."""


class BlockingInput:
    """Any place that has `input`, which waits for the line."""

    edits_blocks = False

    def ask(self, question: Question) -> str | None:
        """Show the question and wait for the line."""
        show_lines(question)
        text = plain_text(question.text)
        try:
            return getpass(text) if question.is_secret else input(text)
        except KeyboardInterrupt:
            raise SteppedBack from None

    def read(self) -> str | None:
        """None: `ask` has waited for the line."""
        return None

    def stop(self) -> None:
        """Do nothing: `ask` has waited for the line."""


class WaitingInput:
    """Another input, each of whose lines is waited for."""

    def __init__(self, lines: LineInput) -> None:
        self._lines = lines
        self.edits_blocks = lines.edits_blocks

    def ask(self, question: Question) -> str | None:
        """Show the question and wait for the line."""
        try:
            line = self._lines.ask(question)
            while line is None:
                time.sleep(LOOK_SECONDS)
                line = self._lines.read()
        except BaseException:  # An interrupt: the terminal is given back.
            self._lines.stop()
            raise
        return line

    def read(self) -> str | None:
        """None: `ask` has waited for the line."""
        return None

    def stop(self) -> None:
        """Stop asking."""
        self._lines.stop()


def show_lines(question: Question) -> None:
    """Write the lines above a question."""
    for line in question.lines_above:
        write(plain_text(line))


def lines_of(*, is_terminal: bool) -> LineInput:
    """The input of a terminal, or of anything else."""
    if not is_terminal:
        return BlockingInput()
    if can_redraw(sys.stdout) and sys.stdin.isatty():
        return EditedInput()
    # On Windows, only sockets can be polled.
    return TerminalInput() if sys.platform != "win32" else BlockingInput()
