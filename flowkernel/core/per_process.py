"""Values that each process makes for itself, as what one made cannot be used after a fork.

A fork has none of the threads of its parent, and its locks as they were at that moment: a pool
of threads waits for ever, and a lock that another thread held stays locked.
"""

import os
from collections.abc import Callable
from threading import Lock
from typing import Generic, TypeVar

Value = TypeVar("Value")


class PerProcess(Generic[Value]):
    """One value for each process, made when it is first used there. Thread-safe.

    For values of a module: it is never forgotten.

    >>> parser_lock = PerProcess(Lock)
    >>> with parser_lock.get():
    ...     pass
    """

    def __init__(self, make: Callable[[], Value]) -> None:
        self._make = make
        self._forget()
        if hasattr(os, "register_at_fork"):  # Windows has no fork.
            os.register_at_fork(after_in_child=self._forget)

    def get(self) -> Value:
        """The value of this process."""
        with self._lock:
            if not self._values:
                self._values.append(self._make())
            return self._values[0]

    def _forget(self) -> None:
        self._lock, self._values = Lock(), list[Value]()
