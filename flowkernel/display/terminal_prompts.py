"""Prompts line by line, while the tree of their execution is followed.

On a terminal, input is polled: an answer from elsewhere ends the question. Where it cannot be
polled (a notebook without widgets), the question blocks until a line is typed.
"""

import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Protocol

from flowkernel.core.clock import now, short_id
from flowkernel.core.errors import BadArgument, EngineError, FlowkernelError
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
from flowkernel.forms.dialogue import Dialogue, FormDialogue
from flowkernel.forms.field_questions import Question, SteppedBack
from flowkernel.forms.form import Form

#: Lines of a terminal that the choices take, with what stands around them, about.
CHOICE_LINES = 14
#: The response to a message that was not answered here.
NO_VALUES: Mapping[str, Json] = {}
#: Where it is not known how high a terminal is.
USUAL_SIZE = (80, 24)
Step = Callable[
    [], Question
]  #: Gives the next question of a dialogue, or raises its end.


class AnswerPlace(Protocol):
    """Where messages are read and answered: `AnswerChannel` of `client.open_prompts`."""

    def read(self, message_id: str) -> Message:
        """A message as it is now."""

    def answer(self, message_id: str, response: dict[str, Json]) -> Message:
        """Answer a message, for good; the message as it then is."""


def leaving_text(keys: str) -> str:
    """What a person reads who leaves a prompt open, while a command shows the run.

    `keys`: what ends that command.
    """
    return (
        "The run waits for it, and is shown here meanwhile. To leave: "
        f"{keys}; the run goes on."
    )


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
        self._form: FormDialogue | None = None
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
            line = self._read()
            if line is not None:
                self._run(self._step_with(line))
            elif self._message is not None:
                return True

    def _read(self) -> str | SteppedBack | None:
        """The line that was typed; None: not yet, or the input has ended."""
        try:
            return self._lines.read()
        except SteppedBack as back:
            return back
        except EOFError:
            self._postpone()
            return None

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
        subject = one_line(message.subject)
        write(f"\n{subject}\n")
        lines = print_markdown(message.message, sys.stdout) if message.message else 0
        is_long = lines > shutil.get_terminal_size(USUAL_SIZE).lines - CHOICE_LINES
        write(f"\n{subject}" if is_long else "")  # It is out of sight by now.
        write(f"It waits {deadline_text(message.expires_at, now())}.")
        try:
            self._form = FormDialogue(
                Form.of(message.body),
                heading=subject,
                edits_blocks=self._lines.edits_blocks,
                confirm=self._question_before,
            )
            self._dialogue = self._form.ask()
            question = next(self._dialogue)
        except Exception as error:  # Others can be asked.
            write(not_shown_text(message, error))
            self._clear()
            return
        self._run(lambda: question)

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

    def _step_with(self, line: str | SteppedBack) -> Step:
        """How the dialogue goes on: with a line, or from where the person steps back to."""
        dialogue = self._dialogue
        assert dialogue is not None
        if isinstance(line, SteppedBack):
            return partial(dialogue.throw, line)
        return partial(dialogue.send, line)

    def _run(self, step: Step) -> None:
        """Take this step of the dialogue, and the next ones, until a line is waited for.

        Raises:
            KeyboardInterrupt: The person has stepped back from the choices.
        """
        while True:
            try:
                question = step()
            except StopIteration as end:
                self._send(end.value)
                return
            except SteppedBack:
                raise KeyboardInterrupt from None
            line = self._put(question)
            if line is None:
                return
            step = self._step_with(line)

    def _put(self, question: Question) -> str | SteppedBack | None:
        """Show a question; the line, if that waited for it."""
        expires_at = self._message.expires_at if self._message else None
        try:
            return self._lines.ask(replace(question, expires_at=expires_at))
        except SteppedBack as back:
            return back
        except EOFError:
            self._postpone()
            return None

    def _send(self, response: dict[str, Json] | None) -> None:
        message, form = self._message, self._form
        assert message is not None
        assert form is not None
        if response is None:
            self._postpone()
            return
        try:
            answered = self._channel.answer(message.message_id, response)
        except (BadArgument, EngineError) as error:  # It is open all the same.
            write(str(error))
            self._dialogue = form.ask_again(response, str(error))
            self._run(partial(next, self._dialogue))
        except FlowkernelError as error:  # Another answer was first.
            write(str(error))
            self._clear()
        else:
            write(f"Answered: {pressed_button(answered)}.")
            self._clear(response)

    def _postpone(self) -> None:
        """Leave it open because the person says so."""
        self._leave()
        if self._how_to_leave:
            write(self._how_to_leave)

    def _leave(self) -> None:
        message = self._message
        self._clear()
        if message is not None and message.status is MessageStatus.OPEN:
            short = short_id(message.message_id)
            write(f"\nThe message stays open: `flowkernel message show {short}`.")

    def _clear(self, response: Mapping[str, Json] = NO_VALUES) -> None:
        """Ask it no longer. `response`: what it was answered here."""
        message, form = self._message, self._form
        if self._dialogue is not None:
            self._dialogue.close()  # What is typed so far goes into the draft.
        self._message = self._form = self._dialogue = None
        self._lines.stop()
        if message is not None and form is not None:
            _keep_blocks(message, form.draft, response)


def _keep_blocks(
    message: Message, draft: Mapping[str, Json], response: Mapping[str, Json]
) -> None:
    """Keep the texts of several lines that a person wrote, and that nobody got."""
    fields = Form.of(message.body).inputs if draft else []
    for field in filter(lambda field: field.is_multiline, fields):
        text = str(draft.get(field.name) or "")
        if text.strip() and text not in (field.default, response.get(field.name)):
            write("\n" + kept_note(text))
