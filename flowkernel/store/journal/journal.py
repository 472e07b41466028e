"""The journal: what is acknowledged is here on disk first, and in the tables soon after.

It is a folder of segments, whose format is in `frames`. Frames are added to the newest one. A
full segment is closed, and compressed when there is time. A segment is named by the number of
its first frame. All segments are kept: they have every event since the journal began, so that
the tables can be made from them.
"""

import os
import threading
from contextlib import suppress
from logging import getLogger
from pathlib import Path

from flowkernel.core.clock import now
from flowkernel.core.errors import DiskFull, EngineError, EngineFault
from flowkernel.core.json_values import dumps
from flowkernel.core.private_files import sync_folder
from flowkernel.store.database import DISK_FULL_ADVICE, is_disk_full
from flowkernel.store.journal.frames import (
    Damage,
    Frame,
    encode,
    frame_bytes,
    read_frames,
)
from flowkernel.store.journal.segments import (
    DAMAGED,
    OPEN,
    Header,
    compress,
    erase,
    last_frame,
    list_segments,
    remove_pruned,
    remove_replaced,
)
from flowkernel.store.pending_changes import PendingChanges

#: A segment of this size or more gets no further frames.
SEGMENT_BYTES = 16 * 1024 * 1024
#: Bytes, inclusive. A segment without a frame and of at most this size is a torn header.
MAX_TORN_HEADER = 512
#: macOS and Windows have only the slower one.
sync = getattr(os, "fdatasync", os.fsync)
logger = getLogger(__name__)


class Journal:
    """The open journal. Only the writing thread appends to it.

    `compress_closed` and `remove_pruned` are safe in other threads meanwhile.
    """

    def __init__(self, folder: Path, header: Header, *, applied: int) -> None:
        """Open the newest segment, or start one; cut off a frame that is half written.

        Args:
            folder: Where the segments lie; created if need be.
            header: For the new segments.
            applied: The number of the last frame that the tables have.

        Raises:
            DiskFull, EngineFault: It cannot be written to.
        """
        self.folder = folder
        self._header = header
        self._file = -1
        self._end = 0  #: The size of the newest segment, in bytes.
        self._closed_segments_lock = threading.Lock()
        try:
            folder.mkdir(mode=0o700, exist_ok=True)
            remove_replaced(folder)
            last = last_frame(folder)
            self.number = max(applied, last)  #: The number of the last frame.
            if last < applied or not self._open_newest():
                self._start_segment()
        except OSError as error:
            raise journal_error(folder, error) from error

    def append(self, changes: PendingChanges) -> None:
        """Write changes as a frame, and set their `frame` and `size`. Returns once on disk.

        Raises:
            DiskFull, EngineFault: Nothing was written.
        """
        content = frame_bytes(encode(changes, self.number + 1, now()))
        try:
            if self._end >= SEGMENT_BYTES:
                self._start_segment()
            self._write(content)
        except OSError as error:
            raise journal_error(self.folder, error) from error
        self.number += 1
        changes.frame, changes.size = self.number, len(content)

    def close_segment(self) -> None:
        """Start another segment, so that all frames so far are in closed ones.

        Raises:
            DiskFull, EngineFault: It cannot be started.
        """
        try:
            self._start_segment()
        except OSError as error:
            raise journal_error(self.folder, error) from error

    def compress_closed(self) -> None:
        """Compress the closed segments."""
        with self._closed_segments_lock:
            for path in list_segments(self.folder)[:-1]:
                if path.suffix != ".gz":
                    compress(path)

    def remove_pruned(self) -> int:
        """Remove pruned events from the closed segments; return how many bytes that frees."""
        with self._closed_segments_lock:
            return remove_pruned(self.folder)

    def erase(self, ids: set[bytes]) -> None:
        """Remove the events of these families and executions from the closed segments."""
        with self._closed_segments_lock:
            erase(self.folder, ids)

    def close(self) -> None:
        """Close the file."""
        if self._file >= 0:
            os.close(self._file)
        self._file = -1

    def _open_newest(self) -> bool:
        """Open the newest segment; False if there is none that can be added to."""
        path = next(reversed(list_segments(self.folder)), None)
        if path is None or path.suffix == ".gz":
            return False
        parts = list(read_frames(path.read_bytes()))
        ends = [part.end for part in parts if isinstance(part, Frame)]
        if not ends:
            if parts and parts[-1].end > MAX_TORN_HEADER:
                os.replace(path, path.with_suffix(DAMAGED))
            return False
        self._file = os.open(path, os.O_RDWR)
        self._end = ends[-1]
        if isinstance(parts[-1], Damage):
            size = parts[-1].end - self._end
            logger.warning(f"{path}: cut off a half-written frame of {size} bytes")
            os.ftruncate(self._file, self._end)
        return True

    def _start_segment(self) -> None:
        """Start a segment, named by the number of the next frame."""
        self.close()
        self._end = SEGMENT_BYTES  # If this fails, the next batch tries again.
        path = self.folder / f"{self.number + 1:016d}{OPEN}"
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
        header = {name: getattr(self._header, name) for name in Header.__slots__}
        content = frame_bytes(dumps(header).encode())
        try:
            self._write(content, offset=0)
            sync_folder(self.folder)
        except OSError:
            self._end = SEGMENT_BYTES
            raise

    def _write(self, content: bytes, *, offset: int | None = None) -> None:
        """Write and sync; a failure leaves nothing behind. Default: behind the last frame."""
        start = self._end if offset is None else offset
        try:
            os.ftruncate(self._file, start)  # An earlier failure may have left a rest.
            os.lseek(self._file, start, os.SEEK_SET)
            count = 0
            while count < len(content):
                count += os.write(self._file, content[count:])
            sync(self._file)
        except OSError:
            with suppress(OSError):  # If this fails, the next call does it.
                os.ftruncate(self._file, start)
            raise
        self._end = start + len(content)


def journal_error(folder: Path, error: OSError) -> EngineError:
    """Our error for a journal that cannot be written to."""
    failure = f"The journal in {str(folder)!r} cannot be written to"
    if is_disk_full(str(error)):
        return DiskFull(f"{failure}: {DISK_FULL_ADVICE}")
    return EngineFault(f"{failure}: {error.strerror or error}. Nothing was recorded.")
