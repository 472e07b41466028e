"""Folders with the sockets of kernels: in a short folder for temporary files.

Each is named after the process that made it. A kernel that is restarted keeps its folder, as
its clients know its sockets: so the name alone does not say whether the folder is in use.
"""

import os
import shutil
import socket
import stat
import tempfile
import time
from contextlib import suppress
from pathlib import Path

#: How the name of a folder begins; the id of the process that made it follows.
FOLDER_PREFIX = "flowkernel-"
#: Bytes of a socket's path that every system accepts, inclusive.
MAX_SOCKET_PATH = 100
#: The longest path of a socket below the folder for temporary files.
LONGEST_NAME = f"/{FOLDER_PREFIX}4194304-abcdefgh/k-5"
#: Where sockets are if they cannot be in the folder for temporary files.
SHORT_FOLDERS = ("/tmp", "/var/tmp", "/dev/shm")
#: Seconds for which a folder without a listener is kept, if a kernel is to start there again.
RESTART_SECONDS = 60.0
#: The same without the mark for that: owners of an older version only touch the folder.
TOUCH_SECONDS = 5.0
#: The file in a folder that marks it.
MARK = "restarts"


def make_socket_folder() -> Path:
    """A new folder for the sockets of one kernel. Only this user can open it.

    Raises:
        OSError: It cannot be made.
    """
    prefix = f"{FOLDER_PREFIX}{os.getpid()}-"
    return Path(tempfile.mkdtemp(prefix=prefix, dir=parent_folder()))


def parent_folder() -> Path:
    """The folder that has the folders of this process: for temporary files, if possible."""
    temporary = tempfile.gettempdir()
    if takes_socket(temporary + LONGEST_NAME):
        return Path(temporary)
    usable = (folder for folder in SHORT_FOLDERS if _is_safe(folder))
    return Path(next(usable, temporary))


def takes_socket(path: str) -> bool:
    """Whether a socket of ZeroMQ can have this path: it is short, and UTF-8."""
    try:
        return len(path.encode()) <= MAX_SOCKET_PATH
    except UnicodeEncodeError:
        return False


def private_folder() -> Path:
    """A short folder of this user, always the same, for sockets that others look for.

    Raises:
        OSError: It cannot be made, or another user made it.
    """
    parent = next((path for path in SHORT_FOLDERS if _is_safe(path)), SHORT_FOLDERS[0])
    folder = Path(parent) / f"{FOLDER_PREFIX}{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    status = folder.lstat()
    is_own = stat.S_ISDIR(status.st_mode) and status.st_uid == os.getuid()
    if not is_own or status.st_mode & 0o077:
        raise PermissionError(f"{str(folder)!r} is open to other users; remove it")
    return folder


def _is_safe(folder: str) -> bool:
    """Whether this user can make folders there that no other user can rename."""
    try:
        mode = os.stat(folder).st_mode
    except OSError:
        return False
    is_ours = not mode & 0o022 or bool(mode & stat.S_ISVTX)
    return is_ours and stat.S_ISDIR(mode) and os.access(folder, os.W_OK | os.X_OK)


def remove_abandoned(folder: Path, *, grace: float | None = None) -> bool:
    """Remove the folder of a process that has ended; return whether it was removed.

    It stays if a kernel listens there, or is about to: it was touched within the last `grace`
    seconds (None: by whether it is marked). It stays if it is a link, or another user's.
    """
    if grace is None:
        grace = RESTART_SECONDS if (folder / MARK).exists() else TOUCH_SECONDS
    try:
        status = folder.lstat()
        if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid():
            return False
        if time.time() - status.st_mtime < grace:
            return False
        if any(has_listener(path) for path in folder.iterdir() if path.is_socket()):
            return False
    except OSError:  # Another process removed it, or it cannot be read.
        return False
    shutil.rmtree(folder, ignore_errors=True)
    return True


def remove_folders_of(pid: int) -> None:
    """Remove the folders that a process made which has ended: nobody listens there."""
    for folder in parent_folder().glob(f"{FOLDER_PREFIX}{pid}-*"):
        remove_abandoned(folder, grace=0.0)


def mark_in_use(folder: Path) -> None:
    """Mark and touch the folder, because a kernel will listen there again in a moment."""
    with suppress(OSError):
        (folder / MARK).touch()
        os.utime(folder)


def has_listener(path: Path) -> bool:
    """Whether a process listens at a socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as end:
        end.setblocking(False)
        try:
            end.connect(str(path))
        except BlockingIOError:  # The queue of the listener is full.
            return True
        except OSError:
            return False
    return True
