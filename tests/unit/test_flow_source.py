"""From a name or path to the request that starts it."""

import json
import sys

import pytest

from flowkernel.client.bare_notebook import bare_notebook
from flowkernel.client.flow_source import (
    current_environment,
    is_path,
    read_source,
    start_request,
)
from flowkernel.core.errors import BadArgument, NotANotebook

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


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"\xef\xbb\xbfx = 1\n", "x = 1\n"),
        ("# -*- coding: latin-1 -*-\nx = 'ä'\n".encode("latin-1"), "x = 'ä'\n"),
        (b"x = 1\r\ny = 2\r", "x = 1\ny = 2\n"),
        (b"", ""),
    ],
)
def test_a_script_is_read_as_python_reads_it(content, text, tmp_path):
    (tmp_path / "job.py").write_bytes(content)

    assert read_source("job.py", tmp_path)["source"].endswith(text)


def test_a_notebook_may_begin_with_a_byte_order_mark(tmp_path):
    (tmp_path / "a.ipynb").write_bytes(b"\xef\xbb\xbf" + notebook(CODE).encode())

    assert read_source("a.ipynb", tmp_path)["kind"] == "NOTEBOOK"


def test_a_script_in_an_unknown_encoding_is_refused(tmp_path):
    (tmp_path / "job.py").write_bytes(b"# coding: klingon\nx = 1")

    with pytest.raises(BadArgument, match=r"not text in UTF-8"):
        read_source("job.py", tmp_path)


def test_a_linked_notebook_runs_in_the_folder_of_the_link(tmp_path):
    (tmp_path / "stored").mkdir()
    (tmp_path / "stored" / "7f3a.ipynb").write_text(notebook(CODE))
    (tmp_path / "report.ipynb").symlink_to("stored/7f3a.ipynb")

    source = read_source("report.ipynb", tmp_path)

    assert source["name"] == "report"
    assert source["path"] == str(tmp_path / "report.ipynb")
    assert source["environment"]["cwd"] == str(tmp_path)
