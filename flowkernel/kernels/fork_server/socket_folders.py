"""Folders with the sockets of kernels, in the system's folder for temporary files.

Each is named after the process that made it. A kernel that is started again keeps its folder,
for its clients know its sockets: so the name alone does not tell whether it is still needed.
"""

import os
import shutil
import socket
import time
from contextlib import suppress
from pathlib import Path

RESTART_SECONDS = (
    60.0  #: How long a folder that was touched is kept, though nobody listens in it.
)


def remove_abandoned(folder: Path, *, spared: float = RESTART_SECONDS) -> bool:
    """Remove the folder of a process that has ended; whether that was done.

    It is not, if a kernel listens there, or may again: it was touched within the last
    `spared` seconds.
    """
    try:
        touched = folder.stat()
        if touched.st_uid != os.getuid() or time.time() - touched.st_mtime < spared:
            return False
        if any(_is_heard(path) for path in folder.iterdir() if path.is_socket()):
            return False
    except OSError:  # Somebody else has removed it, or may not be asked.
        return False
    shutil.rmtree(folder, ignore_errors=True)
    return True


def keep(folder: Path) -> None:
    """Say that a kernel will listen there again in a moment."""
    with suppress(OSError):
        os.utime(folder)


def _is_heard(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as end:
        end.setblocking(False)
        try:
            end.connect(str(path))
        except BlockingIOError:  # Its queue is full: somebody has it.
            return True
        except OSError:
            return False
    return True
