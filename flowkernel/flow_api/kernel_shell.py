"""The shell of a flow's kernel: what a flow finds in it, whatever the flow does there."""

import asyncio
import builtins
from asyncio import tasks
from asyncio.events import _get_running_loop, _set_running_loop
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


def prepare_shell(system: Any, this: Any, inputs: Any, *, path: str | None) -> None:
    """Prepare the shell of this process, if it has one, for a flow.

    Args:
        system, this, inputs: What the flow finds under these names.
        path: Of a script; None: the flow is none.
    """
    shell = getattr(builtins, "get_ipython", lambda: None)()
    if shell is None:
        return
    names = {"system": system, "this": this, "inputs": inputs}
    if path is not None:
        names["__file__"] = path
        run_as_script(shell)
    keep_names(shell, names)


def keep_names(shell: Any, names: dict[str, Any]) -> None:
    """Have these names in the shell, also after `%reset`. `%who` does not list them."""
    fill_namespace = shell.init_user_ns

    def init_user_ns() -> None:
        fill_namespace()
        shell.user_ns.update(names)
        shell.user_ns_hidden.update(names)

    shell.init_user_ns = init_user_ns
    shell.user_ns_hidden.update(names)


def run_as_script(shell: Any) -> None:
    """Run plain code as `python file.py` does: no event loop runs, and it can start one.

    In a kernel one runs always, so that `asyncio.run` would be refused. Code with `await` at
    its top level still uses that one.
    """
    run_code = shell.run_code
    own_loop: list[asyncio.AbstractEventLoop] = []  # One for all cells.

    async def run_code_of_script(
        code: Any, result: Any = None, *, async_: bool = False
    ) -> Any:
        if async_:
            return await run_code(code, result, async_=True)
        if not own_loop:
            own_loop.append(asyncio.new_event_loop())
        with _hidden_loop(own_loop[0]):
            return await run_code(code, result)  # It never suspends.

    shell.run_code = run_code_of_script


@contextmanager
def _hidden_loop(own_loop: asyncio.AbstractEventLoop) -> Iterator[None]:
    """No event loop runs in this thread meanwhile; `own_loop` is the one that it gets."""
    loop = _get_running_loop()
    if loop is None:
        yield
        return
    # From 3.12 on.
    swap = getattr(tasks, "_swap_current_task", lambda _loop, task: task)
    task = swap(loop, None)
    _set_running_loop(None)
    asyncio.set_event_loop(own_loop)
    try:
        yield
    finally:
        asyncio.set_event_loop(loop)
        _set_running_loop(loop)
        swap(loop, task)
