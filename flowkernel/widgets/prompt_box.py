"""One message with its form, as widgets: filled in, confirmed where asked, sent, closed."""

import time
from html import escape
from typing import Any

import ipywidgets

from flowkernel.client.open_prompts import AnswerChannel
from flowkernel.core.clock import monotonic
from flowkernel.core.errors import FlowkernelError
from flowkernel.core.models import Message
from flowkernel.core.status import MessageStatus
from flowkernel.forms.base_field import Field
from flowkernel.forms.form import Form
from flowkernel.widgets.field_widgets import CodeWidget, form_response, widget_of
from flowkernel.widgets.message_box import MessageBox, OnClose, no_comms
from flowkernel.widgets.prompt_html import STYLE, html_of, message_html
from flowkernel.widgets.prompt_script import PromptScript, field_class
from flowkernel.widgets.question_row import QuestionRow
from flowkernel.widgets.threads import start_thread

QUIET_SECONDS = 0.3  #: Since the last change of a field, before its value is read.
SUCCESS = frozenset({"retry_cell", "ok"})  #: The buttons that are green.
CONTENT = {"width": "auto"}


class PromptBox(MessageBox):
    """One message with its form."""

    def __init__(
        self, message: Message, channel: AnswerChannel, on_close: OnClose = no_comms
    ) -> None:
        self._channel = channel
        self._form = Form.of(message.body)
        self._fields = {field.name: widget_of(field) for field in self._form.inputs}
        self._buttons = {f.name: self._button(f) for f in self._form.buttons}
        self._is_sending = False
        self._changed_at = 0.0  #: When a field changed last.
        for field in self._fields.values():
            for widget in field.value_widgets:
                widget.observe(self._note_change, "value")
        self._question = QuestionRow()
        self._error = ipywidgets.HTML()
        head = ipywidgets.HTML(STYLE + message_html(message))
        super().__init__(message, [head, *self._rows(), self._error], on_close)
        # Last: a page answers at once, and the answer needs its way past the cell that runs.
        self._script = self._make_script()

    # -- what is seen --------------------------------------------------------------------

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
        row = self._button_row(folded)
        parts = [*map(self._view, open_fields), row, *folded.values()]
        return [*parts, self._question.box]

    def _button_row(self, folded: dict[str, Any]) -> Any:
        """The buttons; those that are asked about again stand apart from the others."""
        views: dict[bool, list[Any]] = {False: [], True: []}
        for button in self._form.buttons:
            view = self._buttons[button.name]
            if button.name in folded:
                view = _fold_button(button, folded[button.name])
            views[bool(button.confirm)].append(view)
        row = views[False]
        if views[True]:
            row.append(ipywidgets.HBox(views[True]))
            row[-1].add_class("jp-flowkernel-apart")
        return ipywidgets.HBox(row, layout={"flex_flow": "row wrap"})

    def _folded_fields(self, button: Field) -> Any:
        """The fields that belong to a button, and the button, not visible yet."""
        fields = [self._view(field) for field in self._form.fields_of(button)]
        part = ipywidgets.VBox([*fields, self._buttons[button.name]])
        part.add_class("jp-flowkernel-part")
        part.layout.display = "none"
        return part

    def _view(self, field: Field) -> Any:
        if field.name in self._fields:
            return self._fields[field.name].view
        return ipywidgets.HTML(html_of(field.description or field.label))

    def _button(self, field: Field) -> Any:
        style = "success" if field.name in SUCCESS else ""
        style = "danger" if field.confirm else style
        button = ipywidgets.Button(
            description=field.label,
            button_style=style,
            tooltip=field.description or field.label,
            layout=CONTENT,
        )
        button.on_click(lambda _button: self._press(field))
        return button

    def _make_script(self) -> PromptScript:
        """The script of the page. It is a part of the prompt once the page can show it."""
        code = [f for f in self._fields.values() if isinstance(f, CodeWidget)]
        buttons = [self._button_for(field.field) for field in code]
        for number, field in enumerate(code):
            field.widget.add_class(field_class(number))

        def press(number: int, text: str) -> None:
            code[number].widget.value = text
            self._press(buttons[number])

        script = PromptScript([button.label for button in buttons], press)
        script.observe(self._add_script, "is_ready")
        return script

    def _add_script(self, _change: Any) -> None:
        if self.message.status is MessageStatus.OPEN:
            self.box.children = (*self.box.children, self._script)

    def _button_for(self, field: Field) -> Field:
        """The button that Shift+Enter in a field presses: its own, or else the first one."""
        buttons = self._form.buttons
        owners = [b for b in buttons if field in self._form.fields_of(b)]
        return [*owners, *buttons][0]

    # -- an answer -----------------------------------------------------------------------

    def _press(self, button: Field) -> None:
        """Ask again or answer, in a thread of its own: no click waits for the engine."""
        if self._is_sending:
            return
        self._enable_buttons(False)
        self._question.hide()
        action = self._confirm if button.confirm else self._send
        start_thread("flowkernel-answer", action, button)

    def _confirm(self, button: Field) -> None:
        """Ask before the button counts, in the words that the message has now."""
        try:
            message = self._channel.read(self.message.message_id)
        except FlowkernelError as error:
            self._show_error(str(error))
            return
        if message.status is not MessageStatus.OPEN:
            self.close(message)
            return
        current = [b for b in Form.of(message.body).buttons if b.name == button.name]
        question = current[0].confirm if current else button.confirm
        self._enable_buttons(True)
        self._question.ask(question, lambda: self._press_confirmed(button))

    def _press_confirmed(self, button: Field) -> None:
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
            message = self._channel.answer(self.message.message_id, response)
        except FlowkernelError as error:
            self._show_error(str(error))
        else:
            self.close(message)

    def _show_error(self, text: str) -> None:
        self._error.value = (
            f'<p role="alert" class="jp-flowkernel-refused">{escape(text)}</p>'
        )
        self._enable_buttons(True)

    def _enable_buttons(self, is_enabled: bool) -> None:
        self._is_sending = not is_enabled
        for button in self._buttons.values():
            button.disabled = not is_enabled

    def _unshown_widgets(self) -> list[Any]:
        """The script: it is in the box only where the page can show it."""
        return [self._script]


def _fold_button(button: Field, part: Any) -> Any:
    """Opens and closes the fields that belong to a button; the keyboard reaches it too."""
    toggle = ipywidgets.ToggleButton(
        description=f"{button.label} ...",
        tooltip=button.description or button.label,
        layout=CONTENT,
    )

    def show(change: Any) -> None:
        part.layout.display = "" if change["new"] else "none"

    toggle.observe(show, "value")
    return toggle
