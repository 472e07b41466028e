"""The answer to an SQL query as a DataFrame, if pandas or polars is there."""

import sys
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from typing import Any
from weakref import ref

from flowkernel.api import as_table
from flowkernel.core.models import Json
from flowkernel.display.sortable_html import sortable
from flowkernel.display.table import cut_note

SORTED_ROWS = 200  #: Rows of a frame that is shown whole, and can be sorted; inclusive.
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
    frame = _pandas(answer) if library == "pandas" else _polars(answer)
    show = _pandas_html if library == "pandas" else _polars_html
    # Of this frame alone: what is made of it is shown as the library shows it.
    frame._repr_html_ = partial(_sortable_html, ref(frame), show)
    return frame


def _sortable_html(frame_ref: Any, show: Callable[[Any], str | None]) -> str | None:
    """The HTML of a frame as its library has it, with all its rows, and sortable."""
    frame = frame_ref()
    if frame is None or len(frame) > SORTED_ROWS:  # Of a longer one it shows a part.
        return type(frame)._repr_html_(frame)
    html = show(frame)
    return None if html is None else sortable(html)


def _pandas_html(frame: Any) -> str | None:
    import pandas

    with pandas.option_context("display.max_rows", SORTED_ROWS):
        return type(frame)._repr_html_(frame)


def _polars_html(frame: Any) -> str | None:
    import polars

    with polars.Config(tbl_rows=SORTED_ROWS):
        return type(frame)._repr_html_(frame)


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
