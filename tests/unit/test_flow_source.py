"""From a name or path to the request that starts it."""

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
def test_which_targets_are_files(target, is_file):
    assert is_path(target) is is_file


def test_a_name_is_sent_unchanged():
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


@pytest.mark.parametrize(("name", "expected"), [("python3", None), ("ir", "ir")])
def test_the_kernel_of_a_notebook_counts_unless_it_means_any_python(
    tmp_path, name, expected
):
    (tmp_path / "book.ipynb").write_text(notebook(kernelspec={"name": name}))

    source = read_source("book.ipynb", tmp_path)

    assert source["environment"]["kernel_name"] == expected


def test_outputs_are_not_part_of_a_flow():
    text, name = bare_notebook(
        notebook(CODE, {**CODE, "cell_type": "markdown"}), "book"
    )

    first, second = json.loads(text)["cells"]
    assert (first["outputs"], first["execution_count"]) == ([], None)
    assert second["outputs"] == [1]
    assert name is None


def test_the_same_notebook_with_other_outputs_is_the_same_flow():
    first, second = (
        notebook(CODE),
        notebook({**CODE, "outputs": [], "execution_count": None}),
    )

    assert bare_notebook(first, "book") == bare_notebook(second, "book")


def test_a_notebook_of_format_3_is_unchanged():
    text = json.dumps(
        {"nbformat": 3, "nbformat_minor": 0, "metadata": {}, "worksheets": []}
    )

    assert json.loads(bare_notebook(text, "book")[0])["worksheets"] == []


@pytest.mark.parametrize("lacks", ["metadata", "nbformat_minor"])
def test_optional_fields_of_a_notebook_are_added(lacks):
    record = json.loads(notebook(CODE))
    del record[lacks]

    assert lacks in json.loads(bare_notebook(json.dumps(record), "book")[0])


@pytest.mark.parametrize("metadata", [[], "x", 3])
def test_metadata_that_is_not_an_object(metadata):
    record = {**json.loads(notebook()), "metadata": metadata}

    with pytest.raises(NotANotebook, match="its `metadata` is not an object"):
        bare_notebook(json.dumps(record), "book")


def test_the_current_environment_is_that_of_this_process(tmp_path):
    assert current_environment(tmp_path).to_json() == {
        "interpreter": sys.executable,
        "kernel_name": None,
        "prefix": sys.prefix,
        "cwd": str(tmp_path),
    }
