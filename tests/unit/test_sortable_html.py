"""Tables whose headings sort, and what they are in a page that runs no script."""

import pickle
import re

import pandas
import polars
import pytest

from flowkernel.core.status import ExecutionStatus
from flowkernel.display.columns import execution_table
from flowkernel.display.sortable_html import SortableText, sortable
from flowkernel.display.table import Table
from flowkernel.magics.dataframes import (
    SORTED_ROWS,
    _polars,
    _sortable_html,
    data_frame,
)
from tests.unit.test_failure_report import Outline
from tests.unit.test_tree import an_execution

ANSWER = {"columns": ["n"], "types": ["INTEGER"], "rows": [[1], [2]], "is_cut": False}


def without_script(html):
    """As a page has it that runs no script: sanitizers remove it with its text."""
    return re.sub(r"<(script|style)>.*?</\1>", "", html)


def test_without_the_script_it_is_a_plain_table():
    html = without_script(Table(("name", "n"), (("a", 1), ("b", None)))._repr_html_())

    outline = Outline(html)

    assert [tag for tag, _ in outline.elements][:3] == ["div", "table", "thead"]
    assert outline.texts == ["name", "n", "a", "1", "b"]


def test_no_value_ends_the_script_or_begins_one():
    html = Table(("</script>",), (("<script>alert(1)</script>",),))._repr_html_()

    assert len(re.findall("<script", html)) == len(re.findall("</script>", html)) == 1


def test_durations_are_sorted_by_their_length():
    short, long = an_execution(status=ExecutionStatus.ENDED_SUCCESS), "2 min 05 s"
    table = execution_table([short])

    assert 'data-key="3.0">3.0 s' in table._repr_html_()
    assert table.to_dicts()[0]["took"] == "3.0 s"
    assert SortableText.of(long, 125.0) == long


@pytest.mark.parametrize("rows", [1, 1_000, 1_001])
def test_a_long_table_says_how_much_of_it_is_there(rows):
    html = Table(("n",), tuple((n,) for n in range(rows)))._repr_html_()

    assert html.count("<tr>") == min(rows, 1_000) + 1
    assert ("rows shown" in html) is (rows > 1_000)


def test_the_frame_of_a_query_can_be_sorted_and_what_is_made_of_it_is_plain():
    frame = data_frame(ANSWER)

    assert type(frame) is pandas.DataFrame
    assert "<script>" in frame._repr_html_()
    assert 'class="dataframe"' in frame._repr_html_()
    for other in (frame.head(1), frame.copy(), pickle.loads(pickle.dumps(frame))):
        assert "<script>" not in other._repr_html_()


def test_a_frame_that_is_changed_is_shown_as_it_is_now():
    frame = data_frame(ANSWER)
    frame["other"] = ["x", "y"]

    assert "other" in frame._repr_html_()


def test_a_frame_of_polars_can_be_sorted_too():
    frame = _polars({**ANSWER, "rows": [[n] for n in range(SORTED_ROWS)]})

    html = sortable(frame._repr_html_())

    assert isinstance(frame, polars.DataFrame)
    assert "<script>" in html


def test_a_frame_that_is_shown_in_part_is_not_sorted():
    frame = data_frame({**ANSWER, "rows": [[n] for n in range(SORTED_ROWS + 1)]})

    assert "<script>" not in frame._repr_html_()
    assert _sortable_html(lambda: frame, lambda _frame: None) is not None
