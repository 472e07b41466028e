"""What a page adds to a prompt: its source in colours, the keys of an editor, a countdown.

The script is in `prompt_script.js`, and travels with the widget: the page loads nothing from
the network. A page that cannot show it (its server lacks the package anywidget) never says that
it is ready, and the prompt stays as plain ipywidgets draw it.
"""

from collections.abc import Callable
from importlib.resources import files
from typing import Any

import anywidget
import traitlets

#: Called with the number of a field, and its text, when a person presses Shift+Enter in it.
OnPress = Callable[[int, str], None]


def _text_of(name: str) -> str:
    return files(__package__).joinpath(name).read_text("utf-8")


class PromptScript(anywidget.AnyWidget):
    """Makes text fields of the prompt that it is in editors, and counts its time down."""

    _esm = _text_of("prompt_script.js")
    _css = _text_of("prompt_script.css")
    #: Set by a page that can show it.
    is_ready = traitlets.Bool(False).tag(sync=True)
    #: The text fields: `field` is the number in their class, `button` what Shift+Enter does.
    fields = traitlets.List().tag(sync=True)

    def __init__(self, labels: list[str], on_press: OnPress) -> None:
        """`labels`: of the button that belongs to each text field, in their order."""
        self._on_press = on_press
        self._field_count = len(labels)
        super().__init__(
            fields=[{"field": n, "button": label} for n, label in enumerate(labels)]
        )
        self.on_msg(self._receive)

    def _receive(self, _widget: Any, content: Any, _buffers: Any) -> None:
        """Take a message of the page. What is none of ours is passed over."""
        match content:
            case {"kind": "press", "field": int(number), "value": str(text)}:
                if 0 <= number < self._field_count:
                    self._on_press(number, text)


def field_class(number: int) -> str:
    """The class of the widget of a text field, by which the page finds it."""
    return f"jp-flowkernel-field-{number}"
