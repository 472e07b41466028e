"""Tables whose headings sort, and what they are in a page that runs no script."""

import pickle

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


def is_sortable(html):
    """Whether its headings are buttons, and something sorts it."""
    return 'role="button"' in html and "onclick=" in html


def test_where_no_script_runs_it_is_a_plain_table():
    html = Table(("name", "n"), (("a", 1), ("b", None)))._repr_html_()

    outline = Outline(html)

    assert [tag for tag, _ in outline.elements][:3] == ["div", "table", "thead"]
    assert outline.texts == ["name", "n", "a", "1", "b"]


def test_each_heading_is_a_button_that_the_keyboard_reaches():
    html = Table(("name", "n"), (("a", 1),))._repr_html_()

    buttons = [span for span in Outline(html).all("span") if "role" in span]

    assert [(b["role"], b["tabindex"]) for b in buttons] == [("button", "0")] * 2
    assert is_sortable(html)


def test_no_name_and_no_value_begins_a_script():
    evil = '<script>alert(1)</script>" onclick="alert(1)'
    outline = Outline(Table((evil,), ((evil,),))._repr_html_())

    assert outline.all("script") == []
    assert outline.texts == [evil, evil]
    assert [tag for tag, fields in outline.elements if "onclick" in fields] == ["div"]


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
    assert is_sortable(frame._repr_html_())
    assert 'class="dataframe"' in frame._repr_html_()
    assert 'aria-label="row"' in frame._repr_html_()
    for other in (frame.head(1), frame.copy(), pickle.loads(pickle.dumps(frame))):
        assert not is_sortable(other._repr_html_())


def test_a_frame_that_is_changed_is_shown_as_it_is_now():
    frame = data_frame(ANSWER)
    frame["other"] = ["x", "y"]

    assert "other" in frame._repr_html_()


def test_a_frame_of_polars_can_be_sorted_too():
    frame = _polars({**ANSWER, "rows": [[n] for n in range(SORTED_ROWS)]})

    html = sortable(frame._repr_html_())

    assert isinstance(frame, polars.DataFrame)
    assert is_sortable(html)


def test_a_frame_that_is_shown_in_part_is_not_sorted():
    frame = data_frame({**ANSWER, "rows": [[n] for n in range(SORTED_ROWS + 1)]})

    assert not is_sortable(frame._repr_html_())
    assert _sortable_html(lambda: frame, lambda _frame: None) is not None
