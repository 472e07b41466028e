"""Folders with the sockets of kernels, in the system's folder for temporary files.

Each is named after the process that made it. A kernel that is restarted keeps its folder, as
its clients know its sockets: so the name alone does not say whether the folder is in use.
"""

import os
import shutil
import socket
import time
from contextlib import suppress
from pathlib import Path

#: How long a folder without a listener is kept after it was touched.
RESTART_SECONDS = 60.0


def remove_abandoned(folder: Path, *, grace: float = RESTART_SECONDS) -> bool:
    """Remove the folder of a process that has ended; return whether it was removed.

    It stays if a kernel listens there, or if it was touched within the last `grace` seconds,
    as a kernel may be about to listen there again.
    """
    try:
        status = folder.stat()
        if status.st_uid != os.getuid() or time.time() - status.st_mtime < grace:
            return False
        if any(_has_listener(path) for path in folder.iterdir() if path.is_socket()):
            return False
    except OSError:  # Another process removed it, or it cannot be read.
        return False
    shutil.rmtree(folder, ignore_errors=True)
    return True


def mark_in_use(folder: Path) -> None:
    """Touch the folder, because a kernel will listen there again in a moment."""
    with suppress(OSError):
        os.utime(folder)


def _has_listener(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as end:
        end.setblocking(False)
        try:
            end.connect(str(path))
        except BlockingIOError:  # The queue of the listener is full.
            return True
        except OSError:
            return False
    return True
