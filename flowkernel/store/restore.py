"""Making the database anew from the journal alone. Nothing may have it open."""

import os
from pathlib import Path

from flowkernel.core.errors import BadArgument
from flowkernel.store.database import connect, create
from flowkernel.store.journal.segments import damages, header_of, last_frame
from flowkernel.store.sql_files import migrations
from flowkernel.store.store import Store
from flowkernel.store.tables import save_meta


def restore(database: Path, journal: Path) -> tuple[Path | None, int, list[str]]:
    """Make the database from its journal; the file there was is kept under another name.

    Returns:
        Where the old file is now, how many executions the new one has, and what of the
        journal could not be read.

    Raises:
        BadArgument: There is no journal, or it does not go back to the beginning.
    """
    header = header_of(journal)
    if header is None or not last_frame(journal):
        raise BadArgument(
            f"There is no journal in {str(journal)!r} to make anything from."
        )
    if header.base_seq:
        raise BadArgument(
            f"The journal begins after event {header.base_seq}: what is older is in the "
            "database alone. Put a backup in its place instead, and move the journal away."
        )
    draft = database.with_name(f"{database.name}.rebuilt")
    for left in (draft, Path(f"{draft}.wal")):
        left.unlink(missing_ok=True)
    _make(draft, header.journal_id)
    with Store(draft, journal=journal) as store:
        count = store.query("SELECT count(*) FROM execution").rows[0][0]
    kept = _put_aside(database)
    os.replace(draft, database)
    return kept, count, damages(journal)


def _make(draft: Path, journal_id: str) -> None:
    connection = connect(str(draft), memory="512MB", writable_folder=None)
    try:
        create(connection, len(migrations()) + 1)
        save_meta(connection, "journal_id", journal_id)
    finally:
        connection.close()


def _put_aside(database: Path) -> Path | None:
    if not database.exists():
        return None
    names = (
        database.with_name(f"{database.name}.before_rebuild{n}")
        for n in range(1, 10**6)
    )
    kept = next(name for name in names if not name.exists())
    wal = Path(f"{database}.wal")
    if wal.exists():
        os.replace(wal, f"{kept}.wal")
    os.replace(database, kept)
    return kept
