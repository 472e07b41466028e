"""Prompts under a cell: shown while they are open, closed by an answer from anywhere."""

import time
from collections.abc import Callable
from html import escape
from typing import Any

import ipywidgets
from IPython.display import DisplayHandle
from markdown_it import MarkdownIt

from flowkernel.core.clock import monotonic, new_id
from flowkernel.core.errors import FlowkernelError
from flowkernel.core.message_projection import pressed_button
from flowkernel.core.models import Json, Message
from flowkernel.core.status import MessageStatus
from flowkernel.forms.base_field import Field
from flowkernel.forms.form import Form
from flowkernel.widgets.event_pump import EventPump, PolledEventPump
from flowkernel.widgets.field_widgets import form_response, widget_of
from flowkernel.widgets.live_tree import view_of
from flowkernel.widgets.threads import start_thread

QUIET_SECONDS = 0.3  #: Since the last change of a field, before its value is read.
POLL_SECONDS = 0.05  #: Between two polls for a click, where it must be polled for.
#: The text in place of the widgets where there are none.
PLACEHOLDER = "A question for you: `flowkernel message list` shows it too."
Answer = Callable[[str, dict[str, Json]], dict[str, Json]]
SUCCESS, DANGER = frozenset({"retry_cell", "ok"}), frozenset({"fail", "cancel_all"})
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
        self._fields = {field.name: widget_of(field) for field in self._form.inputs}
        self._buttons = {f.name: self._button(f) for f in self._form.buttons}
        self._changed_at = 0.0  #: When a field changed last.
        for field in self._fields.values():
            field.widget.observe(self._note_change, "value")
        self._error = ipywidgets.HTML()
        self.box = ipywidgets.VBox(
            [ipywidgets.HTML(STYLE + message_html(message)), *self._rows(), self._error]
        )
        self.box.add_class("jp-flowkernel-prompt")

    def _rows(self) -> list[Any]:
        """The fields of all buttons, those of the first one, the buttons, and the other fields.

        Those of the other buttons are folded away until a person opens them.
        """
        form = self._form
        with_fields = [button for button in form.buttons if form.fields_of(button)]
        folded = {b.name: self._folded_fields(b) for b in with_fields[1:]}
        open_fields = [
            *form.shared,
            *(f for b in with_fields[:1] for f in form.fields_of(b)),
        ]
        buttons = [
            _fold_button(button, folded[button.name])
            if button.name in folded
            else self._buttons[button.name]
            for button in form.buttons
        ]
        row = ipywidgets.HBox(buttons, layout={"flex_flow": "row wrap"})
        return [*map(self._view, open_fields), row, *folded.values()]

    def _folded_fields(self, button: Field) -> Any:
        """The fields that belong to a button, and the button, not visible yet."""
        fields = [self._view(field) for field in self._form.fields_of(button)]
        part = ipywidgets.VBox([*fields, self._buttons[button.name]])
        part.add_class("jp-flowkernel-part")
        part.layout.display = "none"
        return part

    def _view(self, field: Field) -> Any:
        if field.name in self._fields:
            return self._fields[field.name].widget
        return ipywidgets.HTML(html_of(field.description or field.label))

    def _button(self, field: Field) -> Any:
        style = "success" if field.name in SUCCESS else ""
        style = "danger" if field.name in DANGER else style
        button = ipywidgets.Button(
            description=field.label,
            button_style=style,
            tooltip=field.description or field.label,
            layout={"width": "auto"},
        )
        button.on_click(lambda _button: self._press(field))
        return button

    def _press(self, button: Field) -> None:
        """Answer, in a thread of its own: the click must not wait for the engine."""
        self._enable_buttons(False)
        start_thread("flowkernel-answer", self._send, button)

    def _note_change(self, _change: Any) -> None:
        self._changed_at = monotonic()

    def _send(self, button: Field) -> None:
        # A page sends fast typing bit by bit, and a click at once.
        while (seconds := self._changed_at + QUIET_SECONDS - monotonic()) > 0:
            time.sleep(seconds)
        try:
            response = form_response(self._form, self._fields, button)
            record = self._answer(self.message.message_id, response)
        except FlowkernelError as error:
            self._show_error(str(error))
        else:
            self.close(Message.from_json(record))

    def _show_error(self, text: str) -> None:
        self._error.value = (
            f'<p role="alert" class="jp-flowkernel-refused">{escape(text)}</p>'
        )
        self._enable_buttons(True)

    def _enable_buttons(self, is_enabled: bool) -> None:
        for button in self._buttons.values():
            button.disabled = not is_enabled

    def close(self, message: Message) -> None:
        """Show what came of it, in one line: it is no longer open."""
        self.message = message
        self.box.children = [ipywidgets.HTML(STYLE + outcome_html(message))]

    @property
    def comm_ids(self) -> list[str]:
        """The ids of the comms of all widgets in it."""
        ids, widgets = [], [self.box]
        while widgets:
            widget = widgets.pop()
            if getattr(widget, "comm", None) is not None:
                ids.append(widget.comm.comm_id)
            widgets += list(getattr(widget, "children", ()))
        return ids


def _fold_button(button: Field, part: Any) -> Any:
    """Opens and closes the fields that belong to a button; the keyboard reaches it too."""
    toggle = ipywidgets.ToggleButton(
        description=f"{button.label} ...",
        tooltip=button.description or button.label,
        layout={"width": "auto"},
    )

    def show(change: Any) -> None:
        part.layout.display = "" if change["new"] else "none"

    toggle.observe(show, "value")
    return toggle


def message_html(message: Message) -> str:
    """The subject and the text of a message, as HTML without anything that runs."""
    head = f"<h3>{escape(message.subject)}</h3>"
    return head + html_of(message.message or "")


def outcome_html(message: Message) -> str:
    """What came of a message, as HTML."""
    return f"<p>{escape(outcome_text(message))}</p>"


def outcome_text(message: Message) -> str:
    """What came of a message, in one line."""
    match message.status:
        case MessageStatus.ANSWERED:
            person, channel = message.answered_by or "somebody", message.answered_from
            return f"{pressed_button(message)}, by {person} from {channel}: {message.subject}"
        case MessageStatus.OPEN:
            return f"{message.subject}: it waits for an answer. %inbox shows it."
        case _:
            return f"{message.subject}: {message.closed_why or 'closed.'}"


def html_of(markdown: str) -> str:
    """Markdown as HTML; HTML in it is shown as text, and no picture is loaded."""
    parser = MarkdownIt("commonmark", {"html": False}).disable("image")
    return str(parser.render(markdown))


class PromptList:
    """All prompts of one cell, below each other. A `Prompter`, as `watch` needs it."""

    def __init__(
        self, answer: Answer, pump: EventPump | PolledEventPump | None
    ) -> None:
        self._answer = answer
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
        if previous is not None and previous.message.body == message.body:
            return
        prompt = PromptBox(message, self._answer)
        self._prompts[message.message_id] = prompt
        if self._pump is not None:
            self._pump.add(prompt.comm_ids)
        self._box.children = [prompt.box for prompt in self._prompts.values()]
        self.open()

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

    def finish(self) -> None:
        """Replace the widgets by what can be saved: what was decided, in words."""
        if self._pump is not None:
            self._pump.rest()
        if self._handle is None:
            return
        messages = [prompt.message for prompt in self._prompts.values()]
        self._handle.update(
            {
                "text/html": STYLE + "".join(map(outcome_html, messages)),
                "text/plain": "\n".join(map(outcome_text, messages)),
            },
            raw=True,
        )
        self._box.close()
