"""Room kept on the disk, so that what is acknowledged can be folded when the disk is full."""

from contextlib import suppress
from pathlib import Path

RESERVE_BYTES = (
    1024 * 1024
)  #: More than is acknowledged in one pause of the folding thread.
_BLOCK = bytes(64 * 1024)


class DiskReserve:
    """A file of zeros that is given up when there is no other room."""

    def __init__(self, path: Path | None) -> None:
        """Without a path there is none."""
        self._path = path
        self._size = 0

    def keep(self) -> None:
        """Have as much of it as there is room for."""
        if self._path is None or self._size >= RESERVE_BYTES:
            return
        with suppress(OSError), open(self._path, "ab", buffering=0) as file:
            while (size := file.tell()) < RESERVE_BYTES:
                self._size = size
                file.write(_BLOCK)
            self._size = size

    def give(self) -> None:
        """Free the room."""
        if self._path is not None:
            self._path.unlink(missing_ok=True)
        self._size = 0
