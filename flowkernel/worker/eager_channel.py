"""A channel to a kernel, through which messages come with few rounds of the event loop."""

from functools import cached_property
from queue import Empty
from typing import Any

import zmq
from jupyter_client.channels import AsyncZMQSocketChannel


class EagerChannel(AsyncZMQSocketChannel):
    """A channel that takes a message which is there, without a round of the event loop."""

    async def get_msg(  # The signature is that of jupyter_client.
        self,
        timeout: float | None = None,  # noqa: ASYNC109
    ) -> dict[str, Any]:
        """The next message; `timeout` in seconds.

        Raises:
            Empty: None came in time.
        """
        milliseconds = None if timeout is None else int(timeout * 1000)
        while (frames := self._frames()) is None:
            if not await self.socket.poll(milliseconds):
                raise Empty
        _, parts = self.session.feed_identities(frames)
        message: dict[str, Any] = self.session.deserialize(parts)
        return message

    def _frames(self) -> list[bytes] | None:
        try:
            frames: list[bytes] = self._plain_socket.recv_multipart(zmq.NOBLOCK)
        except zmq.Again:
            return None
        return frames

    @cached_property
    def _plain_socket(self) -> "zmq.Socket[bytes]":
        return zmq.Socket.shadow(self.socket.underlying)
