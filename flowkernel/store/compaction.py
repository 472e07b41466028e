"""Making the database file smaller: it is copied without free space, and the copy replaces it.

The engine continues meanwhile. Changes that are written to the tables while the copy is made
are also kept in memory, and written again once the copy has replaced the file. If the process
stops at any moment, the file is complete or the journal has what it lacks.
"""

import os
from contextlib import suppress
from pathlib import Path

import duckdb

from flowkernel.core.clock import new_id
from flowkernel.core.errors import EngineFault
from flowkernel.core.private_files import sync_folder
from flowkernel.store.database import copy_tables, engine_error
from flowkernel.store.pool import CursorPool
from flowkernel.store.projector import Projector
from flowkernel.store.sql_files import queries

DRAFT = "compact-{}.part"


def compact(path: Path, folder: Path, pool: CursorPool, projector: Projector) -> None:
    """Replace the database at `path`; the draft is made in `folder`, on the same disk.

    Raises:
        DiskFull, EngineFault: The file is unchanged.
    """
    draft = folder / DRAFT.format(new_id())
    try:
        with pool.cursor() as cursor:
            with projector.flushed():
                cursor.begin()
                # The first query fixes what the transaction sees.
                cursor.execute(queries()["list_meta"]).fetchall()
                projector.start_recording()
            copy_tables(cursor, draft)
        _replace(path, draft, pool, projector)
    except (duckdb.Error, OSError) as error:
        raise engine_error(error, "The database could not be compacted") from error
    finally:
        projector.stop_recording()
        draft.unlink(missing_ok=True)


def _replace(path: Path, draft: Path, pool: CursorPool, projector: Projector) -> None:
    with open(draft, "rb+") as file:
        os.fsync(file.fileno())
    with projector.table_lock, pool.suspended():
        if Path(f"{path}.wal").exists():
            raise EngineFault("The database could not be closed; it is unchanged.")
        os.replace(draft, path)
        projector.repeat_recorded()  # At once: the file lacks it.
        sync_folder(path.parent)
    projector.flush()


def remove_drafts(folder: Path) -> None:
    """Remove the drafts of an engine that was killed during a compaction."""
    for draft in folder.glob(DRAFT.format("*")):
        with suppress(OSError):
            draft.unlink()
