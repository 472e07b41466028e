"""Prompts line by line, while the tree of their execution is followed.

On a terminal, input is polled: an answer from elsewhere ends the question. Where it cannot be
polled (a notebook without widgets), the question blocks until a line is typed.
"""

import select
import sys
from collections.abc import Callable
from getpass import getpass
from typing import Protocol

from flowkernel.core.clock import short_id
from flowkernel.core.errors import BadAnswer, FlowkernelError
from flowkernel.core.message_projection import pressed_button, why_not_open
from flowkernel.core.models import Json, Message
from flowkernel.core.status import MessageStatus
from flowkernel.core.text import one_line, plain_text
from flowkernel.display.live_terminal import write
from flowkernel.forms.dialogue import Dialogue, Question, form_dialogue
from flowkernel.forms.form import Form

Answer = Callable[[str, dict[str, Json]], dict[str, Json]]
LOOK_SECONDS = 0.1  #: Seconds between two polls for a line.


class LineInput(Protocol):
    """Where a person types lines."""

    def ask(self, question: Question) -> str | None:
        """Show the question; return the line if this waits for it, else None."""

    def read(self) -> str | None:
        """The line that was typed, without its newline; None: not yet.

        Raises:
            EOFError: The input has ended.
        """


class TerminalInput:
    """A terminal that can be polled."""

    def ask(self, question: Question) -> str | None:
        """Show the question. For a secret, wait for the line, so that it is not echoed."""
        for line in question.lines_above:
            write(plain_text(line))
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


class BlockingInput:
    """Any place that has `input`, which waits for the line."""

    def ask(self, question: Question) -> str | None:
        """Show the question and wait for the line."""
        for line in question.lines_above:
            write(plain_text(line))
        text = plain_text(question.text)
        return getpass(text) if question.is_secret else input(text)

    def read(self) -> str | None:
        """None: `ask` has waited for the line."""
        return None


class TerminalPrompts:
    """Asks one message after the other; a `Prompter` of `client.open_prompts`."""

    every = LOOK_SECONDS

    def __init__(
        self, answer: Answer, lines: LineInput, *, make_room: Callable[[], None]
    ) -> None:
        self._answer = answer
        self._lines = lines
        self._make_room = make_room
        self._pending: list[Message] = []
        self._known: dict[str, Message] = {}
        self._message: Message | None = None
        self._dialogue: Dialogue | None = None

    def wait_with(self, lines: LineInput) -> None:
        """Read lines from another place from now on."""
        self._lines = lines

    # -- a prompter ----------------------------------------------------------------------

    def open(self) -> None:
        """Do nothing: lines need no place."""

    def ask(self, message: Message) -> None:
        """Ask it after those before it; ask it again if its form has changed."""
        previous = self._known.get(message.message_id)
        if previous is not None and previous.body == message.body:
            return
        self._known[message.message_id] = message
        self._remove(message)
        if self._message and self._message.message_id == message.message_id:
            self._clear()
        self._pending.append(message)

    def close(self, message: Message) -> None:
        """Do not ask it, or stop asking it: it no longer waits for an answer."""
        self._remove(message)
        if self._message and self._message.message_id == message.message_id:
            write("\n" + why_not_open(message))
            self._clear()

    def _remove(self, message: Message) -> None:
        self._pending = [
            item for item in self._pending if item.message_id != message.message_id
        ]

    def poll(self) -> bool:
        """Continue with the open question; whether there is one."""
        while True:
            while self._message is None and self._pending:
                self._begin(self._pending.pop(0))
            if self._message is None:
                return False
            try:
                line = self._lines.read()
            except EOFError:
                self._leave()
                continue
            if line is None:
                return True
            self._continue(line)

    def finish(self) -> None:
        """Leave the message open."""
        if self._message is not None:
            self._leave()

    # -- a dialogue ----------------------------------------------------------------------

    def _begin(self, message: Message) -> None:
        self._make_room()
        self._message = message
        write(f"\n{one_line(message.subject)}\n")
        if message.message:
            write(plain_text(message.message) + "\n")
        self._start(message)

    def _start(self, message: Message) -> None:
        self._dialogue = form_dialogue(Form.of(message.body))
        self._continue(self._put(next(self._dialogue)))

    def _put(self, question: Question) -> str | None:
        """Show a question; the line, if that waited for it."""
        try:
            return self._lines.ask(question)
        except EOFError:
            self._leave()
            return None

    def _continue(self, line: str | None) -> None:
        while line is not None and self._dialogue is not None:
            try:
                question = self._dialogue.send(line)
            except StopIteration as end:
                self._send(end.value)
                return
            line = self._put(question)

    def _send(self, response: dict[str, Json] | None) -> None:
        message = self._message
        assert message is not None
        if response is None:
            self._leave()
            return
        try:
            record = self._answer(message.message_id, response)
        except BadAnswer as error:
            write(str(error))
            self._start(message)
        except FlowkernelError as error:  # Another answer was first.
            write(plain_text(str(error)))
            self._clear()
        else:
            write(f"Answered: {pressed_button(Message.from_json(record))}.")
            self._clear()

    def _leave(self) -> None:
        message = self._message
        self._clear()
        if message is not None and message.status is MessageStatus.OPEN:
            short = short_id(message.message_id)
            write(f"\nThe message stays open: `flowkernel message show {short}`.")

    def _clear(self) -> None:
        self._message = self._dialogue = None


def lines_of(*, is_terminal: bool) -> LineInput:
    """The input of a terminal, or of anything else."""
    # On Windows, only sockets can be polled.
    can_poll = is_terminal and sys.platform != "win32"
    return TerminalInput() if can_poll else BlockingInput()
