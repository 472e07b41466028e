"""The event loops of a worker: one for each execution, of two files, and one for signals.

jupyter_client and nbclient are asynchronous inside, and give each thread that calls them an
event loop that nobody closes. Hundreds of executions can wait in a worker, each in a thread of
its own: so what such a loop costs, and when it is closed, is decided here.
"""

import asyncio
import selectors
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any

from jupyter_core.utils import run_sync

from flowkernel.core.per_process import PerProcess


class _ThreadState(threading.local):
    #: Of this thread; None: it has no event loop of ours.
    runner: asyncio.Runner | None = None


_state = _ThreadState()


def _make_loop() -> asyncio.AbstractEventLoop:
    """A loop that takes no file for its selector. It watches three files, not thousands."""
    if not hasattr(selectors, "PollSelector"):  # Windows.
        return asyncio.new_event_loop()
    return asyncio.SelectorEventLoop(selectors.PollSelector())


@contextmanager
def thread_loop() -> Iterator[None]:
    """Give this thread an event loop, which is closed at the end of the block.

    A thread in which a loop runs, such as that of a notebook's cells, keeps that one. Any other
    gets a new one: Jupyter's has the files of the process in which it was made, and after a
    fork each process takes what wakes the other.
    """
    if _has_running_loop():
        yield
        return
    with asyncio.Runner(loop_factory=_make_loop) as runner:
        _state.runner = runner
        try:
            yield
        finally:
            _state.runner = None


def _has_running_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def in_thread_loop(
    function: Callable[..., Coroutine[Any, Any, Any]],
) -> Callable[..., Any]:
    """A function that waits for a coroutine function, in the loop of its thread.

    In a thread without one of ours, which is a person's own, it does as Jupyter does.
    """

    @wraps(function)
    def wait(*args: Any, **kwargs: Any) -> Any:
        runner = _state.runner
        if runner is None:
            return run_sync(function)(*args, **kwargs)
        # `run` would turn an interrupt into a cancelled task: nbclient takes that for a
        # kernel that died.
        return runner.get_loop().run_until_complete(function(*args, **kwargs))

    return wait


def start_background() -> None:
    """Start what `in_background` needs, unless it runs. After an error it can be called again.

    Raises:
        RuntimeError, OSError: The system has no thread or no file left.
    """
    _background_loop.get()


def in_background(coroutine: Coroutine[Any, Any, None]) -> None:
    """Run a coroutine that signals kernels. All share one thread, so it must not block."""
    asyncio.run_coroutine_threadsafe(coroutine, _background_loop.get())


def _start_background_loop() -> asyncio.AbstractEventLoop:
    loop = _make_loop()
    try:
        threading.Thread(target=loop.run_forever, name="signals", daemon=True).start()
    except BaseException:
        loop.close()
        raise
    return loop


_background_loop = PerProcess(_start_background_loop)
