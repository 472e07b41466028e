"""Disk space in reserve, so that the tables can be written when the disk is full."""

from contextlib import suppress
from pathlib import Path

#: More than is acknowledged between two runs of the projector.
RESERVE_BYTES = 1024 * 1024
_BLOCK = bytes(64 * 1024)


class DiskReserve:
    """A file of zeros. It is deleted when its space is needed, and written again later."""

    def __init__(self, path: Path | None) -> None:
        """Without a path there is no reserve."""
        self._path = path
        self._size = 0

    def fill(self) -> None:
        """Make the file as large as it should be, or as the disk allows."""
        if self._path is None or self._size >= RESERVE_BYTES:
            return
        with suppress(OSError), open(self._path, "ab", buffering=0) as file:
            while (size := file.tell()) < RESERVE_BYTES:
                self._size = size
                file.write(_BLOCK)
            self._size = size

    def release(self) -> None:
        """Delete the file."""
        if self._path is not None:
            self._path.unlink(missing_ok=True)
        self._size = 0
