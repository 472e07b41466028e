"""Frames of server-sent events, as bytes: made once, and sent to every watcher."""

from collections.abc import Iterable, Sequence
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple

from flowkernel.core.redaction import BUILT_IN

#: Bytes that are sent to a watcher at a time, about; one frame may have more.
MAX_CHUNK = 256 * 1024
#: After so many milliseconds a browser connects again.
RETRY_MS = 1_000


class StreamFrame(NamedTuple):
    """What one change looks like on the wire, without its id."""

    seq: int
    content: bytes  #: `data: ...`, and the empty line that ends the frame.


def frame(seq: int, text: str) -> StreamFrame:
    """A frame with JSON text as its data: that has no line end. What is protected is hidden."""
    return StreamFrame(seq, f"data: {BUILT_IN.text(text)}\n\n".encode())


def id_frame(seq: int) -> bytes:
    """A frame without data: a client that connects again continues behind `seq`."""
    return f"id: {seq}\n\n".encode()


def hello(seq: int, content: bytes = b"\n") -> bytes:
    """The first frame of a stream: when and from where to connect again."""
    return f": hello\nretry: {RETRY_MS}\nid: {seq}\n".encode() + content


def join(frames: Sequence[StreamFrame]) -> bytes:
    """Frames, in order, with their ids.

    Of several with the same number only the last one has it as its id: a client that got a
    part of them, and connects again, gets all of them.
    """
    parts: list[bytes] = []
    for index, (seq, content) in enumerate(frames):
        is_last = index + 1 == len(frames) or frames[index + 1].seq != seq
        if is_last:
            parts.append(b"id: %d\n" % seq)
        parts.append(content)
    return b"".join(parts)


def first_part(frames: Iterable[StreamFrame]) -> tuple[list[StreamFrame], bool]:
    """The first frames, about `MAX_CHUNK` bytes of them, and whether those are all.

    Frames with the same number are never parted.
    """
    part: list[StreamFrame] = []
    size = 0
    for _seq, group in groupby(frames, itemgetter(0)):
        if size >= MAX_CHUNK:
            return part, False
        for item in group:
            part.append(item)
            size += len(item.content)
    return part, True
