"""What `flowkernel sql`, `backup`, `prune`, `compact` and `rebuild` do."""

import re
import shutil
from pathlib import Path

from flowkernel.api import as_table
from flowkernel.cli.cli_client import is_interactive, make_client, waiting
from flowkernel.cli.confirmation import count_text, is_deletion_confirmed
from flowkernel.cli.exit_codes import INTERRUPTED, SUCCESS
from flowkernel.cli.home_check import check_home
from flowkernel.cli.output import (
    print_csv,
    print_json,
    print_note,
    print_table,
    print_text,
)
from flowkernel.cli.termination import interrupted_with
from flowkernel.core.errors import BadArgument, FileMissing
from flowkernel.display.table import cut_note
from flowkernel.home import Home, find_home, private_files

#: How long the engine may take to copy the database.
BACKUP_SECONDS = 600.0
#: How long the engine may take to delete old runs, or to write the database again.
UPKEEP_SECONDS = 3600.0
#: Days of each unit of an age.
DAYS = {"h": 1 / 24, "d": 1, "w": 7}


def query_database(query: str, *, as_json: bool, as_csv: bool) -> None:
    """Print the answer to one query."""
    client = make_client()
    is_watched = client.note.is_on  # Else the sentence would stand in a log or a pipe.
    answer = client.sql(query, on_wait=client.note.say if is_watched else None)
    if as_json:
        print_json(answer)
        return
    table = as_table(answer)
    if as_csv:
        print_csv(table.columns, table.rows)
        if table.is_cut:
            print_note(cut_note(len(table)))
    else:
        print_table(table, empty="No rows.")


def back_up(file: str, *, as_json: bool) -> None:
    """Copy the database into `file`.

    Raises:
        BadArgument: The file exists, or cannot be written.
        FileMissing: Its folder does not exist.
    """
    target = _backup_target(file)
    copy = Path(make_client().post("/backup", {}, seconds=BACKUP_SECONDS)["path"])
    sentence = f"Interrupted. The backup is made, as {str(copy)!r}."
    with interrupted_with(sentence), waiting("Moving the copy"):
        _move(copy, target)
    size = target.stat().st_size
    if as_json:
        print_json({"path": str(target), "bytes": size})
    else:
        print_text(
            f"The backup is {str(target)!r} ({size:,} bytes), readable with DuckDB."
        )


def _backup_target(file: str) -> Path:
    target = Path(file).expanduser().absolute()
    if target.exists():
        raise BadArgument(f"{str(target)!r} exists already. Name a file that does not.")
    if not target.parent.is_dir():
        raise FileMissing(
            f"There is no folder {str(target.parent)!r} to put the backup in."
        )
    return target


def prune(
    older_than: str | None,
    keep: int | None,
    *,
    is_dry: bool,
    asks: bool,
    as_json: bool,
) -> int:
    """Delete old runs; the exit code. `asks`: a person at the terminal, before."""
    days = days_in(older_than) if older_than is not None else None
    client = make_client()
    request = {"days": days, "keep": keep, "is_dry": is_dry}
    if asks and not is_dry and is_interactive():
        dry_request = {**request, "is_dry": True}
        counts = client.post("/prune", dry_request, seconds=UPKEEP_SECONDS)
        if counts["executions"] and not is_deletion_confirmed(_question(counts)):
            return INTERRUPTED
        if "as_of" in counts:  # Not what has ended since the question.
            request["as_of"] = counts["as_of"]
    counts = client.post("/prune", request, seconds=UPKEEP_SECONDS)
    if as_json:
        print_json(counts)
    else:
        _print_pruned(counts, is_dry=is_dry)
    return SUCCESS


def _question(counts: dict[str, int]) -> str:
    """What a person is asked who is about to delete so many runs.

    >>> _question({"executions": 43, "families": 3})
    'Delete 43 runs in 3 families, and their output notebooks, for good?'
    """
    runs = count_text(counts["executions"], "run", "runs")
    families = count_text(counts["families"], "family", "families")
    return f"Delete {runs} in {families}, and their output notebooks, for good?"


def _print_pruned(counts: dict[str, int], *, is_dry: bool) -> None:
    verb = "would be" if is_dry else "were"
    runs, families = counts["executions"], counts["families"]
    sentence = f"{runs:,} runs {verb} deleted, in {families:,} families."
    if runs and not is_dry:
        sentence += (
            f" {counts['notebooks']:,} output notebooks with {counts['bytes']:,} bytes were "
            "deleted, too. The database file keeps its size and uses the space again; "
            "`flowkernel compact` makes it smaller."
        )
    print_text(sentence)


def days_in(age: str) -> float:
    """How many days `30d`, `12h` or `6w` are.

    Raises:
        BadArgument: It is not a number with one of these units.
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([hdw])", age.strip())
    if match is None:
        raise BadArgument(
            f"--older-than is {age!r}; it takes a number with h, d or w, such as 30d."
        )
    return float(match[1]) * DAYS[match[2]]


def compact(*, as_json: bool) -> None:
    """Make the database file smaller."""
    sizes = make_client().post("/compact", {}, seconds=UPKEEP_SECONDS)
    if as_json:
        print_json(sizes)
    else:
        print_text(
            f"The database has {sizes['after']:,} bytes; it had {sizes['before']:,}."
        )


def rebuild(*, as_json: bool) -> None:
    """Make the database again from its journal.

    Raises:
        BadArgument: The engine is running.
    """
    with waiting("Making the database again"):
        old_file, count, damages = _restore(find_home())
    if as_json:
        path = old_file and str(old_file)
        print_json({"executions": count, "kept": path, "damaged": damages})
        return
    for sentence in damages:
        print_note(sentence)
    old = f" The old one is {str(old_file)!r}." if old_file else ""
    print_text(f"The database was made again from the journal: {count:,} runs.{old}")


def _move(copy: Path, target: Path) -> None:
    try:
        with private_files():
            shutil.move(copy, target)
    except OSError as error:
        copy.unlink(missing_ok=True)
        raise BadArgument(
            f"The backup cannot be written to {str(target)!r}: {error.strerror}. "
            "Name another file."
        ) from error


def _restore(home: Home) -> tuple[Path | None, int, list[str]]:
    """As `restore`, while no engine has the home."""
    from filelock import FileLock, Timeout

    from flowkernel.store.restore import restore

    check_home(home)
    home.prepare()
    try:
        with private_files(), FileLock(home.engine_lock, mode=0o600).acquire(timeout=0):
            return restore(home.database, home.journal)
    except Timeout as error:
        raise BadArgument(
            "The engine has the database open. Run `flowkernel engine stop`, then try again."
        ) from error
