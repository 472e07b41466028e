"""The answer to an SQL query as a DataFrame, if pandas or polars is there."""

import sys
from importlib.util import find_spec
from typing import Any

from flowkernel.api import as_table
from flowkernel.core.models import Json
from flowkernel.display.table import cut_note

LIBRARIES = ("pandas", "polars")


def data_frame(answer: dict[str, Json]) -> Any:
    """The rows as a DataFrame of pandas or polars; as a Table if there is neither.

    The library that is imported already comes first, then the one that is installed.

    Args:
        answer: Of `POST sql`: `columns`, `types`, `rows`, `is_cut`.
    """
    library = next(
        (name for name in LIBRARIES if name in sys.modules),
        next((name for name in LIBRARIES if find_spec(name)), None),
    )
    if library is None:
        return as_table(answer)
    if answer["is_cut"]:
        sys.stderr.write(cut_note(len(answer["rows"])) + "\n")
    return _pandas(answer) if library == "pandas" else _polars(answer)


def _moments(answer: dict[str, Json]) -> list[str]:
    """The columns that hold moments, which JSON has as text."""
    pairs = zip(answer["columns"], answer["types"], strict=True)
    return [name for name, kind in pairs if str(kind).startswith("TIMESTAMP")]


def _pandas(answer: dict[str, Json]) -> Any:
    import pandas

    frame = pandas.DataFrame(answer["rows"], columns=answer["columns"])
    if frame.columns.is_unique:
        for name in _moments(answer):
            frame[name] = pandas.to_datetime(frame[name], utc=True, format="ISO8601")
    return frame


def _polars(answer: dict[str, Json]) -> Any:
    import polars

    frame = polars.DataFrame(
        answer["rows"], schema=answer["columns"], orient="row", infer_schema_length=None
    )
    moments = [
        polars.col(name).str.to_datetime(time_unit="us", time_zone="UTC")
        for name in _moments(answer)
        if frame[name].dtype == polars.String
    ]
    return frame.with_columns(moments)
