"""A cell is found, numbered and mended by where it stands."""

import pytest
from nbformat import from_dict
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from flowkernel.core.models import Failure
from flowkernel.worker.notebook.cell_location import (
    failure_at,
    id_of,
    is_runnable,
    mended_at,
    place_of,
)

SKIP = "skip-execution"


def code(source="x = 1", *, id="c", **metadata):
    return new_code_cell(source, id=id, metadata=metadata)


@pytest.mark.parametrize(
    ("cell", "runs"),
    [
        (code(), True),
        (code(" \n"), False),
        (code(tags=[SKIP]), False),
        (code(tags=["parameters"]), True),
        (new_markdown_cell("x = 1"), False),
    ],
)
def test_code_is_carried_out_unless_it_is_empty_or_skipped(cell, runs):
    assert is_runnable(cell, SKIP) is runs


def test_a_place_counts_what_is_carried_out():
    cells = [new_markdown_cell("# Day"), code(id="a"), code("", id="b"), code(id="d")]

    place = place_of(new_notebook(cells=cells), 3, SKIP)

    assert (place.cell_id, place.index) == ("d", 3)
    assert str(place) == "Cell 2 of 2"


def test_a_cell_of_an_old_notebook_goes_by_its_index():
    old = from_dict({"cells": [{"cell_type": "code"}, {"cell_type": "code"}]})

    assert id_of(old, 1) == "1"


def test_a_handler_is_mended_where_it_is_defined():
    """Not where it is called: that is a cell of ours."""
    call = code("handler(system, this)", id="call", flowkernel={"calls": "defined"})
    nb = new_notebook(cells=[code("def handler(): ...", id="defined"), call])

    assert mended_at(nb, 1) == 0
    assert failure_at(nb, 1, SKIP) == Failure(
        cell_id="defined",
        cell_number=2,
        cell_count=2,
        source="def handler(): ...",
    )


@pytest.mark.parametrize("metadata", [{}, {"flowkernel": {"calls": "gone"}}])
def test_any_other_cell_is_mended_itself(metadata):
    nb = new_notebook(cells=[code(id="a"), code(id="b", **metadata)])

    assert mended_at(nb, 1) == 1
