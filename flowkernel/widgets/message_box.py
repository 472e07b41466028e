"""A message in a page: what is shown while it is open, and one line once it is closed."""

import threading
from collections.abc import Callable, Iterable
from html import escape
from typing import Any

import ipywidgets

from flowkernel.core.models import Message
from flowkernel.core.status import MessageStatus
from flowkernel.core.text import one_line
from flowkernel.display.message_text import not_shown_text
from flowkernel.widgets.prompt_html import STYLE, outcome_html
from flowkernel.widgets.widget_parts import close_widgets

#: Called with the ids of the comms of widgets that are closed.
OnClose = Callable[[Iterable[str]], None]


def no_comms(_comm_ids: Iterable[str]) -> None:
    """Do nothing: nobody must know."""


class MessageBox:
    """One message. Its widgets are closed with it: ipywidgets would keep them for good."""

    def __init__(
        self, message: Message, widgets: list[Any], on_close: OnClose = no_comms
    ) -> None:
        """`widgets`: what is shown while it is open."""
        self.message = message
        self.box = ipywidgets.VBox(widgets)
        self.box.add_class("jp-flowkernel-prompt")
        self._on_close = on_close
        self._lock = threading.Lock()
        self._is_discarded = False

    @property
    def comm_ids(self) -> list[str]:
        """The ids of the comms of all widgets in it."""
        ids, widgets = [], [self.box, *self._unshown_widgets()]
        while widgets:
            widget = widgets.pop()
            if getattr(widget, "comm", None) is not None:
                ids.append(widget.comm.comm_id)
            widgets += list(getattr(widget, "children", ()))
        return ids

    def _unshown_widgets(self) -> list[Any]:
        """Those that are not in the box, or not always."""
        return []

    def close(self, message: Message) -> None:
        """Show what came of it, in one line: it is no longer open."""
        with self._lock:
            was_open = self.message.status is MessageStatus.OPEN
            self.message = message
            if not was_open or self._is_discarded:
                return
            comm_ids, widgets = self.comm_ids, self.box.children
            self.box.children = [ipywidgets.HTML(STYLE + outcome_html(message))]
            self.box.add_class("jp-flowkernel-closed")
            close_widgets(*self._unshown_widgets(), *widgets)
        self._on_close(set(comm_ids).difference(self.comm_ids))

    def discard(self) -> None:
        """Close its widgets: they are no longer shown."""
        with self._lock:
            self._is_discarded = True
            comm_ids = self.comm_ids
            close_widgets(*self._unshown_widgets(), self.box)
        self._on_close(comm_ids)


def sentence_box(message: Message, error: Exception, on_close: OnClose) -> MessageBox:
    """A message whose form cannot be shown: why, and how it is answered all the same."""
    sentence = escape(not_shown_text(message, error))
    html = f"<h3>{escape(one_line(message.subject))}</h3><p>{sentence}</p>"
    return MessageBox(message, [ipywidgets.HTML(STYLE + html)], on_close)
