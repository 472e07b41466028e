"""Prompts under a cell: shown when they arise, gone when they are answered, by whomever."""

import time
from collections.abc import Callable
from html import escape
from typing import Any

import ipywidgets
from IPython.display import DisplayHandle
from markdown_it import MarkdownIt

from flowkernel.core.clock import monotonic, new_id
from flowkernel.core.errors import FlowkernelError
from flowkernel.core.models import Json, Message
from flowkernel.core.projection import pressed_in
from flowkernel.core.status import MessageStatus
from flowkernel.forms.fields import Field
from flowkernel.forms.form import Form
from flowkernel.widgets.event_pump import EventPump, PolledEventPump
from flowkernel.widgets.field_widgets import response_in, widget_for
from flowkernel.widgets.live_tree import view_of
from flowkernel.widgets.threads import begin

QUIET_SECONDS = 0.3  #: Since the last change, until what was filled in is taken.
POLL_SECONDS = 0.05  #: Between looks for a click, where it must be looked for.
WAITS = "A question for you: `flowkernel message list` shows it, too."
Answer = Callable[[str, dict[str, Json]], dict[str, Json]]
GOOD, BAD = frozenset({"retry_cell", "ok"}), frozenset({"fail", "cancel_all"})
STYLE = """<style>
.jp-flowkernel-prompt{border:1px solid var(--jp-border-color1,#8888);border-left-width:4px;
border-left-color:var(--jp-warn-color1,#c77700);padding:.5em .8em;margin:.4em 0;max-width:64em}
.jp-flowkernel-prompt.jp-flowkernel-prompt h3{margin:0 0 .2em;font-size:1.1em;line-height:1.5}
.jp-flowkernel-prompt.jp-flowkernel-prompt p{margin:0 0 .3em;line-height:1.5}
.jp-flowkernel-prompt.jp-flowkernel-prompt pre{max-height:14em;overflow:auto;padding:.4em;
margin:0 0 .4em;line-height:1.35;background:var(--jp-layout-color2,#8882)}
.jp-flowkernel-code textarea{font-family:var(--jp-code-font-family,monospace);
font-size:var(--jp-code-font-size,13px)}
.jp-flowkernel-part{border-left:2px solid var(--jp-border-color1,#8888);margin:.3em 0;
padding-left:.6em}
.jp-flowkernel-refused{color:var(--jp-error-color1,#dd3b3b)}
</style>"""


class PromptBox:
    """One message with its form."""

    def __init__(self, message: Message, answer: Answer) -> None:
        self.message = message
        self._answer = answer
        self._form = Form.of(message.body)
        self._fields = {field.name: widget_for(field) for field in self._form.asked}
        self._buttons = {f.name: self._button(f) for f in self._form.buttons}
        self._changed_at = 0.0  #: When something was filled in last.
        for widget in self._fields.values():
            widget.observe(self._note_change, "value")
        self._said = ipywidgets.HTML()
        self.box = ipywidgets.VBox(
            [ipywidgets.HTML(STYLE + words_of(message)), *self._rows(), self._said]
        )
        self.box.add_class("jp-flowkernel-prompt")

    def _rows(self) -> list[Any]:
        """What all buttons need, what the first needs, the buttons, what others need."""
        with_fields = [b for b in self._form.buttons if self._form.of_button(b)]
        first, apart = with_fields[:1], with_fields[1:]
        shown = [self._shown(field) for field in self._form.shared]
        shown += [self._fields[f.name] for b in first for f in self._form.of_button(b)]
        parts = {b.name: self._folded(b) for b in apart}
        row = [
            _opener(b, parts[b.name]) if b in apart else self._buttons[b.name]
            for b in self._form.buttons
        ]
        shown.append(ipywidgets.HBox(row, layout={"flex_flow": "row wrap"}))
        return [*shown, *parts.values()]

    def _folded(self, button: Field) -> Any:
        """What a button needs, folded away until somebody wants it."""
        fields = [self._shown(field) for field in self._form.of_button(button)]
        part = ipywidgets.VBox([*fields, self._buttons[button.name]])
        part.add_class("jp-flowkernel-part")
        part.layout.display = "none"
        return part

    def _shown(self, field: Field) -> Any:
        if field.name in self._fields:
            return self._fields[field.name]
        text = field.asked.get("description") or field.label
        return ipywidgets.HTML(html_of(str(text)))

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
        self._allow(False)
        begin("flowkernel-answer", self._send, pressed)

    def _note_change(self, _change: Any) -> None:
        self._changed_at = monotonic()

    def _send(self, pressed: Field) -> None:
        # A page sends what is typed fast bit by bit, and a click at once.
        while (left := self._changed_at + QUIET_SECONDS - monotonic()) > 0:
            time.sleep(left)
        try:
            response = response_in(self._form, self._fields, pressed)
            told = self._answer(self.message.message_id, response)
        except FlowkernelError as error:
            self._refuse(str(error))
        else:
            self.close(Message.from_json(told))

    def _refuse(self, why: str) -> None:
        self._said.value = (
            f'<p role="alert" class="jp-flowkernel-refused">{escape(why)}</p>'
        )
        self._allow(True)

    def _allow(self, is_open: bool) -> None:
        for button in self._buttons.values():
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


