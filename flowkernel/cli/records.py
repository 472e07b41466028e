"""`flowkernel sql` and `flowkernel backup`: the record as a whole."""

import csv
import shutil
import sys
from pathlib import Path

from flowkernel.cli.output import note, say, say_json, say_table
from flowkernel.cli.session import client
from flowkernel.errors import BadArgument, FileMissing
from flowkernel.python_api import as_table
from flowkernel.table import cut_note


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
