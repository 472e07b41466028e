"""What cells display is bounded: by cell and by run, by count and by characters."""

import json

import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowkernel.worker.notebook.display_budget import (
    ERROR_CHARACTERS,
    RUN_CELLS,
    DisplayBudget,
    DisplayLimits,
    size_of,
)
from flowkernel.worker.notebook.display_output import DisplayCollector, bounded_error

LIMITS = DisplayLimits(1_000, cell_displays=10, run_displays=25)
RULE = "A cell keeps 10 displays and 1,000 characters of them, a run 25 and 4,000.]\n"
BUNDLES = st.dictionaries(
    st.sampled_from(["text/plain", "text/html", "image/png"]),
    st.integers(0, 1_500).map("x".__mul__),
)


def display(html, text="<HTML>", **metadata):
    data = {"text/plain": text, "text/html": html}
    return {"data": data, "metadata": metadata}


class Cell:
    """A cell of a notebook whose displays are bounded."""

    def __init__(self, limits=LIMITS):
        self.sentences = []
        self.collector = DisplayCollector(limits, self.sentences.append)
        self.begin(0)

    def begin(self, index):
        self.index, self.outputs = index, []
        self.collector.begin_cell(index)

    def add(self, content, kind="display_data"):
        kept = self.collector.add(self.outputs, kind, content, self.index)
        if kept is not None:
            self.outputs.append(nbformat.v4.new_output(kind, **kept))
        return kept

    def update(self, place, content):
        output = self.outputs[place]
        self.collector.update(self.outputs, output, content, self.index)

    def notices(self):
        return [
            output["text"] for output in self.outputs if output.get("name") == "stderr"
        ]

    def size(self):
        return sum(
            size_of(output["data"]) + size_of(output["metadata"])
            for output in self.outputs
            if "data" in output
        )


@pytest.fixture
def cell():
    return Cell()


def test_what_fits_is_kept_as_it_is(cell):
    assert cell.add(display("<b>x</b>")) == display("<b>x</b>")
    assert cell.notices() == cell.sentences == []


def test_a_cell_keeps_so_many_displays_and_says_how_many_it_does_not(cell):
    for _ in range(13):
        cell.add(display("x"))

    assert len(cell.outputs) == 10 + 1
    assert cell.notices() == [
        "[flowkernel: displays left out, in whole or in part: 3, with 78 characters. "
        + RULE
    ]
    assert cell.sentences == [
        f"[flowkernel: displays are left out from here on. {RULE}"
    ]


def test_of_a_display_that_is_too_large_the_small_representations_are_kept(cell):
    kept = cell.add(display("x" * 2_000, "a table"))

    assert kept["data"] == {"text/plain": "a table"}
    assert "in part: 1, with" in cell.notices()[0]


def test_all_cells_together_keep_a_limited_number_of_displays(cell):
    for index in range(4):
        cell.begin(index)
        for _ in range(10):
            cell.add(display("x"))

    assert len(cell.notices()) == 1
    assert [output.output_type for output in cell.outputs] == ["stream"]


def test_a_cell_that_runs_again_has_its_room_again(cell):
    for _ in range(5):
        cell.begin(0)
        for _ in range(10):
            cell.add(display("x"))
        assert cell.notices() == []


def test_endless_updates_of_a_display_need_no_room(cell):
    cell.add(display("x"))

    for n in range(1_000):
        cell.update(0, display(f"{n:0>500}"))

    assert cell.notices() == []
    assert cell.outputs[0]["data"]["text/html"].endswith("999")


def test_an_update_that_is_too_large_keeps_what_fits(cell):
    cell.add({"data": {"text/html": "small"}, "metadata": {}})

    cell.update(0, {"data": {"text/html": "x" * 1_001}, "metadata": {}})

    assert cell.outputs[0]["data"] == {"text/html": "small"}
    assert len(cell.notices()) == 1


def test_an_output_widget_that_is_cleared_has_room_again(cell):
    for _ in range(100):
        content = {"name": "stdout", "text": "x" * 900}
        assert cell.collector.add([], "stream", content, "widget") == content
        cell.collector.clear_widget("widget")


def test_the_error_of_a_cell_that_is_full_is_kept(cell):
    for _ in range(20):
        cell.add(display("x" * 500))

    error = {"ename": "ValueError", "evalue": "no", "traceback": ["x" * 2_000]}

    assert cell.add(error, "error") == error


def test_endless_errors_are_bounded_too(cell):
    error = {"ename": "ValueError", "evalue": "no", "traceback": ["x" * 900_000]}

    kept = [cell.add(error, "error") for _ in range(50)]

    assert 1 <= len([e for e in kept if e]) <= ERROR_CHARACTERS // 900_000 + 1


def test_a_huge_error_keeps_its_beginning_and_the_end_of_its_traceback():
    huge = "A" * 5_000_000

    error = bounded_error({"ename": huge, "evalue": huge, "traceback": [huge, "end"]})

    assert size_of(error) < 1_500_000
    assert error["ename"].startswith("AAA")
    assert error["traceback"][-1] == "end"


def test_an_error_of_usual_size_is_unchanged():
    error = {"ename": "E", "evalue": "x" * 5_000, "traceback": ["\x1b[31ma\nb", "c"]}

    assert bounded_error(error) == error


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["add", "update", "begin", "clear"]),
            st.integers(0, 3),
            BUNDLES,
        ),
        max_size=80,
    )
)
def test_whatever_is_displayed_the_limits_hold(steps):
    """The budget is that of what is kept, recounted after each step."""
    cells = {index: Cell() for index in range(4)}
    for index, cell in cells.items():
        cell.collector = cells[0].collector
        cell.index = index
    for step, index, bundle in steps:
        cell, content = cells[index], {"data": bundle, "metadata": {}}
        displays = [n for n, o in enumerate(cell.outputs) if "data" in o]
        if step == "add":
            cell.add(content)
        elif step == "update" and displays:
            cell.update(displays[0], content)
        elif step in ("begin", "clear"):
            cell.begin(index)

        sizes = [cell.size() for cell in cells.values()]
        counts = [
            sum("data" in output for output in cell.outputs) for cell in cells.values()
        ]
        assert max(sizes) <= LIMITS.cell_characters
        assert sum(sizes) <= LIMITS.run_characters == RUN_CELLS * 1_000
        assert max(counts) <= LIMITS.cell_displays
        assert sum(counts) <= LIMITS.run_displays
        budget = cells[0].collector._budget
        assert (budget._run_characters, budget._run_displays) == (
            sum(sizes),
            sum(counts),
        )


@given(BUNDLES)
def test_what_is_kept_of_a_display_is_unchanged(bundle):
    kept = DisplayBudget(LIMITS).add(0, bundle)

    assert kept is None or kept.items() <= bundle.items()
    if size_of(bundle) <= LIMITS.cell_characters:
        assert kept == bundle


@pytest.mark.parametrize("value", ["text", ["a", "b"], {"a": ["b", 1]}, 3, None])
def test_the_size_is_about_that_of_the_json(value):
    assert abs(size_of(value) - len(json.dumps(value))) <= 12
