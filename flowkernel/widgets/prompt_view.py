"""Prompts under a cell: shown while they are open, closed by an answer from anywhere."""

import ipywidgets
from IPython.display import DisplayHandle

from flowkernel.client.open_prompts import AnswerChannel
from flowkernel.core.clock import new_id
from flowkernel.core.models import Message
from flowkernel.core.status import MessageStatus
from flowkernel.widgets.event_pump import EventPump, PolledEventPump
from flowkernel.widgets.live_tree import view_of
from flowkernel.widgets.prompt_box import PromptBox
from flowkernel.widgets.prompt_html import STYLE, outcome_html, outcome_text

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
        self._prompts: dict[str, PromptBox] = {}
        self._box = ipywidgets.VBox()
        self._handle: DisplayHandle | None = None
        self.every = POLL_SECONDS if isinstance(pump, PolledEventPump) else 1.0

    def open(self) -> None:
        """Take a place in the output of this cell, for the prompts that come later."""
        if self._handle is None:
            self._handle = DisplayHandle(new_id())
            self._handle.display(view_of(self._box, PLACEHOLDER), raw=True)

    def ask(self, message: Message) -> None:
        """Show an open message. One that is shown already stays, unless its form changed."""
        previous = self._prompts.get(message.message_id)
        if previous is not None:
            if previous.message.body == message.body:
                return
            previous.discard()
        prompt = PromptBox(message, self._channel)
        if self._pump is not None:
            self._pump.add(prompt.comm_ids)
        self._prompts[message.message_id] = prompt
        self._show()
        self.open()

    def _show(self) -> None:
        self._box.children = [prompt.box for prompt in self._prompts.values()]

    def close(self, message: Message) -> None:
        """Show what came of a message that is no longer open."""
        prompt = self._prompts.get(message.message_id)
        if prompt is not None and prompt.message.status is MessageStatus.OPEN:
            prompt.close(message)

    def poll(self) -> bool:
        """Handle clicks, where they do not come by themselves. The tree may always be shown."""
        if self._pump is not None:
            self._pump.poll()
        return False

    def pause(self) -> None:
        """Do nothing: widgets need no line."""

    def finish(self) -> None:
        """Replace the widgets by what can be saved: what was decided, in words."""
        if self._pump is not None:
            self._pump.rest()
        if self._handle is None:
            return
        html, text = self._last_words()
        self._handle.update({"text/html": STYLE + html, "text/plain": text}, raw=True)
        self._box.close()

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
        self._show()

    def close(self, message: Message) -> None:
        """Show what came of it; the oldest of those that are closed is forgotten."""
        super().close(message)
        for message_id in self._closed_ids()[:-CLOSED_SHOWN]:
            del self._prompts[message_id]
        self._show()

    def _closed_ids(self) -> list[str]:
        opened = MessageStatus.OPEN
        prompts = self._prompts.items()
        return [key for key, prompt in prompts if prompt.message.status is not opened]

    def _show(self) -> None:
        super()._show()
        self._heading.value = f'<p style="margin:0">{self._count_sentence()}</p>'
        self._box.children = [self._heading, *self._box.children]

    def _count_sentence(self) -> str:
        count = len(self._prompts) - len(self._closed_ids())
        if count == 0:
            return "Nothing waits for an answer. What comes is shown here."
        waits = "1 message waits" if count == 1 else f"{count} messages wait"
        return f"{waits} for an answer."

    def _last_words(self) -> tuple[str, str]:
        html, text = super()._last_words()
        sentence = "Another %inbox has taken the place of this one."
        return (html, text) if text else (f"<p>{sentence}</p>", sentence)
