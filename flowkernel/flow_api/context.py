"""Whether this process is the kernel of an execution, and of which one."""

import os
import threading
from contextvars import ContextVar
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from flowkernel.client.client import Client
from flowkernel.client.own_token import HOME, ID
from flowkernel.core.clock import new_id
from flowkernel.core.errors import BadArgument, NotInFlowKernel
from flowkernel.home import Home

ELSEWHERE = 0  #: The `pid` of a context that a process inherits: no process has it.
MAX_KEY = 200  #: Characters of a call key as it is stored; longer ones are hashed.
ADVICE = (
    "flow_api was imported outside a flow's kernel: the code can be read here, not run. "
    "Put `%%flow NAME` on the first line of the cell and start it with `%flow_run NAME`, "
    "or run the file with `flowkernel run FILE`."
)


#: True while a cell runs that is not the flow's: a person attached to its parked kernel.
IS_GUEST: ContextVar[bool] = ContextVar("flowkernel_is_guest", default=False)


@dataclass
class Context:
    """The execution whose kernel this is, and what it called so far."""

    client: Client
    execution_id: str
    #: How often each call was made, by what is called.
    call_counts: dict[str, int] = field(default_factory=dict)
    #: Calls in their order, each with the counts that it is in.
    call_order: list[tuple[dict[str, int], str]] = field(default_factory=list)
    #: For each cell, the number of calls before it.
    cell_starts: list[int] = field(default_factory=list)
    message_counts: dict[str, int] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)
    pid: int = field(default_factory=os.getpid)

    def call_key(self, call: str) -> str:
        """The key of the next such call: the same one when the flow is run again."""
        if self._is_outside_flow:  # Give `key` to make the calls of a fork repeatable.
            return f"{call}#{new_id()}"
        return self._next_key(self.call_counts, call, is_repeated=True)

    def begin_cell(self) -> None:
        """Note that a cell begins, so that its calls can be taken back. Not for a guest's."""
        if not self._is_outside_flow:
            self.cell_starts.append(len(self.call_order))

    def rewind(self, cells: int) -> None:
        """Forget the calls of the last cells: they run again, and make the same calls."""
        with self.lock:
            start = self.cell_starts[-cells] if cells <= len(self.cell_starts) else 0
            for counts, call in self.call_order[start:]:
                counts[call] -= 1
            del self.call_order[start:], self.cell_starts[-cells:]

    def message_key(self, question: str, *, is_repeated: bool = False) -> str:
        """The key of the next such message: the same one when the flow runs after a loss.

        Args:
            is_repeated: Whether it is the same one also if its cell alone runs again.
        """
        if self._is_outside_flow:
            return f"{question}#{new_id()}"
        return self._next_key(self.message_counts, question, is_repeated=is_repeated)

    @property
    def _is_outside_flow(self) -> bool:
        """Whether the code that runs now has no place in the order of the flow's calls."""
        return IS_GUEST.get() or os.getpid() != self.pid

    def _next_key(self, counts: dict[str, int], name: str, *, is_repeated: bool) -> str:
        with self.lock:
            if is_repeated:
                self.call_order.append((counts, name))
            counts[name] = counts.get(name, 0) + 1
            return f"{name}#{counts[name]}"


_context: Context | None = None


def enter(client: Client, execution_id: str) -> Context:
    """Make this process the kernel of an execution."""
    global _context
    _context = Context(client, execution_id)
    return _context


def rewind(cells: int) -> None:
    """Forget the calls of the last cells. The worker calls it before these run again."""
    required_context().rewind(cells)


def current_context() -> Context | None:
    """The execution whose kernel this is, or whose kernel started it; else None."""
    global _context
    _context = _context or _inherited()
    return _context


def _inherited() -> Context | None:
    """The context of a child process of a kernel, by the environment."""
    execution_id, path = os.environ.get(ID), os.environ.get(HOME)
    if execution_id is None or path is None:
        return None
    client = Client(Home(Path(path)), started_by=f"execution {execution_id}")
    return Context(client, execution_id, pid=ELSEWHERE)


def flow_context() -> Context | None:
    """The execution whose own cell runs here; None outside, and in a guest's cell."""
    return None if IS_GUEST.get() else current_context()


def required_context() -> Context:
    """The execution whose kernel this is.

    Raises:
        NotInFlowKernel: This is no flow's kernel; says what to do.
    """
    context = current_context()
    if context is None:
        raise NotInFlowKernel(ADVICE)
    return context


def own_context(execution_id: str, method: str) -> Context:
    """The execution whose kernel this is, if it is this one.

    Args:
        method: The name of a method that only the flow itself can call.

    Raises:
        NotInFlowKernel: This is no flow's kernel; says what to do.
        BadArgument: It is the kernel of another execution.
    """
    context = required_context()
    if context.execution_id != execution_id:
        raise BadArgument(
            f"{method}() belongs to the flow that calls it: use `this.{method}(...)`."
        )
    return context


def short_key(key: str) -> str:
    """A call key as it is stored; its place in the order of calls stays readable.

    >>> short_key("fetch:{}#1")
    'fetch:{}#1'
    """
    if len(key) <= MAX_KEY:
        return key
    return (
        f"{key[:100]}...{sha256(key.encode()).hexdigest()}{key[key.rfind('#') :][:10]}"
    )
