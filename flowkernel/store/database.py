"""Opening the DuckDB file: config, schema, migrations, and what its errors mean."""

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb

from flowkernel.core.clock import new_id
from flowkernel.core.errors import DiskFull, EngineError, EngineFault
from flowkernel.store import sql_files

Connection = Any  #: duckdb.DuckDBPyConnection; the package has no types for mypy here.
MEMORY = ":memory:"

#: How DuckDB and the system say that there is no room, in lower case.
NO_ROOM = ("no space left on device", "disk quota exceeded", "enospc", "edquot")
FREE_SOME = (
    "there is no room left on the disk. Free some space and try again; what was recorded "
    "before is kept, and can be read."
)


def open_file(
    path: str,
    *,
    memory: str,
    writable_folder: Path | None,
    migrations: Mapping[int, str],
) -> Connection:
    """Open the file, new or old, with today's tables in it.

    Raises:
        EngineError: It cannot be opened, is not ours, or is newer than this program.
    """
    connection = connect(path, memory=memory, writable_folder=writable_folder)
    try:
        if prepare(connection, path, migrations):
            connection.close()  # The copy must be made while the file is closed.
            keep_copy(path)
            connection = connect(path, memory=memory, writable_folder=writable_folder)
            migrate(connection, path, migrations)
    except BaseException as error:
        connection.close()
        if isinstance(error, duckdb.Error):
            raise fault(error, f"The store {path!r} cannot be opened") from error
        raise
    return connection


def connect(path: str, *, memory: str, writable_folder: Path | None) -> Connection:
    """A connection that can touch no file but its own and those in one folder.

    Raises:
        EngineError: Another process has the file, or it is no DuckDB file of ours.
    """
    config = {
        "threads": 2,
        "memory_limit": memory,
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
    }
    try:
        connection = duckdb.connect(path, config=config)
    except duckdb.Error as error:
        raise fault(error, f"The store {path!r} cannot be opened") from error
    connection.execute("SET GLOBAL TimeZone = 'UTC'")
    connection.execute("SET python_enable_replacements = false")
    connection.execute("SET enable_progress_bar = false")  # Cursors inherit it.
    if writable_folder is not None:
        folder = str(writable_folder.absolute()).replace("'", "''")
        connection.execute(f"SET allowed_directories = ['{folder}']")
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")
    return connection


def prepare(connection: Connection, path: str, migrations: Mapping[int, str]) -> bool:
    """Make the tables of a new file. Return whether an old one must be migrated first.

    Raises:
        EngineFault: The file is newer than this program, or has other tables.
    """
    newest = len(migrations) + 1
    version = schema_version(connection, path)
    if version is None:
        create(connection, newest)
        return False
    if version > newest:
        raise EngineFault(
            f"The store {path!r} has schema version {version}, and this flowkernel knows "
            f"versions up to {newest}. Install the newer flowkernel that wrote it, or use "
            "another home. The file was not changed."
        )
    return version < newest


def create(connection: Connection, version: int) -> None:
    """Make today's tables in an empty file."""
    connection.begin()
    connection.execute(sql_files.schema())
    connection.execute(
        "INSERT INTO meta VALUES ('schema_version', ?), ('applied_seq', '0'), ('db_id', ?), "
        "('journal_id', ?), ('applied_frame', '0')",
        [str(version), new_id(), new_id()],
    )
    connection.commit()


def schema_version(connection: Connection, path: str) -> int | None:
    """The version of the tables; None for an empty file."""
    tables = {row[0] for row in connection.execute("SHOW TABLES").fetchall()}
    if not tables:
        return None
    if "meta" not in tables:
        raise EngineFault(
            f"{path!r} is a DuckDB file, but not a store of flowkernel: it has no table "
            "`meta`. Move it away, or use another home."
        )
    found = connection.execute("SELECT value FROM meta WHERE key = 'schema_version'")
    return int(found.fetchall()[0][0])


def keep_copy(path: str) -> Path:
    """Copy the file as it is before a migration. It must not be open in this process:
    closing the copied file would take DuckDB's lock away."""
    copy = Path(f"{path}.before_migration")
    shutil.copy2(path, copy)
    wal = Path(f"{path}.wal")
    if wal.exists():
        shutil.copy2(wal, f"{copy}.wal")
    return copy


def migrate(connection: Connection, path: str, migrations: Mapping[int, str]) -> None:
    """Take the file to the newest version, each step in a transaction of its own.

    Raises:
        EngineFault: A step failed; the file stands at the version before it.
    """
    present = schema_version(connection, path) or 1
    for version in range(present + 1, len(migrations) + 2):
        try:
            connection.begin()
            connection.execute(migrations[version])
            connection.execute(
                "UPDATE meta SET value = ? WHERE key = 'schema_version'", [str(version)]
            )
            connection.commit()
        except duckdb.Error as error:
            connection.rollback()
            raise fault(
                error, f"The store could not be taken to version {version}"
            ) from error
    connection.execute("CHECKPOINT")


def copy_to(cursor: Connection, path: Path) -> None:
    """Copy all tables, as they are at one moment, into a new file without a journal."""
    cursor.begin()
    with copied(cursor, path) as name:
        for key, value in (("journal_id", ""), ("applied_frame", "0")):
            cursor.execute(
                f"UPDATE {name}.meta SET value = '{value}' WHERE key = '{key}'"
            )


def copy_tables(cursor: Connection, path: Path) -> None:
    """Copy all tables, as the open transaction sees them, into a new file."""
    with copied(cursor, path):
        pass


@contextmanager
def copied(cursor: Connection, path: Path) -> Iterator[str]:
    """The name of a copy of all tables. Ends the transaction that is open."""
    name = f"copy_{new_id().replace('-', '')}"
    quoted = str(path).replace("'", "''")
    source = (
        cursor.execute("SELECT current_database()").fetchall()[0][0].replace('"', '""')
    )
    cursor.execute(f"ATTACH '{quoted}' AS {name}")
    try:
        cursor.execute(f'COPY FROM DATABASE "{source}" TO {name}')
        yield name
        cursor.commit()
    except BaseException:
        cursor.rollback()
        raise
    finally:
        cursor.execute(f"DETACH {name}")


def is_disk_full(text: str) -> bool:
    """Whether an error's text says that there is no room on the disk."""
    return any(words in text.lower() for words in NO_ROOM)


def fault(error: Exception, what: str) -> EngineError:
    """Our error for one of DuckDB's. `what` begins the sentence."""
    text = str(error)
    reason = text.strip().partition("\n")[0]
    if is_disk_full(text):
        return DiskFull(f"{what}: {FREE_SOME}")
    if "Out of Memory" in text:
        return EngineFault(
            f"{what}: DuckDB needs more memory than it may have. Many large inputs, outputs "
            f"or logs? Raise `memory` (FLOWKERNEL_MEMORY), then stop the engine. ({reason})"
        )
    if "Conflicting lock" in text:
        return EngineFault(
            f"{what}: another process has it open. `flowkernel engine status` shows which "
            f"engine runs. ({reason})"
        )
    return EngineFault(f"{what}: {reason}")
