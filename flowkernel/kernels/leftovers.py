"""What processes that were killed left in shared folders: looked at with care, and removed.

Every user of the machine can make a folder for temporary files, with any name, and so can every
program in Jupyter's runtime folder. So nothing is believed of a name: what is another user's
is passed over, and so is what is not as its name says, of which one line of the log tells.
"""

import os
import re
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from fnmatch import fnmatch
from logging import getLogger
from pathlib import Path

from filelock import FileLock, Timeout

from flowkernel.home import MAX_PID
from flowkernel.kernels.fork_server.socket_folders import (
    FOLDER_PREFIX,
    has_listener,
    remove_abandoned,
)

#: How the name of a file of a fork server begins; its key follows.
SERVER_PREFIX = "flowkernel-"
#: Seconds that the log of a killed fork server is kept: an error has named it.
LOG_SECONDS = 3600.0
_FOLDER_NAME = re.compile(rf"{FOLDER_PREFIX}([1-9][0-9]{{0,9}})-[^/]+", re.DOTALL)
_SERVER_NAME = re.compile(rf"({SERVER_PREFIX}[0-9a-f]{{16}})\.(?:sock|lock|log)")
log = getLogger(__name__)


class NotOurs(Exception):
    """It has a name of ours, and is not ours. The text says why."""


def sweep_folders(parent: Path) -> None:
    """Remove the folders with sockets of workers and kernels that were killed."""
    strange = []
    for folder in _entries(parent, f"{FOLDER_PREFIX}*-*"):
        try:
            if not _is_running(_owner(folder)):
                remove_abandoned(folder)
        except NotOurs as error:
            strange.append(f"{str(folder)!r} {error}")
    _log_strange(strange)


def sweep_servers(parent: Path) -> None:
    """Remove the files of fork servers that were killed, unless one is starting there."""
    names = [
        _SERVER_NAME.fullmatch(path.name)
        for path in _entries(parent, f"{SERVER_PREFIX}*")
    ]
    strange = []
    for key in sorted({name[1] for name in names if name is not None}):
        try:
            _sweep_server(parent / f"{key}.sock")
        except NotOurs as error:
            strange.append(f"{str(parent / key)!r} {error}")
    _log_strange(strange)


def _entries(parent: Path, pattern: str) -> Iterator[Path]:
    """What this user has in a folder, by name. Others may well work there too."""
    with suppress(OSError), os.scandir(parent) as entries:
        for entry in entries:
            if fnmatch(entry.name, pattern):
                path = Path(entry.path)
                with suppress(OSError):
                    if path.lstat().st_uid == os.getuid():
                        yield path


def _log_strange(sentences: list[str]) -> None:
    """One line, however many there are: anybody can make more."""
    if sentences:
        count = len(sentences)
        log.warning("passed over, as not ours: %s (of %d)", sentences[0][:500], count)


def _owner(folder: Path) -> int:
    """The id of the process that made a folder, by its name."""
    name = _FOLDER_NAME.fullmatch(folder.name)
    if name is None or int(name[1]) >= MAX_PID:
        raise NotOurs("has no process id in its name")
    if not stat.S_ISDIR(_own_mode(folder)):
        raise NotOurs("is no folder")
    return int(name[1])


def _own_mode(path: Path) -> int:
    """The mode of something of this user; 0 if it is gone. Follows no link."""
    try:
        status = path.lstat()
    except FileNotFoundError:
        return 0
    except OSError as error:
        raise NotOurs(f"cannot be looked at: {error.strerror}") from error
    if status.st_uid != os.getuid():
        raise NotOurs(f"belongs to another user ({status.st_uid})")
    return status.st_mode


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:  # Another user's.
        return True
    return True


def _sweep_server(path: Path) -> None:
    """Remove the files of one fork server, by the path of its socket, if nobody listens."""
    lock_path, log_path = path.with_suffix(".lock"), path.with_suffix(".log")
    _check_kind(path, stat.S_ISSOCK, "is no socket")
    for file in (lock_path, log_path):
        _check_kind(file, stat.S_ISREG, "is no file")
    with suppress(OSError, Timeout), FileLock(lock_path, timeout=0):
        if has_listener(path):
            return
        path.unlink(missing_ok=True)
        if _is_old_or_empty(log_path):
            log_path.unlink(missing_ok=True)
        lock_path.unlink(missing_ok=True)


def _check_kind(path: Path, is_kind: Callable[[int], bool], sentence: str) -> None:
    mode = _own_mode(path)
    if mode and not is_kind(mode):
        raise NotOurs(sentence)


def _is_old_or_empty(log_path: Path) -> bool:
    try:
        status = log_path.lstat()
    except OSError:
        return False
    return not status.st_size or time.time() - status.st_mtime > LOG_SECONDS
