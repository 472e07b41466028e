"""Where this process stands: in a flow's kernel, or outside of one."""

import os
import threading
from contextvars import ContextVar
from dataclasses import dataclass, field
from hashlib import sha256

from flowkernel.client.client import Client
from flowkernel.core.clock import new_id
from flowkernel.core.errors import BadArgument, NotInFlowKernel

MAX_KEY = 200  #: Characters of a call key as it is stored; longer ones are hashed.
ADVICE = (
    "flow_api was imported outside a flow's kernel: the code can be read here, not run. "
    "Put `%%flow NAME` on the first line of the cell and start it with `%flow_run NAME`, "
    "or run the file with `flowkernel run FILE`."
)


#: A cell is carried out that is not the flow's: somebody attached to its parked kernel.
IS_GUEST: ContextVar[bool] = ContextVar("flowkernel_is_guest", default=False)


@dataclass
class Context:
    """The execution whose kernel this is."""

    client: Client
    execution_id: str
    calls: dict[str, int] = field(default_factory=dict)
    called: list[str] = field(default_factory=list)  #: In order.
    cells: list[int] = field(default_factory=list)  #: How many there were at each cell.
    messages: dict[str, int] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)
    pid: int = field(default_factory=os.getpid)

    def call_key(self, what: str) -> str:
        """The key of the next call of its kind: the same when the flow is run again."""
        if self._counts_apart:  # Give `key` to have a fork's calls repeat.
            return f"{what}#{new_id()}"
        with self.lock:
            self.called.append(what)
        return self._next(self.calls, what)

    def begin_cell(self) -> None:
        """A cell begins: its calls can be taken back. A guest's are not the flow's."""
        if not self._counts_apart:
            self.cells.append(len(self.called))

    def rewind(self, cells: int) -> None:
        """The last cells are carried out again: their calls are the same calls."""
        with self.lock:
            place = self.cells[-cells] if cells <= len(self.cells) else 0
            for what in self.called[place:]:
                self.calls[what] -= 1
            del self.called[place:], self.cells[-cells:]

    def message_key(self, what: str) -> str:
        """The key of the next message that asks this: the same after a loss."""
        if self._counts_apart:
            return f"{what}#{new_id()}"
        return self._next(self.messages, what)

    @property
    def _counts_apart(self) -> bool:
        """Whether what is carried out here has no place in the order of the flow's calls."""
        return IS_GUEST.get() or os.getpid() != self.pid

    def _next(self, counts: dict[str, int], what: str) -> str:
        with self.lock:
            counts[what] = counts.get(what, 0) + 1
            return f"{what}#{counts[what]}"


_here: Context | None = None


def enter(client: Client, execution_id: str) -> Context:
    """From now on this process is the kernel of that execution."""
    global _here
    _here = Context(client, execution_id)
    return _here


def rewind(cells: int) -> None:
    """The last cells are carried out again: what they call is the same as before."""
    needed().rewind(cells)


def here() -> Context | None:
    """The execution whose kernel this is; None outside a flow's kernel."""
    return _here


def acting() -> Context | None:
    """The execution whose own cell this is; None outside, and in a guest's cell."""
    return None if IS_GUEST.get() else _here


def needed() -> Context:
    """The same, where it must be one.

    Raises:
        NotInFlowKernel: This is no flow's kernel; says what to do.
    """
    if _here is None:
        raise NotInFlowKernel(ADVICE)
    return _here


def own(execution_id: str, method: str) -> Context:
    """The same, where it must be this one: `method` is for the flow that calls it.

    Raises:
        NotInFlowKernel: This is no flow's kernel; says what to do.
        BadArgument: It is the kernel of another execution.
    """
    mine = needed()
    if mine.execution_id != execution_id:
        raise BadArgument(
            f"{method}() belongs to the flow that calls it: use `this.{method}(...)`."
        )
    return mine


def short_key(key: str) -> str:
    """A call key as it is stored; its place in the order of calls stays readable."""
    if len(key) <= MAX_KEY:
        return key
    return (
        f"{key[:100]}...{sha256(key.encode()).hexdigest()}{key[key.rfind('#') :][:10]}"
    )
