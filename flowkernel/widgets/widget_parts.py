"""The parts of a widget, and their end: ipywidgets keeps each one until it is closed."""

from collections.abc import Iterator
from typing import Any

from ipywidgets import Widget


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


def close_widgets(*widgets: Any) -> None:
    """Close them with all that is in them: the page removes what it shows of them."""
    for widget in widgets:
        for part in parts_of(widget):
            part.close()
