"""The DuckDB file: opening, creating, migrating and copying it, and what its errors mean."""

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb

from flowkernel.core.clock import new_id
from flowkernel.core.errors import DiskFull, EngineError, EngineFault
from flowkernel.store import sql_files

#: duckdb.DuckDBPyConnection; for mypy the package has no types here.
Connection = Any
MEMORY = ":memory:"  #: The path of a database that has no file.

#: How DuckDB and the operating system say that the disk is full, in lower case.
DISK_FULL_TEXTS = ("no space left on device", "disk quota exceeded", "enospc", "edquot")
#: The end of a sentence that tells people about it.
DISK_FULL_ADVICE = (
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
    """Open the file, and create or migrate its tables. It has today's tables then.

    Raises:
        EngineError: It cannot be opened, is not a store, or is newer than this program.
    """
    connection = connect(path, memory=memory, writable_folder=writable_folder)
    try:
        if create_or_check(connection, path, migrations):
            connection.close()  # `copy_before_migration` needs a closed file.
            copy_before_migration(path)
            connection = connect(path, memory=memory, writable_folder=writable_folder)
            migrate(connection, path, migrations)
    except BaseException as error:
        connection.close()
        if isinstance(error, duckdb.Error):
            raise engine_error(error, f"The store {path!r} cannot be opened") from error
        raise
    return connection


def connect(
    path: str, *, memory: str, writable_folder: Path | None, **settings: str
) -> Connection:
    """A connection that can reach no file but its own and those in one folder.

    Args:
        settings: More settings of DuckDB.

    Raises:
        EngineError: Another process has the file open, or it is not a DuckDB file.
    """
    config = {
        "threads": 2,
        "memory_limit": memory,
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
        **settings,
    }
    try:
        connection = duckdb.connect(path, config=config)
    except duckdb.Error as error:
        raise engine_error(error, f"The store {path!r} cannot be opened") from error
    _restrict(connection, writable_folder)
    return connection


def _restrict(connection: Connection, writable_folder: Path | None) -> None:
    """Set what a query can reach, for good."""
    connection.execute("SET GLOBAL TimeZone = 'UTC'")
    connection.execute("SET python_enable_replacements = false")
    connection.execute("SET enable_progress_bar = false")  # Cursors inherit it.
    if writable_folder is not None:
        folder = str(writable_folder.absolute()).replace("'", "''")
        connection.execute(f"SET allowed_directories = ['{folder}']")
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")


def create_or_check(
    connection: Connection, path: str, migrations: Mapping[int, str]
) -> bool:
    """Create the tables of a new file; return whether an existing file must be migrated.

    Raises:
        EngineFault: The file is newer than this program, or has other tables.
    """
    newest = len(migrations) + 1
    version = schema_version(connection, path)
    if version is None:
        create_tables(connection, newest)
        return False
    if version > newest:
        raise EngineFault(
            f"The store {path!r} has schema version {version}, and this flowkernel knows "
            f"versions up to {newest}. Install the newer flowkernel that wrote it, or use "
            "another home. The file was not changed."
        )
    return version < newest


def create_tables(connection: Connection, version: int) -> None:
    """Create today's tables, whose schema version is `version`, in an empty file."""
    connection.begin()
    connection.execute(sql_files.schema())
    connection.execute(
        "INSERT INTO meta VALUES ('schema_version', ?), ('applied_seq', '0'), ('db_id', ?), "
        "('journal_id', ?), ('applied_frame', '0')",
        [str(version), new_id(), new_id()],
    )
    connection.commit()


def schema_version(connection: Connection, path: str) -> int | None:
    """The schema version of the tables; None for an empty file.

    Raises:
        EngineFault: The file has tables, but not those of a store.
    """
    tables = {row[0] for row in connection.execute("SHOW TABLES").fetchall()}
    if not tables:
        return None
    if "meta" not in tables:
        raise EngineFault(
            f"{path!r} is a DuckDB file, but not a store of flowkernel: it has no table "
            "`meta`. Move it away, or use another home."
        )
    rows = connection.execute("SELECT value FROM meta WHERE key = 'schema_version'")
    return int(rows.fetchall()[0][0])


def copy_before_migration(path: str) -> Path:
    """Copy the file as it is before a migration; return the path of the copy.

    The file must not be open in this process: when the copying closes it, the system
    releases DuckDB's lock on it.
    """
    copy = Path(f"{path}.before_migration")
    shutil.copy2(path, copy)
    wal = Path(f"{path}.wal")
    if wal.exists():
        shutil.copy2(wal, f"{copy}.wal")
    return copy


def migrate(connection: Connection, path: str, migrations: Mapping[int, str]) -> None:
    """Take the file to the newest version, each step in a transaction of its own.

    Raises:
        EngineFault: A step failed; the file has the version before that step.
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
            raise engine_error(
                error, f"The store could not be taken to version {version}"
            ) from error
    connection.execute("CHECKPOINT")


def copy_to(cursor: Connection, path: Path) -> None:
    """Copy all tables, as they are at one moment, into a new file that has no journal."""
    cursor.begin()
    with attached_copy(cursor, path) as name:
        for key, value in (("journal_id", ""), ("applied_frame", "0")):
            cursor.execute(
                f"UPDATE {name}.meta SET value = '{value}' WHERE key = '{key}'"
            )


def copy_tables(cursor: Connection, path: Path) -> None:
    """Copy all tables, as the open transaction sees them, into a new file."""
    with attached_copy(cursor, path):
        pass


@contextmanager
def attached_copy(cursor: Connection, path: Path) -> Iterator[str]:
    """A copy of all tables in a new file: the name under which SQL reaches it.

    Ends the transaction that is open.
    """
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
    """Whether the text of an error says that the disk is full."""
    return any(part in text.lower() for part in DISK_FULL_TEXTS)


def engine_error(error: Exception, failure: str) -> EngineError:
    """Our error for one of DuckDB's. Its sentence begins with `failure`: what failed."""
    text = str(error)
    reason = text.strip().partition("\n")[0]
    if is_disk_full(text):
        return DiskFull(f"{failure}: {DISK_FULL_ADVICE}")
    if "Out of Memory" in text:
        return EngineFault(
            f"{failure}: DuckDB needs more memory than it may have. Many large inputs, outputs "
            f"or logs? Raise `memory` (FLOWKERNEL_MEMORY), then stop the engine. ({reason})"
        )
    if "Conflicting lock" in text:
        return EngineFault(
            f"{failure}: another process has it open. `flowkernel engine status` shows which "
            f"engine runs. ({reason})"
        )
    return EngineFault(f"{failure}: {reason}")
