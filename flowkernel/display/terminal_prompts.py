"""What executions ask, asked line by line while their tree is followed.

On a terminal, lines are looked for in between, so that an answer from elsewhere ends the
question. Where that cannot be (a notebook without widgets), the question waits for its line.
"""

import select
import sys
from collections.abc import Callable
from getpass import getpass
from typing import Protocol

from flowkernel.core.errors import BadAnswer, FlowkernelError
from flowkernel.core.models import Json, Message
from flowkernel.core.projection import pressed_in, why_not_open
from flowkernel.core.status import MessageStatus
from flowkernel.core.text import one_line, plain_text
from flowkernel.display.live_terminal import write
from flowkernel.forms.dialogue import Dialogue, Question, form_dialogue
from flowkernel.forms.form import Form

Answer = Callable[[str, dict[str, Json]], dict[str, Json]]
LOOK_SECONDS = 0.1  #: Between looks for a line.


class LineInput(Protocol):
    """Where lines are typed."""

    def ask(self, question: Question) -> str | None:
        """Show the question."""

    def read(self) -> str | None:
        """The line that was typed, without its end; None: not yet.

        Raises:
            EOFError: Nobody will type anything any more.
        """


class TerminalInput:
    """A terminal that can be looked at without waiting."""

    def ask(self, question: Question) -> str | None:
        """Show it; a secret is waited for, so that it is not seen."""
        for line in question.lines_above:
            write(plain_text(line))
        if question.is_secret:
            return getpass(plain_text(question.text))
        sys.stdout.write(plain_text(question.text))
        sys.stdout.flush()
        return None

    def read(self) -> str | None:
        """The line, if there is one."""
        ready, _, _ = select.select([sys.stdin], [], [], 0)
        if not ready:
            return None
        line = sys.stdin.readline()
        if not line:
            raise EOFError
        return line.removesuffix("\n")


class BlockingInput:
    """Anywhere that has `input`: it is waited for."""

    def ask(self, question: Question) -> str | None:
        """Show it, and wait."""
        for line in question.lines_above:
            write(plain_text(line))
        text = plain_text(question.text)
        return getpass(text) if question.is_secret else input(text)

    def read(self) -> str | None:
        """It was waited for."""
        return None


class TerminalPrompts:
    """Asks one message after the other. An asker as `watch` has it."""

    every = LOOK_SECONDS

    def __init__(
        self, answer: Answer, lines: LineInput, *, make_room: Callable[[], None]
    ) -> None:
        self._answer = answer
        self._lines = lines
        self._make_room = make_room
        self._waiting: list[Message] = []
        self._seen: dict[str, Message] = {}
        self._message: Message | None = None
        self._dialogue: Dialogue | None = None

    def wait_with(self, lines: LineInput) -> None:
        """From now on, lines come from there."""
        self._lines = lines

    # -- what is told --------------------------------------------------------------------

    def open(self) -> None:
        """Lines need no place."""

    def ask(self, message: Message) -> None:
        """It is asked when those before it are over; if it has changed, it is asked anew."""
        known = self._seen.get(message.message_id)
        if known is not None and known.body == message.body:
            return
        self._seen[message.message_id] = message
        self._waiting = [m for m in self._waiting if m.message_id != message.message_id]
        if self._message and self._message.message_id == message.message_id:
            self._over()
        self._waiting.append(message)

    def close(self, message: Message) -> None:
        """Nobody needs the answer any more."""
        self._waiting = [
            one for one in self._waiting if one.message_id != message.message_id
        ]
        if self._message and self._message.message_id == message.message_id:
            write("\n" + why_not_open(message))
            self._over()

    def poll(self) -> bool:
        """Go on with what is asked; whether something is."""
        while True:
            while self._message is None and self._waiting:
                self._begin(self._waiting.pop(0))
            if self._message is None:
                return False
            try:
                line = self._lines.read()
            except EOFError:
                self._leave()
                continue
            if line is None:
                return True
            self._hear(line)

    def finish(self) -> None:
        """What is open stays open."""
        if self._message is not None:
            self._leave()

    # -- what is typed -------------------------------------------------------------------

    def _begin(self, message: Message) -> None:
        self._make_room()
        self._message = message
        write(f"\n{one_line(message.subject)}\n")
        if message.message:
            write(plain_text(message.message) + "\n")
        self._start(message)

    def _start(self, message: Message) -> None:
        self._dialogue = form_dialogue(Form.of(message.body))
        self._hear(self._put(next(self._dialogue)))

    def _put(self, question: Question) -> str | None:
        """Ask it; the line, if it was waited for."""
        try:
            return self._lines.ask(question)
        except EOFError:
            self._leave()
            return None

    def _hear(self, line: str | None) -> None:
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
            told = self._answer(message.message_id, response)
        except BadAnswer as error:
            write(str(error))
            self._start(message)
        except FlowkernelError as error:  # Somebody was first.
            write(plain_text(str(error)))
            self._over()
        else:
            write(f"Answered: {pressed_in(Message.from_json(told))}.")
            self._over()

    def _leave(self) -> None:
        message = self._message
        self._over()
        if message is not None and message.status is MessageStatus.OPEN:
            short = message.message_id[-8:]
            write(f"\nIt stays open: `flowkernel message show {short}`.")

    def _over(self) -> None:
        self._message = self._dialogue = None


def lines_of(*, is_terminal: bool) -> LineInput:
    """Where lines are typed here."""
    can_look = (
        is_terminal and sys.platform != "win32"
    )  # There only sockets can be looked at.
    return TerminalInput() if can_look else BlockingInput()
