"""`flowkernel sql`, `backup`, `prune`, `compact` and `rebuild`: their options and their help.

Imported for every help text, so what a command does is imported when it is called.
"""

from typing import Annotated

from flowkernel.cli.options import Argument, AsCsv, AsJson, Option, Yes

Query = Annotated[
    str, Argument(metavar='"SELECT ..."', help="One query. It can only read.")
]
BackupFile = Annotated[
    str,
    Argument(
        metavar="FILE", help="The path of the new DuckDB file. It must not exist yet."
    ),
]
OlderThan = Annotated[
    str | None,
    Option(
        ("--older-than",),
        metavar="AGE",
        help="Delete runs that are older than this. It is a number with h (hours), d (days) "
        "or w (weeks), such as 12h, 30d or 6w.",
    ),
]
Keep = Annotated[
    int | None,
    Option(
        ("--keep",),
        metavar="COUNT",
        minimum=0,
        help="Keep this many of the newest runs that no other run started. The rest is "
        "deleted.",
    ),
]
DryRun = Annotated[
    bool, Option(("--dry-run",), help="Only print how many runs would be deleted.")
]


def query_database(query: Query, json: AsJson = False, csv: AsCsv = False) -> None:
    """Query the database of this home in SQL.

    The tables are execution, cell_run, event, flow, flow_version, message and others. By
    default a query takes 10 seconds and gives 100,000 rows at most.

    Examples:
        flowkernel sql "SELECT name, status FROM execution LIMIT 5"
        flowkernel sql "SELECT flow_name, count(*) FROM execution GROUP BY ALL" --csv
    """
    from flowkernel.cli import database_operations

    database_operations.query_database(query, as_json=json, as_csv=csv)


def back_up(file: BackupFile, json: AsJson = False) -> None:
    """Copy the database into a new file, while runs continue.

    Output notebooks are not copied.

    Examples:
        flowkernel backup flowkernel-backup.duckdb
    """
    from flowkernel.cli import database_operations

    database_operations.back_up(file, as_json=json)


def prune(
    older_than: OlderThan = None,
    keep: Keep = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    json: AsJson = False,
) -> int:
    """Delete old runs and everything recorded of them.

    A run is deleted together with all runs under it, after all of them have ended. Say which
    ones with --older-than, --keep or both. Other runs continue.

    Examples:
        flowkernel prune --older-than 30d --dry-run
        flowkernel prune --keep 1000
    """
    from flowkernel.cli import database_operations

    return database_operations.prune(
        older_than, keep, is_dry=dry_run, asks=not (yes or json), as_json=json
    )


def compact(json: AsJson = False) -> None:
    """Make the database file smaller after runs were deleted.

    For a while, the disk needs as much free space as the file takes now. Runs continue.

    Examples:
        flowkernel compact
    """
    from flowkernel.cli import database_operations

    database_operations.compact(as_json=json)


def rebuild(json: AsJson = False) -> None:
    """Make the database again from its journal.

    The engine must be stopped. The old database is kept under another name.

    Examples:
        flowkernel rebuild
    """
    from flowkernel.cli import database_operations

    database_operations.rebuild(as_json=json)
