"""Messages over a Unix socket: one JSON object a line, with open files beside it.

Used by a fork server and by its kernels too, so it stands on the standard library alone.
"""

import json
import os
import select
import socket
from typing import Any

Message = dict[str, Any]
CHUNK = 65536  #: Bytes read at a time.
MOST_FILES = 3  #: Files that one message brings, inclusive.
SECONDS = 10.0  #: How long the other end may take none of a message.


class WireConnection:
    """One end of a connection."""

    def __init__(self, end: socket.socket) -> None:
        self.socket = end
        self._bytes = bytearray()
        self._files: list[int] = []

    def tell(self, message: Message, files: tuple[int, ...] = ()) -> None:
        """Send a message.

        Raises:
            OSError: The other end is gone, or takes nothing.
        """
        line = json.dumps(message).encode() + b"\n"
        sent = socket.send_fds(self.socket, [line], files)
        if sent < len(line):  # Sending nothing fails too, once the other end has left.
            self.socket.sendall(line[sent:])

    def hear(self) -> tuple[Message | None, list[int]]:
        """The next message, and the files that came with it; None: the other end is gone.

        Raises:
            ValueError: It speaks otherwise.
            TimeoutError: The socket has a time limit, and it came to that.
        """
        while not self.has_message:
            if not self.take_in():
                return None, []
        line, _, rest = self._bytes.partition(b"\n")
        files, self._files = self._files, []
        self._bytes = rest
        message = json.loads(line)
        if not isinstance(message, dict):
            raise ValueError(f"{line[:80]!r} is no message")
        return message, files

    def take_in(self) -> bool:
        """Read what there is, which may be part of a message; False: the other end is gone."""
        try:
            chunk, files, _, _ = socket.recv_fds(self.socket, CHUNK, MOST_FILES)
        except ConnectionError:
            chunk, files = b"", []
        for file in files:
            os.set_inheritable(file, False)
        self._bytes += chunk
        self._files += files
        return bool(chunk)

    def has_news(self, seconds: float | None) -> bool:
        """Whether `hear` has something to say (also that the other end is gone)."""
        if self.has_message:
            return True
        poll = select.poll()  # Not select(): a process may have more than 1,024 files.
        poll.register(self.socket, select.POLLIN)
        return bool(poll.poll(None if seconds is None else seconds * 1000))

    @property
    def has_message(self) -> bool:
        """Whether a whole message lies here unread."""
        return b"\n" in self._bytes

    def close(self) -> None:
        """Close this end, and the files that nobody asked for."""
        self.socket.close()
        close(self._files)


def close(files: list[int]) -> None:
    """Close files that are not ours to keep."""
    while files:
        os.close(files.pop())
