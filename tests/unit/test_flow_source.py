"""From what a person names to what the engine is asked to start."""

import json
import sys

import pytest

from flowkernel.client.flow_source import (
    bare_notebook,
    current_environment,
    is_path,
    read_source,
    start_request,
)
from flowkernel.core.errors import NotANotebook

CODE = {
    "cell_type": "code",
    "id": "a",
    "metadata": {},
    "source": "x",
    "outputs": [1],
    "execution_count": 3,
}


def notebook(*cells, **metadata):
    record = {"nbformat": 4, "nbformat_minor": 5, "metadata": metadata, "cells": cells}
    return json.dumps(record)


@pytest.mark.parametrize(
    ("target", "is_file"),
    [
        ("report", False),
        ("monthly report v1.2", False),
        ("report.ipynb", True),
        ("job.py", True),
        ("a/b", True),
        ("./report", True),
        ("report.txt", False),
    ],
)
def test_what_is_meant_as_a_file(target, is_file):
    assert is_path(target) is is_file


def test_a_name_is_asked_for_as_it_is():
    assert start_request("report", {"day": (1, 2)}) == {
        "flow": "report",
        "inputs": {"day": [1, 2]},
    }


def test_a_script_runs_in_its_own_folder_with_this_python(tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "job.py").write_text("x = 1")

    source = read_source("sub/job.py", tmp_path)

    assert source == {
        "name": "job",
        "kind": "SCRIPT",
        "source": "x = 1",
        "path": str(tmp_path / "sub" / "job.py"),
        "environment": {
            "interpreter": sys.executable,
            "kernel_name": None,
            "prefix": sys.prefix,
            "cwd": str(tmp_path / "sub"),
        },
    }


@pytest.mark.parametrize(("asked", "kept"), [("python3", None), ("ir", "ir")])
def test_the_kernel_a_notebook_asks_for_is_kept_unless_it_is_any_python(
    tmp_path, asked, kept
):
    (tmp_path / "book.ipynb").write_text(notebook(kernelspec={"name": asked}))

    source = read_source("book.ipynb", tmp_path)

    assert source["environment"]["kernel_name"] == kept


def test_outputs_are_not_part_of_a_flow():
    text, name = bare_notebook(
        notebook(CODE, {**CODE, "cell_type": "markdown"}), "book"
    )

    first, second = json.loads(text)["cells"]
    assert (first["outputs"], first["execution_count"]) == ([], None)
    assert second["outputs"] == [1]
    assert name is None


def test_the_same_notebook_with_other_outputs_is_the_same_flow():
    before, after = (
        notebook(CODE),
        notebook({**CODE, "outputs": [], "execution_count": None}),
    )

    assert bare_notebook(before, "book") == bare_notebook(after, "book")


def test_a_notebook_of_format_3_has_no_cells_of_its_own():
    text = json.dumps(
        {"nbformat": 3, "nbformat_minor": 0, "metadata": {}, "worksheets": []}
    )

    assert json.loads(bare_notebook(text, "book")[0])["worksheets"] == []


@pytest.mark.parametrize("lacks", ["metadata", "nbformat_minor"])
def test_what_a_notebook_may_lack_is_filled_in(lacks):
    record = json.loads(notebook(CODE))
    del record[lacks]

    assert lacks in json.loads(bare_notebook(json.dumps(record), "book")[0])


@pytest.mark.parametrize("metadata", [[], "x", 3])
def test_metadata_that_is_none(metadata):
    record = {**json.loads(notebook()), "metadata": metadata}

    with pytest.raises(NotANotebook, match="its `metadata` is not an object"):
        bare_notebook(json.dumps(record), "book")


def test_here_is_this_process(tmp_path):
    assert current_environment(tmp_path).to_json() == {
        "interpreter": sys.executable,
        "kernel_name": None,
        "prefix": sys.prefix,
        "cwd": str(tmp_path),
    }
