"""A cell has a number, an id, and a cell that a person edits when it fails."""

import pytest
from nbformat import from_dict
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from flowkernel.core.cell_numbers import CellNumbers
from flowkernel.core.models import Failure
from flowkernel.worker.notebook.cell_location import (
    cell_id_of,
    editable_index,
    failure_at,
    is_runnable,
    location_of,
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
def test_code_runs_unless_it_is_empty_or_skipped(cell, runs):
    assert is_runnable(cell, SKIP) is runs


def numbers_of(nb):
    return CellNumbers.of(nb.cells)


def test_a_location_counts_as_the_author_does():
    cells = [new_markdown_cell("# Day"), code(id="a"), code("", id="b"), code(id="d")]
    nb = new_notebook(cells=cells)

    location = location_of(nb, 3, numbers_of(nb))

    assert (location.cell_id, location.index) == ("d", 3)
    assert str(location) == "Cell 2 of 2 (x = 1)"


def test_a_number_stays_when_a_person_empties_a_cell_above():
    nb = new_notebook(cells=[code(id="a"), code("y = 2", id="b")])
    numbers = numbers_of(nb)
    nb.cells[0].source = ""

    assert str(location_of(nb, 1, numbers)) == "Cell 2 of 2 (y = 2)"


def test_the_id_of_a_cell_in_an_old_notebook_is_its_index():
    old = from_dict({"cells": [{"cell_type": "code"}, {"cell_type": "code"}]})

    assert cell_id_of(old, 1) == "1"


def test_a_handler_is_edited_where_it_is_defined():
    """Not where it is called: that cell is ours, not the person's."""
    call = code("handler(system, this)", id="call", flowkernel={"calls": "defined"})
    nb = new_notebook(cells=[code("def handler(): ...", id="defined"), call])

    assert editable_index(nb, 1) == 0
    assert failure_at(nb, 1, numbers_of(nb)) == Failure(
        cell_id="defined",
        cell_number=1,
        cell_count=1,
        source="def handler(): ...",
    )


@pytest.mark.parametrize("metadata", [{}, {"flowkernel": {"calls": "gone"}}])
def test_any_other_cell_is_edited_itself(metadata):
    nb = new_notebook(cells=[code(id="a"), code(id="b", **metadata)])

    assert editable_index(nb, 1) == 1
