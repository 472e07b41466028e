"""A question before a button counts, as widgets: Yes or No, asked once."""

from collections.abc import Callable
from html import escape
from typing import Any

import ipywidgets


class QuestionRow:
    """A row with a question, and the buttons Yes and No; not visible until it asks."""

    def __init__(self) -> None:
        self._text = ipywidgets.HTML()
        self._yes = ipywidgets.Button(description="Yes", button_style="danger")
        self._no = ipywidgets.Button(description="No")
        self._on_yes: Callable[[], None] = self.hide
        for button in (self._yes, self._no):
            button.layout.width = "auto"
        self._yes.on_click(self._confirm)
        self._no.on_click(lambda _button: self.hide())
        self.box: Any = ipywidgets.HBox([self._text, self._yes, self._no])
        self.box.add_class("jp-flowkernel-question")
        self.hide()

    def ask(self, question: str, on_yes: Callable[[], None]) -> None:
        """Show the question; `on_yes` is called if it is answered with Yes, once."""
        self._on_yes = on_yes
        self._text.value = f'<span role="alert"><b>{escape(question)}</b></span>'
        self.box.layout.display = ""
        self._no.focus()

    def hide(self) -> None:
        """Remove the question: it was answered, or something else was pressed."""
        self._on_yes = self.hide
        self.box.layout.display = "none"
        self._text.value = ""

    def _confirm(self, _button: Any) -> None:
        action = self._on_yes
        self.hide()
        action()
