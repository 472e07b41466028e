"""What the engine and the SQL reader say to each other, and how it travels.

Both talk over stream sockets: one for the start of the reader, and one for each question that
it can answer at a time. A message is

    4 bytes   the length of the header, big-endian
    4 bytes   the length of the body, big-endian
    ...       the header: JSON
    ...       the body: bytes
"""

import json
import socket
import struct
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

LENGTHS = struct.Struct(">II")
#: Seconds that are left; None: there is no limit.
TimeLeft = Callable[[], float] | None
CHUNK = 1024 * 1024  #: Bytes that are read from a socket at a time.


@dataclass(frozen=True, slots=True)
class SqlQuestion:
    """One query, what it must see and what it may take."""

    sql: str
    format: str  #: "json" or "arrow".
    frame: int  #: The journal frame that the answer has to include.
    seconds: float  #: The time limit that a person set.
    time_left: float  #: Seconds of it that are left.
    rows: int
    size: int
    megabytes: int


@dataclass(frozen=True, slots=True)
class SqlAnswer:
    """The result of a query, as the body of an HTTP response; or why there is none."""

    content: bytes = b""
    error: str | None = None  #: A sentence.
    is_fault: bool = False  #: The error is not the fault of the question.
    #: The reader cannot go on: it has no memory left, or its copy cannot be used.
    is_worn: bool = False
    is_copy_lost: bool = False  #: The next reader needs another copy.


def send_question(lane: socket.socket, question: SqlQuestion) -> None:
    """Send a question to the reader."""
    send_message(lane, asdict(question))


def receive_question(lane: socket.socket) -> SqlQuestion:
    """The next question. Raises EOFError when the engine has closed its end."""
    header, _ = receive_message(lane)
    return SqlQuestion(**header)


def send_answer(lane: socket.socket, answer: SqlAnswer) -> None:
    """Send an answer to the engine."""
    header = asdict(answer)
    send_message(lane, header, header.pop("content"))


def receive_answer(lane: socket.socket, time_left: Callable[[], float]) -> SqlAnswer:
    """The answer to the question that was sent.

    Raises:
        TimeoutError: `time_left()` seconds are over.
        EOFError, OSError: The reader has ended.
    """
    header, content = receive_message(lane, time_left)
    return SqlAnswer(content=content, **header)


def send_message(
    lane: socket.socket, header: dict[str, Any], body: bytes = b""
) -> None:
    """Send one message."""
    head = json.dumps(header).encode()
    lane.sendall(LENGTHS.pack(len(head), len(body)) + head)
    lane.sendall(body)


def receive_message(
    lane: socket.socket, time_left: TimeLeft = None
) -> tuple[dict[str, Any], bytes]:
    """The header and the body of the next message; see `receive_answer`."""
    lengths = LENGTHS.unpack(_receive(lane, LENGTHS.size, time_left))
    head, body = (_receive(lane, length, time_left) for length in lengths)
    return json.loads(head), bytes(body)


def _receive(lane: socket.socket, length: int, time_left: TimeLeft) -> bytearray:
    content = bytearray()
    while len(content) < length:
        content += _part(lane, min(CHUNK, length - len(content)), time_left)
    return content


def _part(lane: socket.socket, length: int, time_left: TimeLeft) -> bytes:
    if time_left is not None:
        lane.settimeout(max(0.001, time_left()))
    part = lane.recv(length)
    if not part:
        raise EOFError("The other end was closed.")
    return part


def too_much(megabytes: int) -> str:
    """The sentence for a query that needs more memory than it may have."""
    return (
        f"The query needed more than {megabytes:,} MB of memory. Ask for less at a time, for "
        "instance with fewer columns, LIMIT or approx_quantile(), or allow more "
        "(`sql_megabytes`)."
    )
