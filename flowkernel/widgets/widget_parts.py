"""The parts of a widget, and their end: ipywidgets keeps each one until it is closed."""

from collections import deque
from collections.abc import Iterator
from threading import Lock
from typing import Any

from ipywidgets import Widget

from flowkernel.core.per_process import PerProcess

#: Widgets that show how something ended and stay alive, inclusive: the trees and prompts of the
#: last 20 runs. A page asks for all of them when it is opened; each is a few kB.
KEPT = 40
_kept: deque[Any] = deque()
_kept_lock = PerProcess(Lock)


def parts_of(widget: Any) -> list[Any]:
    """The widget and all that are in it: its children, and the layouts and styles of all."""
    parts: dict[int, Any] = {}
    pending = [widget]
    while pending:
        part = pending.pop()
        if id(part) not in parts:
            parts[id(part)] = part
            pending += _inner_widgets(part)
    return [*parts.values()]


def _inner_widgets(widget: Any) -> Iterator[Any]:
    for name in widget.keys:
        value = getattr(widget, name)
        values = value if isinstance(value, tuple | list) else (value,)
        yield from (item for item in values if isinstance(item, Widget))


def keep_widget(widget: Any) -> None:
    """Keep a widget that will not change any more; the oldest of too many is closed.

    In a page that was opened again it is all there is: JupyterLab drops what a cell displays
    that such a page has not started.
    """
    with _kept_lock.get():
        _kept.append(widget)
        old_widgets = [_kept.popleft() for _ in range(len(_kept) - KEPT)]
    close_widgets(*old_widgets)


def close_widgets(*widgets: Any) -> None:
    """Close them with all that is in them: the page removes what it shows of them."""
    for widget in widgets:
        for part in parts_of(widget):
            part.close()
