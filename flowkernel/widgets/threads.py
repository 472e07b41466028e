"""Threads that may show something.

What they show belongs to the cell that runs at that moment; ipykernel knows it, but 7.0, which
keeps it where a new thread does not look. There it belongs to the cell that started the thread.
"""

import threading
from collections.abc import Callable
from contextvars import Context, copy_context
from typing import Any

from IPython import get_ipython


def begin(name: str, target: Callable[..., None], *args: Any) -> None:
    """Start it; nobody waits for its end."""
    words = (copy_context(), target, *args)
    threading.Thread(target=_run, args=words, name=name, daemon=True).start()


def _run(starter: Context, target: Callable[..., None], *args: Any) -> None:
    if _knows_its_cell():
        target(*args)
    else:
        starter.run(target, *args)


def _knows_its_cell() -> bool:
    kernel = getattr(get_ipython(), "kernel", None)
    try:
        if kernel is not None:
            kernel.get_parent()
    except LookupError:
        return False
    return True
