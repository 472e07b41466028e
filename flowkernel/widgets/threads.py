"""Threads that may display something.

What a thread displays belongs to the cell that runs at that moment. ipykernel knows that cell,
except version 7.0, which keeps it where a new thread does not look: there the output belongs to
the cell that started the thread.
"""

import threading
from collections.abc import Callable
from contextvars import Context, copy_context
from functools import partial
from typing import Any

from IPython import get_ipython


def start_thread(name: str, target: Callable[..., None], *args: Any) -> None:
    """Call `target(*args)` in a daemon thread of this name, and do not wait for it."""
    threading.Thread(
        target=_run, args=(copy_context(), target, *args), name=name, daemon=True
    ).start()


def in_this_cell() -> Callable[..., Any]:
    """What calls a function, in another thread, so that its output belongs to this cell.

    Call it as `call(function, *args)`; it gives what the function does.
    """
    return partial(_run, copy_context())


def _run(starter: Context, target: Callable[..., Any], *args: Any) -> Any:
    return target(*args) if _knows_its_cell() else starter.run(target, *args)


def _knows_its_cell() -> bool:
    kernel = getattr(get_ipython(), "kernel", None)
    try:
        if kernel is not None:
            kernel.get_parent()
    except LookupError:
        return False
    return True
