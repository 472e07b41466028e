"""Files of a home that are replaced in one step, and that their owner alone can read."""

import os
from pathlib import Path


def replace_private(path: Path, content: bytes, *, is_durable: bool = False) -> None:
    """Write a file in one step: a reader sees the old content or the new one. Mode 0600.

    Only one process at a time may write it: the draft beside it has one name, `*.new`.

    Args:
        is_durable: Whether content and name are on disk afterwards.

    Raises:
        OSError: It cannot be written. The old content stays.
    """
    draft = path.with_name(f"{path.name}.new")
    draft.unlink(missing_ok=True)
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        if is_durable:
            file.flush()
            os.fsync(file.fileno())
    os.replace(draft, path)
    if is_durable:
        sync_folder(path.parent)


def make_private_folder(folder: Path) -> None:
    """Create a folder, on disk, if it is missing; in any case it has mode 0700.

    Raises:
        OSError: It cannot be created, or belongs to another user.
    """
    try:
        folder.mkdir(mode=0o700)
        sync_folder(folder.parent)
    except FileExistsError:
        folder.chmod(0o700)


def sync_folder(folder: Path) -> None:
    """Make sure that a new name in a folder is on disk."""
    if os.name != "posix":  # It cannot be opened there.
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
