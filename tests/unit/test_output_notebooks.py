"""Output notebooks as pages read them: while a run writes them, and when it ends."""

import asyncio
import json
from collections import Counter

import pytest

from flowkernel.core.errors import FileMissing
from flowkernel.core.status import ExecutionStatus
from flowkernel.server_extension import output_notebooks
from flowkernel.server_extension.notebook_copies import copy_notebook_of
from flowkernel.server_extension.output_notebooks import OutputNotebooks
from flowkernel.server_extension.shown_folder import ShownFolder
from tests.records import an_execution

S = ExecutionStatus


class Run:
    """A run with its output notebook, as the engine and the home have them."""

    def __init__(self, home):
        self.status = S.RUNNING
        self.path = home / "n.ipynb"
        self.id = an_execution().execution_id
        self.write("1")

    def write(self, text):
        output = {"output_type": "stream", "name": "stdout", "text": text}
        cell = {"cell_type": "code", "id": "a", "source": "", "outputs": [output]}
        self.path.write_text(json.dumps({"cells": [cell]}))

    async def get(self, path):
        await asyncio.sleep(0)
        if path.endswith("cell_run"):
            return []
        if path.startswith("flow_version"):
            return {"path": None}
        fields = {"notebook_path": self.path.name, "parent_id": None}
        return an_execution(self.id, self.status, **fields).to_json()


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.setattr(output_notebooks, "SHARE", 1e-9)  # One view is enough for long.
    return Run(tmp_path)


@pytest.fixture
def notebooks(run, tmp_path):
    return OutputNotebooks(tmp_path, run)


def text_in(view):
    [cell] = json.loads(view.text)["cells"]
    return cell["outputs"][0]["text"]


@pytest.mark.parametrize("status", [S.PAUSED, S.ENDED_ERROR, S.ENDED_SUCCESS])
def test_a_page_that_looks_when_a_run_stops_gets_what_is_there_then(
    run, notebooks, status
):
    """However short before that it has looked: it does not look once more."""

    async def look():
        first = await notebooks.view(run.id)
        run.write("the last words")
        again = await notebooks.view(run.id)
        run.status = status
        return first, again, await notebooks.view(run.id)

    first, again, last = asyncio.run(look())

    assert again is first
    assert text_in(last) == "the last words"
    assert json.loads(last.text)["is_complete"] is status.is_ended


def test_windows_that_look_at_the_same_time_share_one_view(run, notebooks, monkeypatch):
    counts = Counter()
    make_view = output_notebooks._make_view

    def count(*args):
        counts["views"] += 1
        return make_view(*args)

    monkeypatch.setattr(output_notebooks, "_make_view", count)

    async def look():
        return await asyncio.gather(*(notebooks.view(run.id) for _ in range(10)))

    views = asyncio.run(look())

    assert counts["views"] == 1
    assert views == [views[0]] * 10


def test_a_notebook_that_is_removed_while_it_is_looked_at_is_missing(run, notebooks):
    get = run.get

    async def remove(path):
        if path.endswith("cell_run"):
            run.path.unlink()
        return await get(path)

    run.get = remove

    with pytest.raises(FileMissing):
        asyncio.run(notebooks.view(run.id))


class Contents:
    """The files of a Jupyter Server. It looks for a name, and writes a while later."""

    def __init__(self):
        self.paths = []

    async def increment_filename(self, name, _folder, *, insert):
        count = len(self.paths)
        await asyncio.sleep(0)
        return name.replace(".ipynb", f"{insert}{count}.ipynb") if count else name

    async def save(self, _model, path):
        await asyncio.sleep(0)
        self.paths.append(path)


def test_two_windows_that_copy_at_the_same_time_get_two_copies(run, notebooks):
    """A copy in which somebody works is never written over."""

    async def copy():
        contents, folder = Contents(), ShownFolder(None)
        execution = await notebooks.execution(run.id)
        args = (execution, contents, notebooks, folder)
        return await asyncio.gather(copy_notebook_of(*args), copy_notebook_of(*args))

    first, second = asyncio.run(copy())

    assert first != second


def test_all_outputs_of_a_cell_come_as_one_text_that_is_made_once(run, notebooks):
    """What answers a page has nothing left to do with 20 MB, and holds up nobody."""
    run.write("line\n" * 3)

    text = asyncio.run(notebooks.outputs(run.id, 0))

    [output] = json.loads(text)["outputs"]
    assert output["text"] == "line\n" * 3
    assert json.loads(text)["bytes"] == len(json.dumps([output]))
