"""The answer of a question in SQL as what the person's notebook works with."""

import sys
from importlib.util import find_spec
from typing import Any

from flowkernel.api import as_table
from flowkernel.core.models import Json
from flowkernel.display.table import cut_note

PREFERRED = ("pandas", "polars")


def frame(told: dict[str, Json]) -> Any:
    """A DataFrame of the library that is imported already, else installed; else a table."""
    kind = next(
        (name for name in PREFERRED if name in sys.modules),
        next((name for name in PREFERRED if find_spec(name)), None),
    )
    if kind is None:
        return as_table(told)
    if told["is_cut"]:
        sys.stderr.write(cut_note(len(told["rows"])) + "\n")
    return _pandas(told) if kind == "pandas" else _polars(told)


def _moments(told: dict[str, Json]) -> list[str]:
    """The columns that hold moments, which JSON has as text."""
    pairs = zip(told["columns"], told["types"], strict=True)
    return [name for name, kind in pairs if str(kind).startswith("TIMESTAMP")]


def _pandas(told: dict[str, Json]) -> Any:
    import pandas

    made = pandas.DataFrame(told["rows"], columns=told["columns"])
    if made.columns.is_unique:
        for name in _moments(told):
            made[name] = pandas.to_datetime(made[name], utc=True, format="ISO8601")
    return made


def _polars(told: dict[str, Json]) -> Any:
    import polars

    made = polars.DataFrame(
        told["rows"], schema=told["columns"], orient="row", infer_schema_length=None
    )
    moments = [
        polars.col(name).str.to_datetime(time_unit="us", time_zone="UTC")
        for name in _moments(told)
        if made[name].dtype == polars.String
    ]
    return made.with_columns(moments)
