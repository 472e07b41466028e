"""Threads that may show something: they know to which cell they belong.

ipykernel 7.0 keeps that in context variables, which a new thread does not have.
"""

import threading
from collections.abc import Callable
from contextvars import copy_context
from typing import Any


def begin(name: str, target: Callable[..., None], *args: Any) -> None:
    """Start it, in the context of whoever calls; nobody waits for its end."""
    words = (target, *args)
    threading.Thread(
        target=copy_context().run, args=words, name=name, daemon=True
    ).start()
