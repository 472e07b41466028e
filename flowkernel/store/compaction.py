"""Writing the database anew without its holes: into another file, which takes its place.

The engine goes on meanwhile. What is folded while the copy is made is kept in memory, and
folded into the copy again once it has taken the place. Whenever this is stopped, the file that
lies there is whole, and the journal has what it lacks.
"""

import os
from contextlib import suppress
from pathlib import Path

import duckdb

from flowkernel.core.clock import new_id
from flowkernel.core.errors import EngineFault
from flowkernel.store.database import copy_tables, fault
from flowkernel.store.journal.segments import sync_folder
from flowkernel.store.pool import CursorPool
from flowkernel.store.projector import Projector
from flowkernel.store.sql_files import queries

DRAFT = "compact-{}.part"


def compact(path: Path, folder: Path, pool: CursorPool, folding: Projector) -> None:
    """Write the file at `path` anew; the draft lies in `folder`, on the same disk.

    Raises:
        DiskFull, EngineFault: The file is as it was.
    """
    draft = folder / DRAFT.format(new_id())
    try:
        with pool.cursor() as cursor:
            with folding.standing_still():
                cursor.begin()
                cursor.execute(
                    queries()["list_meta"]
                ).fetchall()  # Now it stands still.
                folding.remember()
            copy_tables(cursor, draft)
        _put_in_place(draft, path, pool, folding)
    except (duckdb.Error, OSError) as error:
        raise fault(error, "The database could not be written anew") from error
    finally:
        folding.forget()
        draft.unlink(missing_ok=True)


def _put_in_place(
    draft: Path, path: Path, pool: CursorPool, folding: Projector
) -> None:
    with open(draft, "rb+") as file:
        os.fsync(file.fileno())
    with folding.busy, pool.closed():
        if Path(f"{path}.wal").exists():
            raise EngineFault("The database could not be closed; it stays as it was.")
        os.replace(draft, path)
        sync_folder(path.parent)
        folding.fold_again()
    folding.settle()


def clean(folder: Path) -> None:
    """Remove the drafts that an engine which was killed left."""
    for draft in folder.glob(DRAFT.format("*")):
        with suppress(OSError):
            draft.unlink()
