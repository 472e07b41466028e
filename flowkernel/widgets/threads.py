"""Threads that may display something.

What a thread displays belongs to the cell that runs at that moment. ipykernel knows that cell,
except version 7.0, which keeps it where a new thread does not look: there the output belongs to
the cell that started the thread.
"""

import threading
from collections.abc import Callable
from contextvars import Context, copy_context
from typing import Any

from IPython import get_ipython


def start_thread(name: str, target: Callable[..., None], *args: Any) -> None:
    """Call `target(*args)` in a daemon thread of this name, and do not wait for it."""
    threading.Thread(
        target=_run, args=(copy_context(), target, *args), name=name, daemon=True
    ).start()


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
