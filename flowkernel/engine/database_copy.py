"""Copies of the database: a backup, and the copy without free space that replaces it.

Both raise `EngineFault` if there is too little space.
"""

import shutil

from flowkernel.core.clock import new_id
from flowkernel.core.errors import EngineFault
from flowkernel.home import Home
from flowkernel.store import Store

#: Disk space that a copy needs, as a multiple of the database.
SPACE = 1.2


def backup(store: Store, home: Home) -> str:
    """A copy of the database in the backup folder; its path."""
    path = home.backup / f"flowkernel-{new_id()}.duckdb"
    _check_space(store, home)
    store.backup(path)
    return str(path)


def compact(store: Store, home: Home) -> None:
    """Write the database again, without the free space in it."""
    _check_space(store, home)
    store.compact()


def _check_space(store: Store, home: Home) -> None:
    size, free = store.size_bytes, shutil.disk_usage(home.backup).free
    if size * SPACE > free:
        raise EngineFault(
            f"A copy needs about {size:,} bytes; the disk of the home has {free:,} free."
        )
