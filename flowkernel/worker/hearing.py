"""Hears what a kernel says, also where that would be missed on the way.

A socket of ZeroMQ says that there is something to read once, when it comes. Two on our way
use that up by sending over the socket behind the back of who reads it: jupyter_client's
session, on our side, when a message for a widget goes to the kernel while a reply comes (its
pull request 1059), and ipykernel 7.0 to 7.3, on theirs, when a request comes while a reply
goes (its pull request 1529). Who reads then waits for ever for what is there already.
"""

from typing import Any

import zmq
from jupyter_client.asynchronous import AsyncKernelClient

from flowkernel.clock import monotonic

PATIENCE = 0.5  #: Seconds a kernel may be silent when it has to say something.


class Hearing:
    """What was heard of the request that a kernel carries out. One per notebook."""

    def __init__(self) -> None:
        self._silent_since: float | None = None  #: None: it is at work.
        self._patience = PATIENCE

    def expect(self) -> None:
        """From now on the kernel has to say something: that it is at work, or its reply."""
        self._silent_since, self._patience = monotonic(), PATIENCE

    def take_in(self, message: dict[str, Any]) -> None:
        """It said something. While it is at work it may take as long as it likes."""
        if message["msg_type"] == "status":
            if message["content"]["execution_state"] == "busy":
                self._silent_since = None
            else:
                self.expect()

    def look(self, client: AsyncKernelClient) -> None:
        """Have what has come be read. Costs about a microsecond."""
        client.shell_channel.socket.get(zmq.EVENTS)

    def nudge(self, client: AsyncKernelClient) -> None:
        """Have a kernel that is silent for too long look, too: any message wakes it."""
        since = self._silent_since
        if since is not None and monotonic() - since > self._patience:
            self._silent_since = monotonic()
            self._patience *= 2  # It may have something else to do for long.
            client.kernel_info()
        self.look(client)
