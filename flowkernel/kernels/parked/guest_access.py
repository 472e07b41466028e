"""In a flow's kernel: what clients other than its worker, called guests, may do there.

A person attaches to a parked kernel to look at its variables and to change them. These rules
hold for every kernel of ipykernel, forked or plain, from its first parking to its end:

* Only its worker can shut it down. A guest's shutdown request is refused on both channels on
  which it can come: to shut down an attached kernel or to restart it does not end it.
* A guest's cell runs while the kernel is parked. When the flow has resumed, the cell is not
  executed, and its reply is an error that says why. Messages of a guest's widgets are dropped.
* Calls in a guest's cell (`this.flow()`) are not calls of the flow: they do not count in the
  order by which a call is recognized when the flow resumes or runs again.

The session of a message says whose it is; messages are signed with the kernel's key. This runs
in the environment of the flow, so it needs the standard library alone.
"""

import builtins
import inspect
from collections.abc import Callable
from typing import Any

from flowkernel.core.errors import NotParked
from flowkernel.flow_api.context import IS_GUEST, required_context

#: Messages that execute code. Only the first has a reply.
CODE_MESSAGES = ("execute_request", "comm_open", "comm_msg", "comm_close")
SHUTDOWN_REFUSED = (
    "This kernel is kept by flowkernel and was not shut down. Answer the prompt of its run, or "
    "release it, if that has ended: `flowkernel execution release ID`."
)
Message = dict[str, Any]
Handler = Callable[[Any, Any, Message], Any]


class GuestAccess:
    """Decides on the messages of guests. One for each kernel.

    `is_open`: whether guests may run code. `owner`: the session of the kernel's worker.
    """

    def __init__(self, kernel: Any, owner: str) -> None:
        self.is_open = False
        self._kernel = kernel
        self._owner = owner
        for handlers in (kernel.shell_handlers, kernel.control_handlers):
            original = handlers.get("shutdown_request")
            if original is not None:
                guarded = self._guarded(original, self._refuse_shutdown)
                handlers["shutdown_request"] = guarded
        for kind in CODE_MESSAGES:
            original = kernel.shell_handlers.get(kind)
            if original is not None:
                guarded = self._guarded(original, self._as_guest(original))
                kernel.shell_handlers[kind] = guarded

    def _guarded(self, original: Handler, for_guests: Handler) -> Handler:
        """A handler that passes messages of guests to `for_guests`."""

        async def handle(stream: Any, ident: Any, message: Message) -> None:
            is_owner = message["header"]["session"] == self._owner
            result = (original if is_owner else for_guests)(stream, ident, message)
            if inspect.isawaitable(result):
                await result

        return handle

    def _as_guest(self, original: Handler) -> Handler:
        """A handler for messages of guests, which runs their code marked as a guest's."""

        async def handle(stream: Any, ident: Any, message: Message) -> None:
            if not self.is_open:
                return self._refuse_code(stream, ident, message)
            token = IS_GUEST.set(True)
            try:
                result = original(stream, ident, message)
                if inspect.isawaitable(result):
                    await result
            finally:
                IS_GUEST.reset(token)

        return handle

    def _refuse_shutdown(self, stream: Any, ident: Any, message: Message) -> None:
        content = _error_content(NotParked, SHUTDOWN_REFUSED)
        self._reply(stream, ident, message, "shutdown_reply", content)

    def _refuse_code(self, stream: Any, ident: Any, message: Message) -> None:
        if message["header"]["msg_type"] != "execute_request":
            return
        error = NotParked(
            required_context().execution_id,
            "its flow has resumed, and uses the kernel alone",
        )
        content = _error_content(NotParked, str(error))
        kernel = self._kernel
        topic = kernel._topic("error")
        kernel.session.send(
            kernel.iopub_socket, "error", content, parent=message, ident=topic
        )
        reply = {**content, "execution_count": kernel.execution_count}
        self._reply(stream, ident, message, "execute_reply", reply)

    def _reply(
        self, stream: Any, ident: Any, message: Message, kind: str, content: Message
    ) -> None:
        self._kernel.session.send(stream, kind, content, parent=message, ident=ident)


def _error_content(error: type[Exception], sentence: str) -> Message:
    name = error.__name__
    return {
        "status": "error",
        "ename": name,
        "evalue": sentence,
        "traceback": [f"{name}: {sentence}"],
    }


_guest_access: GuestAccess | None = None


def allow_guests(owner: str) -> None:
    """Let guests run code from now on: the kernel is parked.

    Args:
        owner: The session of the kernel's worker.

    Raises:
        AttributeError: The kernel is not one of ipykernel, and cannot be guarded.
    """
    global _guest_access
    if _guest_access is None:
        kernel = builtins.get_ipython().kernel  # type: ignore[attr-defined]
        _guest_access = GuestAccess(kernel, owner)
    _guest_access.is_open = True


def refuse_guests() -> None:
    """Refuse the code of guests from now on: the flow resumes."""
    if _guest_access is not None:
        _guest_access.is_open = False
