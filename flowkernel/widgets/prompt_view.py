"""Prompts under a cell: shown while they are open, closed by an answer from anywhere."""

import logging
from collections.abc import Iterable
from html import escape
from threading import RLock
from typing import Any

import ipywidgets
from IPython.display import DisplayHandle

from flowkernel.client.open_prompts import AnswerChannel
from flowkernel.core.clock import new_id
from flowkernel.core.models import Message
from flowkernel.core.status import MessageStatus
from flowkernel.core.text import one_line
from flowkernel.widgets.event_pump import EventPump, PolledEventPump
from flowkernel.widgets.live_tree import view_of
from flowkernel.widgets.message_box import MessageBox, sentence_box
from flowkernel.widgets.prompt_box import PromptBox
from flowkernel.widgets.prompt_html import outcome_html, outcome_text
from flowkernel.widgets.widget_parts import close_widgets, keep_widget

_log = logging.getLogger(__name__)
READING = "Reading what waits for an answer ..."
REASON_LENGTH = 200  #: Characters of an error, inclusive.
PAUSED = (
    "What waits for an answer is not shown during the question below: %inbox shows it."
)
POLL_SECONDS = 0.05  #: Between two polls for a click, where it must be polled for.
#: The text in place of the widgets where there are none.
PLACEHOLDER = "A question for you: `flowkernel message list` shows it too."
#: Messages that are no longer open, and stay in an inbox in one line each, inclusive.
CLOSED_SHOWN = 10


class PromptList:
    """All prompts of one cell, below each other. A `Prompter`, as `watch` needs it."""

    def __init__(
        self, channel: AnswerChannel, pump: EventPump | PolledEventPump | None
    ) -> None:
        self._channel = channel
        self._pump = pump
        self._prompts: dict[str, MessageBox] = {}
        self._is_finished = False
        #: A list may be finished by another thread than the one that asks. Held for each
        #: change of what is shown: after the end nothing is.
        self._lock = RLock()
        #: The line that is shown instead of the prompts, if they make room.
        self._pause_line: Any = None
        self._box = ipywidgets.VBox()
        self._handle: DisplayHandle | None = None
        self.every = POLL_SECONDS if isinstance(pump, PolledEventPump) else 1.0

    def open(self) -> None:
        """Take a place in the output of this cell, for the prompts that come later."""
        with self._lock:
            if self._handle is None and not self._is_finished:
                self._handle = DisplayHandle(new_id())
                self._handle.display(view_of(self._box, PLACEHOLDER), raw=True)

    def ask(self, message: Message) -> None:
        """Show an open message. One that is shown already stays, unless its form changed."""
        previous = self._prompts.get(message.message_id)
        is_same = previous is not None and previous.message.body == message.body
        if is_same or self._is_finished:
            return
        prompt = self._box_for(message)
        if self._pump is not None:
            self._pump.add(prompt.comm_ids)
        if not self._keep(prompt):
            return
        self._show()
        self.open()
        if previous is not None:
            previous.discard()

    def _keep(self, prompt: MessageBox) -> bool:
        """Keep it as the one of its message; whether the list goes on."""
        with self._lock:
            goes_on = not self._is_finished
            if goes_on:
                self._prompts[prompt.message.message_id] = prompt
        if not goes_on:  # Another thread has finished it meanwhile.
            prompt.discard()
        return goes_on

    def _box_for(self, message: Message) -> MessageBox:
        """The message with its form; a sentence, if that cannot be shown: others can."""
        try:
            return PromptBox(message, self._channel, self._forget_comms)
        except Exception as error:
            _log.info("A message cannot be shown.", exc_info=True)
            return sentence_box(message, error, self._forget_comms)

    def _forget_comms(self, comm_ids: Iterable[str]) -> None:
        """These widgets are closed: the pump need not know them."""
        if self._pump is not None:
            self._pump.remove(comm_ids)

    def _show(self) -> None:
        with self._lock:
            if not self._is_finished:  # The thread that follows may be late.
                self._box.children = self._parts()

    def _parts(self) -> list[Any]:
        """What is shown, from the top."""
        if self._pause_line is not None:
            return [self._pause_line]
        return [prompt.box for prompt in self._prompts.values()]

    def close(self, message: Message) -> None:
        """Show what came of a message that is no longer open."""
        prompt = self._prompts.get(message.message_id)
        if prompt is not None and prompt.message.status is MessageStatus.OPEN:
            prompt.close(message)

    def poll(self) -> bool:
        """Handle clicks, where they do not come by themselves. The tree may always be shown."""
        with self._lock:
            line, self._pause_line = self._pause_line, None
        if line is not None:
            self._show()
            close_widgets(line)
        if self._pump is not None:
            self._pump.poll()
        return False

    def pause(self) -> None:
        """Make room: a question is asked below, which would be out of sight."""
        with self._lock:
            if self._prompts and self._pause_line is None and not self._is_finished:
                self._pause_line = ipywidgets.HTML(f"<p>{PAUSED}</p>")
                self._show()

    def finish(self) -> None:
        """Replace the widgets by what can be saved: what was decided, in words.

        A page that was opened again shows it in the last widget that is left.
        """
        if self._pump is not None:
            self._pump.rest()
        with self._lock:
            if self._is_finished:
                return
            self._is_finished, self._pause_line = True, None
            prompts = list(self._prompts.values())
            widgets = list(self._box.children)
            if self._handle is not None:
                self._show_end(self._handle)
        if self._handle is not None:
            keep_widget(self._box)
        else:
            widgets.append(self._box)
        for prompt in prompts:
            prompt.discard()
        close_widgets(*widgets)

    def _show_end(self, handle: DisplayHandle) -> None:
        html, text = self._last_words()
        self._box.children = [ipywidgets.HTML(html)]
        handle.update({"text/html": html, "text/plain": text}, raw=True)

    def _last_words(self) -> tuple[str, str]:
        """What stays, as HTML and as text: a line for each message."""
        messages = [prompt.message for prompt in self._prompts.values()]
        lines = "\n".join(map(outcome_text, messages))
        return "".join(map(outcome_html, messages)), lines


