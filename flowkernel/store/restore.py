"""Making the database again from the journal alone. No process may have it open."""

import os
from pathlib import Path

from flowkernel.core.errors import BadArgument
from flowkernel.store.database import connect, create_tables
from flowkernel.store.journal.segments import (
    Header,
    find_damage,
    last_frame,
    read_header,
)
from flowkernel.store.sql_files import migrations
from flowkernel.store.store import Store
from flowkernel.store.tables import save_meta


def restore(database: Path, journal: Path) -> tuple[Path | None, int, list[str]]:
    """Make the database from its journal; the existing file is kept under another name.

    Returns:
        Where the old file is now, how many executions the new one has, and sentences about
        what of the journal cannot be read.

    Raises:
        BadArgument: There is no journal, or it does not go back to the first event.
    """
    header = _complete_header(journal)
    draft = database.with_name(f"{database.name}.rebuilt")
    for leftover in (draft, Path(f"{draft}.wal")):
        leftover.unlink(missing_ok=True)
    _create_database(draft, header.journal_id)
    with Store(draft, journal=journal) as store:  # Opening it replays the journal.
        count = store.query("SELECT count(*) FROM execution").rows[0][0]
    previous = _move_aside(database)
    os.replace(draft, database)
    return previous, count, find_damage(journal)


def _complete_header(journal: Path) -> Header:
    """The header of a journal that has every event."""
    header = read_header(journal)
    if header is None or not last_frame(journal):
        raise BadArgument(
            f"There is no journal in {str(journal)!r} to make anything from."
        )
    if header.base_seq:
        raise BadArgument(
            f"The journal begins after event {header.base_seq}: what is older is in the "
            "database alone. Put a backup in its place instead, and move the journal away."
        )
    return header


def _create_database(path: Path, journal_id: str) -> None:
    connection = connect(str(path), memory="512MB", writable_folder=None)
    try:
        create_tables(connection, len(migrations()) + 1)
        save_meta(connection, "journal_id", journal_id)
    finally:
        connection.close()


def _move_aside(database: Path) -> Path | None:
    """Rename the file and its write-ahead log; the new path, or None if there is no file."""
    if not database.exists():
        return None
    names = (
        database.with_name(f"{database.name}.before_rebuild{n}")
        for n in range(1, 10**6)
    )
    target = next(name for name in names if not name.exists())
    wal = Path(f"{database}.wal")
    if wal.exists():
        os.replace(wal, f"{target}.wal")
    os.replace(database, target)
    return target
