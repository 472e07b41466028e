"""Prompts line by line, while the tree of their execution is followed.

On a terminal, input is polled: an answer from elsewhere ends the question. Where it cannot be
polled (a notebook without widgets), the question blocks until a line is typed.
"""

import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

from flowkernel.core.clock import now, short_id
from flowkernel.core.errors import BadAnswer, FlowkernelError
from flowkernel.core.message_projection import pressed_button, why_not_open
from flowkernel.core.models import Json, Message
from flowkernel.core.status import MessageStatus
from flowkernel.core.text import one_line
from flowkernel.display.deadline import deadline_text
from flowkernel.display.line_input import LOOK_SECONDS, LineInput
from flowkernel.display.live_terminal import write
from flowkernel.display.markdown_text import print_markdown
from flowkernel.display.message_text import not_shown_text
from flowkernel.display.text_editor import kept_note
from flowkernel.forms.base_field import Field
from flowkernel.forms.dialogue import Dialogue, Question, form_dialogue
from flowkernel.forms.form import Form


class AnswerPlace(Protocol):
    """Where messages are read and answered: `AnswerChannel` of `client.open_prompts`."""

    def read(self, message_id: str) -> Message:
        """A message as it is now."""

    def answer(self, message_id: str, response: dict[str, Json]) -> Message:
        """Answer a message, for good; the message as it then is."""


class TerminalPrompts:
    """Asks one message after the other; a `Prompter` of `client.open_prompts`."""

    every = LOOK_SECONDS

    def __init__(
        self,
        channel: AnswerPlace,
        lines: LineInput,
        *,
        make_room: Callable[[], None],
        how_to_leave: str = "",
    ) -> None:
        """`how_to_leave`: what ends the command that waits, said with `later`."""
        self._how_to_leave = how_to_leave
        self._channel = channel
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
            self._clear()
            write("\n" + why_not_open(message))

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

    def pause(self) -> None:
        """Leave the message open: something else needs the terminal."""
        if self._message is not None:
            self._leave()

    def finish(self) -> None:
        """Leave the message open."""
        self.pause()

    # -- a dialogue ----------------------------------------------------------------------

    def _begin(self, message: Message) -> None:
        self._make_room()
        self._message = message
        write(f"\n{one_line(message.subject)}\n")
        if message.message:
            print_markdown(message.message, sys.stdout)
        write(f"\nIt waits {deadline_text(message.expires_at, now())}.")
        self._start(message)

    def _start(self, message: Message) -> None:
        try:
            self._dialogue = form_dialogue(
                Form.of(message.body),
                edits_blocks=self._lines.edits_blocks,
                confirm=self._question_before,
            )
            question = next(self._dialogue)
        except Exception as error:  # Others can be asked.
            write(not_shown_text(message, error))
            self._clear()
            return
        self._continue(self._put(question))

    def _question_before(self, button: Field) -> str:
        """What is asked before a button counts, in the words that the message has now."""
        message = self._message
        if message is None or not button.confirm:
            return button.confirm
        try:
            current = self._channel.read(message.message_id)
        except FlowkernelError:  # The answer will say what is wrong.
            return button.confirm
        buttons = Form.of(current.body).buttons
        questions = [b.confirm for b in buttons if b.name == button.name]
        return questions[0] if questions else button.confirm

    def _put(self, question: Question) -> str | None:
        """Show a question; the line, if that waited for it."""
        expires_at = self._message.expires_at if self._message else None
        try:
            return self._lines.ask(replace(question, expires_at=expires_at))
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
            if self._how_to_leave:
                write(self._how_to_leave)
            return
        try:
            answered = self._channel.answer(message.message_id, response)
        except BadAnswer as error:
            write(str(error))
            _keep_blocks(message, response)
            self._start(message)
        except FlowkernelError as error:  # Another answer was first.
            write(str(error))
            _keep_blocks(message, response)
            self._clear()
        else:
            write(f"Answered: {pressed_button(answered)}.")
            self._clear()

    def _leave(self) -> None:
        message = self._message
        self._clear()
        if message is not None and message.status is MessageStatus.OPEN:
            short = short_id(message.message_id)
            write(f"\nThe message stays open: `flowkernel message show {short}`.")

    def _clear(self) -> None:
        self._message = self._dialogue = None
        self._lines.stop()


def _keep_blocks(message: Message, response: dict[str, Json]) -> None:
    """Keep the texts of several lines that a person wrote for an answer that was refused."""
    for field in Form.of(message.body).inputs:
        text = response.get(field.name)
        if field.is_multiline and isinstance(text, str) and text.strip():
            write(kept_note(text))
