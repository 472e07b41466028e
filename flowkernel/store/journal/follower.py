"""Reading the journal while another process writes to it: each frame once, in order."""

from collections.abc import Iterator
from pathlib import Path

from flowkernel.core.errors import EngineFault
from flowkernel.store.journal.frames import Frame, FrameContent, decode, read_frames
from flowkernel.store.journal.segments import (
    CLOSED,
    first_frame,
    list_segments,
    read_segment,
)

#: Looks for a segment that is being compressed: its name changes once.
LOOKS = 2


class JournalFollower:
    """Reads the frames that come after a number, up to one that is acknowledged.

    The frame behind the last acknowledged one may still be taken back, so that the reader
    has to know how far it may read.
    """

    def __init__(self, folder: Path, frame: int) -> None:
        self.frame = frame  #: The number of the last frame that was read.
        self._folder = folder
        self._path: Path | None = None  #: The segment that was read last.
        self._offset = 0  #: Where the next frame begins in it.

    def read(self, until: int) -> Iterator[FrameContent]:
        """The frames up to this number, inclusive, that were not read before.

        Raises:
            EngineFault: One of them is not in the journal, or is damaged.
        """
        while self.frame < until or self._path is None:
            previous = self.frame
            yield from self._read_segment(until)
            if self.frame == previous < until:
                raise EngineFault(
                    f"Frame {previous + 1} of the journal in {str(self._folder)!r} "
                    "cannot be read."
                )

    def size_ahead(self) -> int:
        """Bytes of the journal that were not read yet, about."""
        path = self._next_segment()
        paths = [p for p in list_segments(self._folder) if p >= path and p.exists()]
        start = self._offset if path == self._path else 0
        return sum(p.stat().st_size for p in paths) - start

    def _read_segment(self, until: int) -> Iterator[FrameContent]:
        """The frames that the segment of the next frame has, up to this number."""
        content, start = self._content()
        for part in read_frames(content):
            number = part.summary.get("frame", 0) if isinstance(part, Frame) else until
            if not isinstance(part, Frame) or number > min(self.frame + 1, until):
                return
            self._offset = start + part.end
            if number > self.frame:
                self.frame = number
                yield decode(part.payload)

    def _content(self) -> tuple[bytes, int]:
        """The unread rest of the segment that has the next frame, and where it begins."""
        for _ in range(LOOKS):
            path = self._next_segment()
            # A compressed segment may have been made smaller: it is read from its start.
            is_closed = path.name.endswith(CLOSED)
            start = self._offset if path == self._path and not is_closed else 0
            self._path, self._offset = path, start
            try:
                return _rest(path, start), start
            except FileNotFoundError:
                continue
        return b"", 0

    def _next_segment(self) -> Path:
        paths = list_segments(self._folder)
        path = next(
            (p for p in reversed(paths) if first_frame(p) <= self.frame + 1), None
        )
        if path is None:
            raise EngineFault(f"The journal in {str(self._folder)!r} is gone.")
        return path


def _rest(path: Path, start: int) -> bytes:
    """What is in a segment from one byte on, decompressed if need be."""
    if path.name.endswith(CLOSED):
        return read_segment(path)
    with open(path, "rb") as file:
        file.seek(start)
        return file.read()
