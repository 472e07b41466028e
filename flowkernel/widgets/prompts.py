"""Prompts under a cell: shown when they arise, gone when they are answered, by whomever."""

import threading
from collections.abc import Callable
from html import escape
from typing import Any

import ipywidgets
from IPython.display import DisplayHandle
from markdown_it import MarkdownIt

from flowkernel.clock import new_id
from flowkernel.errors import FlowkernelError
from flowkernel.fields import Field
from flowkernel.fold import pressed_in
from flowkernel.forms import Form
from flowkernel.models import Json, Message
from flowkernel.status import MessageStatus
from flowkernel.widgets.fields import response_in, widget_for
from flowkernel.widgets.live_tree import VIEW

Answer = Callable[[str, dict[str, Json]], dict[str, Json]]
GOOD, BAD = frozenset({"retry_cell", "ok"}), frozenset({"fail", "cancel_all"})
STYLE = """<style>
.jp-flowkernel-prompt{border:1px solid var(--jp-border-color1,#8888);border-left-width:4px;
border-left-color:var(--jp-warn-color1,#c77700);padding:.5em .8em;margin:.4em 0;max-width:64em}
.jp-flowkernel-prompt h3{margin:.1em 0 .3em;font-size:1.1em}
.jp-flowkernel-prompt pre{max-height:14em;overflow:auto;padding:.4em;
background:var(--jp-layout-color2,#8882)}
.jp-flowkernel-code textarea{font-family:var(--jp-code-font-family,monospace);
font-size:var(--jp-code-font-size,13px)}
.jp-flowkernel-refused{color:var(--jp-error-color1,#dd3b3b)}
</style>"""


class PromptBox:
    """One message with its form."""

    def __init__(self, message: Message, answer: Answer) -> None:
        self.message = message
        self._answer = answer
        self._form = Form.of(message.body)
        self._fields = {field.name: widget_for(field) for field in self._form.asked}
        self._buttons = [self._button(field) for field in self._form.buttons]
        self._said = ipywidgets.HTML()
        self.box = ipywidgets.VBox(
            [
                ipywidgets.HTML(STYLE + words_of(message)),
                *self._middle(),
                ipywidgets.HBox(self._buttons, layout={"flex_flow": "row wrap"}),
                self._said,
            ]
        )
        self.box.add_class("jp-flowkernel-prompt")

    def _middle(self) -> list[Any]:
        shown = []
        for field in self._form.fields:
            if field.name in self._fields:
                shown.append(self._fields[field.name])
            elif field.element == "markdown":
                text = field.asked.get("description") or field.label
                shown.append(ipywidgets.HTML(html_of(str(text))))
        return shown

    def _button(self, field: Field) -> Any:
        style = "success" if field.name in GOOD else ""
        style = "danger" if field.name in BAD else style
        button = ipywidgets.Button(
            description=field.label,
            button_style=style,
            tooltip=str(field.asked.get("description") or field.label),
            layout={"width": "auto"},
        )
        button.on_click(lambda _button: self._press(field))
        return button

    def _press(self, pressed: Field) -> None:
        """Answer, in a thread of its own: the click must not wait for the engine."""
        try:
            response = response_in(self._form, self._fields, pressed)
        except FlowkernelError as error:
            self._refuse(error)
            return
        self._allow(False)
        threading.Thread(target=self._send, args=(response,), daemon=True).start()

    def _send(self, response: dict[str, Json]) -> None:
        try:
            told = self._answer(self.message.message_id, response)
        except FlowkernelError as error:
            self._refuse(error)
        else:
            self.close(Message.from_json(told))

    def _refuse(self, error: FlowkernelError) -> None:
        said = escape(str(error))
        self._said.value = f'<p role="alert" class="jp-flowkernel-refused">{said}</p>'
        self._allow(True)

    def _allow(self, is_open: bool) -> None:
        for button in self._buttons:
            button.disabled = not is_open

    def close(self, message: Message) -> None:
        """It is not open any more: say what came of it, in one line."""
        self.message = message
        self.box.children = [ipywidgets.HTML(STYLE + closed_words(message))]

    @property
    def comm_ids(self) -> list[str]:
        """Of all widgets in it."""
        found, left = [], [self.box]
        while left:
            widget = left.pop()
            if getattr(widget, "comm", None) is not None:
                found.append(widget.comm.comm_id)
            left += list(getattr(widget, "children", ()))
        return found


def words_of(message: Message) -> str:
    """What it says, as HTML without anything that runs."""
    head = f"<h3>{escape(message.subject)}</h3>"
    return head + html_of(message.message or "")


def closed_words(message: Message) -> str:
    """What came of it."""
    subject = escape(message.subject)
    if message.status is MessageStatus.ANSWERED:
        who = escape(message.answered_by or "somebody")
        place = escape(message.answered_from or "somewhere")
        said = escape(pressed_in(message))
        return f"<p>{subject}: <b>{said}</b>, by {who} from {place}.</p>"
    return f"<p>{subject}: {escape(message.closed_why or 'closed')}</p>"


def html_of(markdown: str) -> str:
    """Markdown as HTML; HTML in it is shown, not obeyed."""
    return str(MarkdownIt("commonmark", {"html": False}).render(markdown))


class PromptList:
    """All prompts of one cell, below each other."""

    def __init__(self, answer: Answer, pump: Any) -> None:
        self._answer = answer
        self._pump = pump
        self._boxes: dict[str, PromptBox] = {}
        self._whole = ipywidgets.VBox()
        self._handle: DisplayHandle | None = None

    def show(self, message: Message) -> None:
        """A message that is open; one that is shown already stays as it is."""
        if message.message_id in self._boxes:
            return
        box = PromptBox(message, self._answer)
        self._boxes[message.message_id] = box
        if self._pump is not None:
            self._pump.add(box.comm_ids)
        self._whole.children = [one.box for one in self._boxes.values()]
        if self._handle is None:
            self._display()

    def close(self, message: Message) -> None:
        """A message that is not open any more."""
        box = self._boxes.get(message.message_id)
        if box is not None and box.message.status is MessageStatus.OPEN:
            box.close(message)

    def poll(self) -> None:
        """Handle clicks, where they do not come by themselves."""
        if self._pump is not None:
            self._pump.poll()

    def finish(self) -> None:
        """Leave what can be saved: what was decided, in words."""
        if self._handle is not None:
            said = [closed_words(box.message) for box in self._boxes.values()]
            self._handle.update({"text/html": "".join(said)}, raw=True)
            self._whole.close()

    def _display(self) -> None:
        model = {
            "version_major": 2,
            "version_minor": 0,
            "model_id": self._whole.model_id,
        }
        self._handle = DisplayHandle(new_id())
        words = "A prompt: `flowkernel message list` shows it, too."
        self._handle.display({VIEW: model, "text/plain": words}, raw=True)
