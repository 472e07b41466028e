"""In a flow's kernel: what others than its worker may do there, once it was parked.

A person attaches to the parked kernel to look at its variables and to mend them. For kernels
that are ipykernel's, forked or plain, this is kept from the first parking to the kernel's end:

* A shutdown request that is not its worker's is refused, on both channels it can come by: to
  let go of an attached kernel, or to start it again, does not end it.
* A guest's cell runs while the kernel is parked. Once the flow goes on it is answered with an
  error that says so, and not carried out; what a guest's widget sends is dropped.
* The calls of a guest's cell (`this.flow()`) are not the flow's: they take no place in the
  order by which a call is known when the flow goes on or is run again.

Who is who is told by the session of a message, which is signed with the kernel's key. Runs in
the environment of the flow, so: standard library alone.
"""

import builtins
import inspect
from collections.abc import Callable
from typing import Any

from flowkernel.core.errors import NotParked
from flowkernel.flow_api.context import IS_GUEST, required_context

#: What carries out code. The first is answered; the others have no answer.
CARRIED_OUT = ("execute_request", "comm_open", "comm_msg", "comm_close")
STAYS = (
    "This kernel is kept by flowkernel and was not shut down: its execution waits for a "
    "decision. Answer its prompt to let it go."
)
Message = dict[str, Any]
Handler = Callable[[Any, Any, Message], Any]


class GuestAccess:
    """Lets guests in while the kernel is parked. One per kernel."""

    def __init__(self, kernel: Any, owner: str) -> None:
        self.is_open = False
        self._kernel = kernel
        self._owner = owner
        for handlers in (kernel.shell_handlers, kernel.control_handlers):
            real = handlers.get("shutdown_request")
            if real is not None:
                handlers["shutdown_request"] = self._guarded(real, self._stay)
        for kind in CARRIED_OUT:
            real = kernel.shell_handlers.get(kind)
            if real is not None:
                handler = self._guarded(real, self._as_guest(real))
                kernel.shell_handlers[kind] = handler

    def _guarded(self, real: Handler, for_guests: Handler) -> Handler:
        async def handle(stream: Any, ident: Any, message: Message) -> None:
            is_owner = message["header"]["session"] == self._owner
            done = (real if is_owner else for_guests)(stream, ident, message)
            if inspect.isawaitable(done):
                await done

        return handle

    def _as_guest(self, real: Handler) -> Handler:
        async def handle(stream: Any, ident: Any, message: Message) -> None:
            if not self.is_open:
                return self._refuse(stream, ident, message)
            before = IS_GUEST.set(True)
            try:
                done = real(stream, ident, message)
                if inspect.isawaitable(done):
                    await done
            finally:
                IS_GUEST.reset(before)

        return handle

    def _stay(self, stream: Any, ident: Any, message: Message) -> None:
        self._answer(stream, ident, message, "shutdown_reply", _said(NotParked, STAYS))

    def _refuse(self, stream: Any, ident: Any, message: Message) -> None:
        if message["header"]["msg_type"] != "execute_request":
            return
        error = NotParked(
            required_context().execution_id, "it goes on, and nobody may disturb it"
        )
        content = _said(NotParked, str(error))
        kernel = self._kernel
        place = kernel._topic("error")
        kernel.session.send(
            kernel.iopub_socket, "error", content, parent=message, ident=place
        )
        reply = {**content, "execution_count": kernel.execution_count}
        self._answer(stream, ident, message, "execute_reply", reply)

    def _answer(
        self, stream: Any, ident: Any, message: Message, kind: str, content: Message
    ) -> None:
        self._kernel.session.send(stream, kind, content, parent=message, ident=ident)


def _said(error: type[Exception], sentence: str) -> Message:
    name = error.__name__
    return {
        "status": "error",
        "ename": name,
        "evalue": sentence,
        "traceback": [f"{name}: {sentence}"],
    }


_door: GuestAccess | None = None


def let_in(owner: str) -> None:
    """The kernel is parked: guests may look. `owner`: the session of its worker.

    Raises:
        AttributeError: This is no kernel of ipykernel: it cannot be guarded.
    """
    global _door
    if _door is None:
        _door = GuestAccess(builtins.get_ipython().kernel, owner)  # type: ignore[attr-defined]
    _door.is_open = True


def keep_out() -> None:
    """The flow goes on: from now on only its worker has anything carried out."""
    if _door is not None:
        _door.is_open = False