def _opener(button: Field, part: Any) -> Any:
    """Opens and closes what belongs to a button; reached by the keyboard, too."""
    opener = ipywidgets.ToggleButton(
        description=f"{button.label} ...",
        tooltip=str(button.asked.get("description") or button.label),
        layout={"width": "auto"},
    )

    def show(change: Any) -> None:
        part.layout.display = "" if change["new"] else "none"

    opener.observe(show, "value")
    return opener


def words_of(message: Message) -> str:
    """What it says, as HTML without anything that runs."""
    head = f"<h3>{escape(message.subject)}</h3>"
    return head + html_of(message.message or "")


def closed_words(message: Message) -> str:
    """What came of it, as HTML."""
    return f"<p>{escape(closed_text(message))}</p>"


def closed_text(message: Message) -> str:
    """What came of it."""
    match message.status:
        case MessageStatus.ANSWERED:
            who, where = message.answered_by or "somebody", message.answered_from
            return f"{pressed_in(message)}, by {who} from {where}: {message.subject}"
        case MessageStatus.OPEN:
            return f"{message.subject}: it waits for an answer. %inbox shows it."
        case _:
            return f"{message.subject}: {message.closed_why or 'closed.'}"


def html_of(markdown: str) -> str:
    """Markdown as HTML; HTML in it is shown, not obeyed, and no picture is loaded."""
    known = MarkdownIt("commonmark", {"html": False}).disable("image")
    return str(known.render(markdown))


class PromptList:
    """All prompts of one cell, below each other. An asker as `watch` has it."""

    def __init__(
        self, answer: Answer, pump: EventPump | PolledEventPump | None
    ) -> None:
        self._answer = answer
        self._pump = pump
        self._boxes: dict[str, PromptBox] = {}
        self._whole = ipywidgets.VBox()
        self._handle: DisplayHandle | None = None
        self.every = POLL_SECONDS if isinstance(pump, PolledEventPump) else 1.0

    def open(self) -> None:
        """Take a place in the output of this cell, for what comes later."""
        if self._handle is None:
            self._handle = DisplayHandle(new_id())
            self._handle.display(view_of(self._whole, WAITS), raw=True)

    def ask(self, message: Message) -> None:
        """A message that is open; one that is shown stays, unless it asks something else."""
        known = self._boxes.get(message.message_id)
        if known is not None and known.message.body == message.body:
            return
        box = PromptBox(message, self._answer)
        self._boxes[message.message_id] = box
        if self._pump is not None:
            self._pump.add(box.comm_ids)
        self._whole.children = [one.box for one in self._boxes.values()]
        self.open()

    def close(self, message: Message) -> None:
        """A message that is not open any more."""
        box = self._boxes.get(message.message_id)
        if box is not None and box.message.status is MessageStatus.OPEN:
            box.close(message)

    def poll(self) -> bool:
        """Handle clicks, where they do not come by themselves. Nothing is in the way."""
        if self._pump is not None:
            self._pump.poll()
        return False

    def finish(self) -> None:
        """Leave what can be saved: what was decided, in words."""
        if self._pump is not None:
            self._pump.rest()
        if self._handle is None:
            return
        messages = [box.message for box in self._boxes.values()]
        self._handle.update(
            {
                "text/html": STYLE + "".join(closed_words(one) for one in messages),
                "text/plain": "\n".join(closed_text(one) for one in messages),
            },
            raw=True,
        )
        self._whole.close()
