"""Messages over a Unix socket: one JSON object on each line, and open files with it.

A fork server and its kernels use it too, so it needs the standard library alone.
"""

import json
import os
import select
import socket
from typing import Any

Message = dict[str, Any]
CHUNK = 65536  #: Bytes read at a time.
MAX_FILES = 3  #: Files that one message can bring, inclusive.
TIMEOUT = 10.0  #: Seconds in which the other end must take a part of a message.


class WireConnection:
    """One end of a connection."""

    def __init__(self, end: socket.socket) -> None:
        self.socket = end
        self._bytes = bytearray()
        self._files: list[int] = []

    def send(self, message: Message, files: tuple[int, ...] = ()) -> None:
        """Send a message.

        Raises:
            OSError: The other end is closed, or does not read.
        """
        line = json.dumps(message).encode() + b"\n"
        count = socket.send_fds(self.socket, [line], files)
        # Sending nothing would fail too, if the other end is closed.
        if count < len(line):
            self.socket.sendall(line[count:])

    def receive(self) -> tuple[Message | None, list[int]]:
        """The next message, and the files that came with it; None: the other end is closed.

        Raises:
            ValueError: What came is not a message.
            TimeoutError: The socket has a time limit, which is over.
        """
        while not self.has_message:
            if not self.read_available():
                return None, []
        line, _, remaining = self._bytes.partition(b"\n")
        files, self._files = self._files, []
        self._bytes = remaining
        try:
            message = json.loads(line)
        except RecursionError as error:
            raise ValueError(f"{line[:80]!r} is nested too deeply") from error
        if not isinstance(message, dict):
            raise ValueError(f"{line[:80]!r} is not a message")
        return message, files

    def read_available(self) -> bool:
        """Read once, maybe a part of a message; False: the other end is closed."""
        try:
            chunk, files, _, _ = socket.recv_fds(self.socket, CHUNK, MAX_FILES)
        except ConnectionError:
            chunk, files = b"", []
        for file in files:
            os.set_inheritable(file, False)
        self._bytes += chunk
        self._files += files
        return bool(chunk)

    def has_input(self, seconds: float | None) -> bool:
        """Whether `receive` finds something within the seconds; also a closed other end."""
        if self.has_message:
            return True
        poll = select.poll()  # Not select(): a process may have more than 1,024 files.
        poll.register(self.socket, select.POLLIN)
        return bool(poll.poll(None if seconds is None else seconds * 1000))

    @property
    def has_message(self) -> bool:
        """Whether a complete message was read and not yet received."""
        return b"\n" in self._bytes

    @property
    def is_open(self) -> bool:
        """Whether this end was not closed."""
        return self.socket.fileno() >= 0

    def close(self) -> None:
        """Close this end, and the files that were not received."""
        self.socket.close()
        close_files(self._files)


def close_files(files: list[int]) -> None:
    """Close all these files, and empty the list."""
    while files:
        os.close(files.pop())