class InboxList(PromptList):
    """The prompts of a home: those that are open now, and those that come while it is shown."""

    def __init__(
        self, channel: AnswerChannel, pump: EventPump | PolledEventPump | None
    ) -> None:
        super().__init__(channel, pump)
        self._heading = ipywidgets.HTML()
        #: A sentence in place of the number of messages; None: the number is known.
        self._state: str | None = READING
        self._show()

    def show_count(self) -> None:
        """All that wait were read: say how many they are."""
        if self._state == READING:
            self._state = None
        self._show()

    def fail(self, error: BaseException) -> None:
        """Say that the list is no longer current, and why."""
        reason = one_line(f"{type(error).__name__}: {error}", REASON_LENGTH)
        self._state = (
            f"This list is no longer kept current ({reason}). Run %inbox again."
        )
        self._show()

    def close(self, message: Message) -> None:
        """Show what came of it; the oldest of those that are closed is forgotten."""
        super().close(message)
        with self._lock:
            old_ids = self._closed_ids()[:-CLOSED_SHOWN]
            old_prompts = [self._prompts.pop(message_id) for message_id in old_ids]
        self._show()
        for prompt in old_prompts:
            prompt.discard()

    def _closed_ids(self) -> list[str]:
        opened = MessageStatus.OPEN
        prompts = self._prompts.items()
        return [key for key, prompt in prompts if prompt.message.status is not opened]

    def _parts(self) -> list[Any]:
        self._heading.value = (
            f'<p style="margin:0">{escape(self._count_sentence())}</p>'
        )
        return [self._heading, *super()._parts()]

    def _count_sentence(self) -> str:
        if self._state is not None:
            return self._state
        count = len(self._prompts) - len(self._closed_ids())
        if count == 0:
            return "Nothing waits for an answer. What comes is shown here."
        waits = "1 message waits" if count == 1 else f"{count} messages wait"
        return f"{waits} for an answer."

    def _last_words(self) -> tuple[str, str]:
        html, text = super()._last_words()
        sentence = "Another %inbox has taken the place of this one."
        return (html, text) if text else (f"<p>{sentence}</p>", sentence)
