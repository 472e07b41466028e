"""The record as a whole: ask it, back it up, prune, compact and rebuild it."""

import csv
import re
import shutil
import sys
from pathlib import Path

from flowkernel.api import as_table
from flowkernel.cli.output import note, say, say_json, say_table
from flowkernel.cli.session import client
from flowkernel.core.errors import BadArgument, FileMissing
from flowkernel.display.table import cut_note
from flowkernel.home import find_home


def ask_sql(question: str, *, as_json: bool, as_csv: bool) -> None:
    """One question, and its answer."""
    told = client().sql(question)
    if as_json:
        say_json(told)
        return
    table = as_table(told)
    if as_csv:
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerows([table.columns, *table.rows])
        if table.is_cut:
            note(cut_note(len(table)))
    else:
        say_table(table, empty="No rows.")


def back_up(file: str, *, as_json: bool) -> None:
    """Copy the record into `file`."""
    target = Path(file).expanduser().absolute()
    if target.exists():
        raise BadArgument(f"{str(target)!r} exists already. Name a file that does not.")
    if not target.parent.is_dir():
        raise FileMissing(
            f"There is no folder {str(target.parent)!r} to put the backup in."
        )
    made = Path(client().post("/backup", {}, seconds=600.0)["path"])
    try:
        shutil.move(made, target)
    except OSError as error:
        made.unlink(missing_ok=True)
        raise BadArgument(
            f"The backup cannot be written to {str(target)!r}: {error.strerror}. "
            "Name another file."
        ) from error
    size = target.stat().st_size
    if as_json:
        say_json({"path": str(target), "bytes": size})
    else:
        say(f"The record is in {str(target)!r} ({size:,} bytes), readable with DuckDB.")


def prune(
    older_than: str | None, keep: int | None, *, is_dry: bool, as_json: bool
) -> None:
    """Let old families go."""
    days = days_of(older_than) if older_than is not None else None
    asked = {"days": days, "keep": keep, "is_dry": is_dry}
    told = client().post("/prune", asked, seconds=3600.0)
    if as_json:
        say_json(told)
        return
    word = "would go" if is_dry else "went"
    said = (
        f"{told['executions']:,} executions {word}, in {told['families']:,} families."
    )
    if told["executions"] and not is_dry:
        said += (
            f" With {told['notebooks']:,} output notebooks; {told['bytes']:,} bytes are free. "
            "The room in the database is used again; `flowkernel compact` gives it back."
        )
    say(said)


def days_of(text: str) -> float:
    """How many days `30d`, `12h` or `6w` are.

    Raises:
        BadArgument: It is none of these.
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([hdw])", text.strip())
    if found is None:
        raise BadArgument(
            f"--older-than is {text!r}; it takes a number with h, d or w, such as 30d."
        )
    return float(found[1]) * {"h": 1 / 24, "d": 1, "w": 7}[found[2]]


def compact(*, as_json: bool) -> None:
    """Give the free room in the database back."""
    told = client().post("/compact", {}, seconds=3600.0)
    if as_json:
        say_json(told)
    else:
        say(f"The database has {told['after']:,} bytes; it had {told['before']:,}.")


def rebuild(*, as_json: bool) -> None:
    """Make the database anew from its journal."""
    from filelock import FileLock, Timeout

    from flowkernel.store.restore import restore

    home = find_home()
    home.prepare()
    try:
        with FileLock(home.engine_lock).acquire(timeout=0):
            kept, count, wrong = restore(home.database, home.journal)
    except Timeout as error:
        raise BadArgument(
            "The engine has the database open. `flowkernel engine stop`, then try again."
        ) from error
    if as_json:
        told = {"executions": count, "kept": kept and str(kept), "damaged": wrong}
        say_json(told)
        return
    for sentence in wrong:
        note(sentence)
    old = f" The old one is {str(kept)!r}." if kept else ""
    say(f"The database is made from the journal: {count:,} executions.{old}")
