"""Notebooks of every format and of odd shapes: what papermill runs, we can read."""

import json

import nbformat
import pytest

from flowkernel.client.bare_notebook import bare_notebook
from flowkernel.core.errors import NotANotebook
from flowkernel.worker.notebook.cell_location import is_runnable
from flowkernel.worker.notebook.notebook_file import notebook_of

CODE = {"cell_type": "code", "metadata": {}, "source": "x = 1", "outputs": []}
HEADING = {"cell_type": "heading", "level": 2, "metadata": {}, "source": ["a\n", "b"]}
V3_CODE = {
    "cell_type": "code",
    "language": "python",
    "metadata": {},
    "input": ["x = 1\n", "y = 2"],
    "outputs": [
        {"output_type": "pyout", "prompt_number": 1, "text": ["1"], "metadata": {}}
    ],
}


def v4(*cells, **parts):
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells, **parts}


def v3(*sheets):
    worksheets = [{"cells": cells, "metadata": {}} for cells in sheets]
    return {
        "nbformat": 3,
        "nbformat_minor": 0,
        "metadata": {},
        "worksheets": worksheets,
    }


def v2(*cells):
    return {"nbformat": 2, "metadata": {"name": ""}, "worksheets": [{"cells": cells}]}


def read(record):
    source, _ = bare_notebook(json.dumps(record), "a.ipynb")
    notebook = notebook_of(source, "a.ipynb")
    assert type(notebook) is nbformat.NotebookNode
    nbformat.validate(notebook)
    return notebook


@pytest.mark.parametrize(
    ("record", "sources"),
    [
        (v3([HEADING, V3_CODE]), ["## a b", "x = 1\ny = 2"]),
        (v3([V3_CODE], [V3_CODE, HEADING]), ["x = 1\ny = 2"] * 2 + ["## a b"]),
        (v3([{"cell_type": "html", "source": "<b>", "metadata": {}}]), ["<b>"]),
        (v3(), []),
        (
            v2(
                {"cell_type": "code", "language": "python", "input": "x", "outputs": []}
            ),
            ["x"],
        ),
    ],
)
def test_a_notebook_of_an_older_format_is_read(record, sources):
    cells = read(record).cells

    assert [" ".join(cell.source.split("\n")) for cell in cells] == [
        " ".join(source.split("\n")) for source in sources
    ]
    assert [cell.id for cell in cells] == [cell.id for cell in read(record).cells]


@pytest.mark.parametrize(
    "record",
    [
        v4({**CODE, "metadata": None}),
        v4({**CODE, "outputs": None}),
        v4({k: v for k, v in CODE.items() if k != "outputs"}),
        v4({k: v for k, v in CODE.items() if k != "metadata"}),
        v4({**CODE, "metadata": {"tags": None}}),
        v4({**CODE, "id": None}),
        v4({**CODE, "id": ""}),
        v4({**CODE, "id": 5}),
        v4({**CODE, "id": "a"}, {**CODE, "id": "a"}),
        v4(CODE, metadata=None),
        v4(CODE, metadata={"kernelspec": None, "language_info": None}),
        v4(CODE, metadata={"papermill": None, "widgets": None}),
        v4(CODE, nbformat_minor=None),
        v4(CODE, nbformat_minor="5"),
        v4(CODE, nbformat_minor=0),
    ],
)
def test_a_part_without_a_meaning_is_passed_over(record):
    notebook = read(record)

    assert all(is_runnable(cell, "skip-execution") for cell in notebook.cells)
    assert len({cell.id for cell in notebook.cells}) == len(notebook.cells)


def test_the_first_of_two_cells_keeps_their_id():
    first, second = read(v4({**CODE, "id": "a"}, {**CODE, "id": "a"})).cells

    assert first.id == "a" != second.id


def test_tags_that_are_null_are_none_to_an_engine_of_papermill():
    cell = nbformat.v4.new_code_cell("x")
    cell.metadata.tags = None

    assert is_runnable(cell, "skip-execution")


def test_what_nbformat_cannot_read_is_refused_in_a_sentence():
    record = {"nbformat": 3, "worksheets": [{"cells": [{"cell_type": "code"}]}]}

    with pytest.raises(NotANotebook, match=r"'a.ipynb' is not .*cannot be read"):
        notebook_of(json.dumps(record), "a.ipynb")
