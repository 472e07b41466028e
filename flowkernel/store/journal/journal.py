"""The journal: what is acknowledged is on disk here first, and in the tables soon after.

A folder of segments; `frames` has the format of one. The newest is written to. One that is
full is closed, and compressed when there is time. A segment is named by the number of its
first frame. All are kept: together they are everything that happened since the journal
began, so that the tables can be made from them.
"""

import os
import threading
from contextlib import suppress
from logging import getLogger
from pathlib import Path

from flowkernel.core.clock import now
from flowkernel.core.errors import DiskFull, EngineError, EngineFault
from flowkernel.core.json_values import dumps
from flowkernel.store.database import FREE_SOME, is_disk_full
from flowkernel.store.journal.frames import Damage, Frame, encoded, framed, read_frames
from flowkernel.store.journal.segments import (
    DAMAGED,
    OPEN,
    Header,
    compress,
    forget_pruned,
    last_frame,
    segments,
    sync_folder,
)
from flowkernel.store.pending_changes import PendingChanges

SEGMENT_BYTES = 16 * 1024 * 1024  #: A segment with so many is closed.
TORN_HEADER = (
    512  #: Bytes, inclusive. No more than these: nothing but a header was begun.
)
sync = getattr(
    os, "fdatasync", os.fsync
)  #: macOS and Windows have only the slower one.
logger = getLogger(__name__)


class Journal:
    """The open journal. Used by the writing thread alone, once it is open."""

    def __init__(self, folder: Path, header: Header, *, applied: int) -> None:
        """Go on with the newest segment, or begin one; cut off what was half written.

        Args:
            applied: The last frame that the tables have.

        Raises:
            DiskFull, EngineFault: It cannot be written to.
        """
        self.folder = folder
        self._header = header
        self._file = -1
        self._end = 0  #: Bytes of the newest segment.
        self._tidying = threading.Lock()
        try:
            folder.mkdir(mode=0o700, exist_ok=True)
            last = last_frame(folder)
            self.number = max(applied, last)  #: Of the last frame.
            if last < applied or not self._go_on():
                self._begin()
        except OSError as error:
            raise journal_fault(folder, error) from error

    def append(self, changes: PendingChanges) -> None:
        """Write a batch down; come back when it is on disk. Sets its frame and size.

        Raises:
            DiskFull, EngineFault: Nothing was written.
        """
        content = framed(encoded(changes, self.number + 1, now()))
        try:
            if self._end >= SEGMENT_BYTES:
                self._begin()
            self._write(content)
        except OSError as error:
            raise journal_fault(self.folder, error) from error
        self.number += 1
        changes.frame, changes.size = self.number, len(content)

    def close_segment(self) -> None:
        """Begin another segment, so that all there is so far is closed.

        Raises:
            DiskFull, EngineFault: It cannot be begun.
        """
        try:
            self._begin()
        except OSError as error:
            raise journal_fault(self.folder, error) from error

    def compress_closed(self) -> None:
        """Compress the segments that are full. Safe beside `append`, as what follows."""
        with self._tidying:
            for path in segments(self.folder)[:-1]:
                if path.suffix != ".gz":
                    compress(path)

    def forget_pruned(self) -> int:
        """Take what was pruned out of the closed segments; how many bytes that frees."""
        with self._tidying:
            return forget_pruned(self.folder)

    def close(self) -> None:
        """Free the file."""
        if self._file >= 0:
            os.close(self._file)
        self._file = -1

    def _go_on(self) -> bool:
        """Open the newest segment; False if there is none to go on with."""
        path = next(reversed(segments(self.folder)), None)
        if path is None or path.suffix == ".gz":
            return False
        parts = list(read_frames(path.read_bytes()))
        ends = [part.end for part in parts if isinstance(part, Frame)]
        if not ends:
            if parts and parts[-1].end > TORN_HEADER:
                os.replace(path, path.with_suffix(DAMAGED))
            return False
        self._file = os.open(path, os.O_RDWR)
        self._end = ends[-1]
        if isinstance(parts[-1], Damage):
            cut = parts[-1].end - self._end
            logger.warning(f"{path}: {cut} bytes at its end were half written; cut off")
            os.ftruncate(self._file, self._end)
        return True

    def _begin(self) -> None:
        """Begin a segment with the next number."""
        self.close()
        self._end = SEGMENT_BYTES  # If this fails, the next batch tries again.
        path = self.folder / f"{self.number + 1:016d}{OPEN}"
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
        header = {name: getattr(self._header, name) for name in Header.__slots__}
        content = framed(dumps(header).encode())
        try:
            self._write(content, at=0)
            sync_folder(self.folder)
        except OSError:
            self._end = SEGMENT_BYTES
            raise

    def _write(self, content: bytes, *, at: int | None = None) -> None:
        end = self._end if at is None else at
        try:
            os.ftruncate(self._file, end)  # What a failure may have left.
            os.lseek(self._file, end, os.SEEK_SET)
            written = 0
            while written < len(content):
                written += os.write(self._file, content[written:])
            sync(self._file)
        except OSError:
            with suppress(OSError):  # Else it is done before the next frame.
                os.ftruncate(self._file, end)
            raise
        self._end = end + len(content)


def journal_fault(folder: Path, error: OSError) -> EngineError:
    """The sentence for a journal that cannot be written to."""
    what = f"The journal in {str(folder)!r} cannot be written to"
    if is_disk_full(str(error)):
        return DiskFull(f"{what}: {FREE_SOME}")
    return EngineFault(f"{what}: {error.strerror or error}. Nothing was recorded.")
