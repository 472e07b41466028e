"""What notebooks show, in Markdown that is made of them and where no style sheet is taken."""

import re

import pandas
import pytest
from markdown_it import MarkdownIt

from flowkernel.core.status import ExecutionStatus as S
from flowkernel.display.failure_report import FailedStep, FailureReport
from flowkernel.display.inline_styles import without_blank_lines
from flowkernel.display.next_step import NextStep
from flowkernel.display.sortable_html import sortable
from flowkernel.display.table import Table
from flowkernel.display.tree import Tree
from flowkernel.widgets.tree_html import tree_html
from tests.records import an_execution
from tests.unit.test_failure_report import Outline

TRACEBACK = "Traceback\n\n \t\n    <b>_x_</b>\n\n\n\nValueError: *no* sales"
STEP = FailedStep(name="fetch", reason="no\n\nsales", traceback=TRACEBACK)
NEXT = NextStep(sentence="Output\n\nnotebook", command="/a/b c.ipynb", href="b%20c")
FRAME = pandas.DataFrame({"name\n\n": ["a\n\nb"], "n": [1]})
HTML = {
    "tree": tree_html(
        Tree("a", [an_execution("a", S.ENDED_ERROR, status_message=TRACEBACK)]),
        steps=[NEXT],
    ),
    "live tree": tree_html(Tree("a", [an_execution("a", cell_count=3)])),
    "failure": FailureReport(
        name="report", steps=(STEP, STEP), next_steps=(NEXT,)
    ).html(),
    "table": Table(("name",), (("a\n\nb",),))._repr_html_(),
    "frame": sortable(FRAME._repr_html_()),
}
#: Tags whose text GitHub shows.
TEXT_TAGS = r"<(title|textarea|style|xmp|iframe|noembed|noframes|script|plaintext)\b"


@pytest.mark.parametrize("name", HTML)
def test_in_markdown_it_is_one_block_of_html_without_what_is_shown_as_text(name):
    tokens = MarkdownIt("commonmark").parse(HTML[name])

    assert [token.type for token in tokens] == ["html_block"]
    assert re.search(TEXT_TAGS, HTML[name]) is None


@pytest.mark.parametrize("name", ["tree", "failure"])
def test_both_themes_have_their_colours(name):
    """Without a page of Jupyter, each colour can be read on white and on black."""
    colours = re.findall(r"(?:color:|background:|solid )([^;\"]+)", HTML[name])

    assert colours
    for colour in colours:
        assert re.fullmatch(r"inherit|var\(--jp-[\w-]+, ?(#\w+|inherit)\)", colour)


def test_a_traceback_keeps_its_blank_lines():
    outline = Outline(HTML["failure"])

    assert "\n\n \t\n    <b>_x_</b>\n\n\n\nValueError" in "".join(outline.texts)


@pytest.mark.parametrize(
    ("html", "result"),
    [
        ("a\nb", "a\nb"),
        ("a\n\nb", "a&#10;\nb"),
        ("a\n \n\t\nb", "a&#10; &#10;\t\nb"),
        ("", ""),
    ],
)
def test_only_blank_lines_are_changed(html, result):
    assert without_blank_lines(html) == result
