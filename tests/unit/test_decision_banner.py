"""The output notebook says what a person did, and foreign text in it stays text."""

from datetime import UTC, datetime
from html.parser import HTMLParser

import mistune
import nbformat
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nbformat.v4 import new_code_cell, new_notebook

from flowkernel.client.bare_notebook import bare_notebook
from flowkernel.core.cell_numbers import INJECTED, CellNumbers
from flowkernel.core.models import Decision, DecisionVerb, Execution, Wrapped
from flowkernel.core.notebook_banners import BANNER_TAG
from flowkernel.core.status import ExecutionStatus
from flowkernel.worker.notebook.cell_location import failure_at
from flowkernel.worker.notebook.decision_banner import (
    CellDecision,
    ChangedInputs,
    add_decision,
    changed_inputs_of,
    decision_text,
    inputs_text,
    remove_decisions,
    with_banners,
)
from flowkernel.worker.notebook.notebook_file import notebook_of
from tests import records

V = DecisionVerb
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
DIFFERENCE = "--- before\n+++ after\n@@ -1 +1 @@\n-1 / 0\n+1 / 1"
#: Every element that the Markdown of a banner makes.
ELEMENTS = {"p", "strong", "pre", "code"}
EVIL = [
    "<script>alert(1)</script>",
    "![x](javascript:alert(1))",
    "[x](javascript:alert(1))",
    "```\n<script>alert(1)</script>",
    "\n\n<img src=x onerror=alert(1)>\n\n",
    "**bold** _it_ `code` $x$ <!-- -->",
]
FOREIGN = st.sampled_from(EVIL) | st.text(
    alphabet="<>&`*_[]()!\\\"'\n ax1:/#-", max_size=30
)


def a_decision(verb=V.SKIP, **fields):
    values = {"decided_at": NOON, "decided_by": "ada", "decided_from": "notebook"}
    return CellDecision(
        **{**values, "verb": verb, "cell_number": 2, "cell_count": 3, **fields}
    )


def decided(verb=V.SKIP, **fields):
    return Decision(verb=verb, decided_by="ada", decided_from="notebook", **fields)


class Elements(HTMLParser):
    def __init__(self, page):
        super().__init__()
        self.names, self.attributes = set(), set()
        self.feed(page)

    def handle_starttag(self, name, attributes):
        self.names.add(name)
        self.attributes |= {key for key, _ in attributes}


@settings(max_examples=60)
@given(FOREIGN, FOREIGN, FOREIGN, st.sampled_from([V.SKIP, V.RETRY_CELL]))
def test_foreign_text_makes_no_element_of_a_page(person, origin, source, verb):
    decision = a_decision(
        verb,
        decided_by=person,
        decided_from=origin,
        values={source: [source]},
        difference=source,
    )
    changed = ChangedInputs(
        changed_by=person, changed_at=NOON, before={source: 1}, after={source: source}
    )

    for text in (decision_text(decision), inputs_text(changed)):
        page = Elements(mistune.create_markdown(escape=False)(text))
        assert page.names <= ELEMENTS
        assert page.attributes <= {"class"}


def test_a_skipped_cell_says_who_when_and_which_values():
    text = decision_text(a_decision(values={"total": 99}))

    assert text == (
        "**Skipped by ada** on 2026-01-01 at 12:00:00 UTC, from: notebook. Cell 2 of 3 "
        "failed, and the run went on after it. These values were set instead:\n\n"
        '```json\n{\n  "total": 99\n}\n```'
    )


def test_an_edited_cell_has_the_difference():
    text = decision_text(a_decision(V.RETRY_CELL, difference=DIFFERENCE))

    assert text.startswith("**Source changed by ada** on 2026-01-01")
    assert text.endswith(f"```diff\n{DIFFERENCE}\n```")


def test_a_cell_that_was_retried_says_so():
    text = decision_text(a_decision(V.RETRY_CELL))

    assert "**Retried by ada**" in text
    assert text.endswith("Cell 2 of 3 failed, and ran again unchanged.")


def a_notebook(*sources):
    cells = [new_code_cell(source, id=f"c{n}") for n, source in enumerate(sources)]
    return new_notebook(cells=cells)


def test_the_banner_stands_above_its_cell_and_the_notebook_that_runs_has_none():
    nb = a_notebook("x = 1", "1 / 0", "x")
    add_decision(nb.cells[1], decided(values={"y": 1}), 2, 3)

    saved = with_banners(nb)

    assert [cell.cell_type for cell in nb.cells] == ["code"] * 3
    kinds = [cell.cell_type for cell in saved.cells]
    assert kinds == ["code", "markdown", "code", "code"]
    assert saved.cells[1].metadata.tags == [BANNER_TAG]
    assert saved.cells[2].source == "1 / 0"
    nbformat.validate(saved)
    assert nbformat.writes(with_banners(nb)) == nbformat.writes(saved)


def test_each_decision_on_a_cell_has_a_banner_the_first_one_first():
    nb = a_notebook("1 / 0")
    add_decision(nb.cells[0], decided(V.RETRY_CELL, difference=DIFFERENCE), 1, 1)
    add_decision(nb.cells[0], decided(), 1, 1)

    saved = with_banners(nb)

    heads = [cell.source.partition(" by ")[0] for cell in saved.cells[:2]]
    assert heads == ["**Source changed", "**Skipped"]
    nbformat.validate(saved)


def test_a_notebook_that_nobody_touched_is_saved_as_it_is():
    nb = a_notebook("x = 1")

    assert with_banners(nb) is nb


def test_a_decision_of_a_program_names_no_person():
    nb = a_notebook("1 / 0")
    add_decision(
        nb.cells[0], Decision(verb=V.RETRY_CELL, decided_by="execution 1"), 1, 1
    )

    assert "Retried, not by a person," in with_banners(nb).cells[0].source


def test_the_moment_of_a_banner_is_that_of_the_answer():
    nb = a_notebook("1 / 0")

    add_decision(nb.cells[0], decided(decided_at=NOON), 1, 1)

    assert "on 2026-01-01 at 12:00:00 UTC" in with_banners(nb).cells[0].source


def test_the_banner_of_a_wrapper_has_the_inputs_of_what_it_runs():
    wrapped = Wrapped(flow_name="f", flow_version="v", name="f", inputs={"day": 2})
    changed = {"inputs_changed_by": "ada", "replaced_inputs": {"day": 1}}
    wrapper = records.an_execution(wrapped=wrapped, inputs={"max_tries": 3}, **changed)

    [banner] = changed_inputs_of(wrapper).values()

    assert (banner["before"], banner["after"]) == ({"day": 1}, {"day": 2})


def test_a_failure_says_what_was_done_with_its_cell_before():
    nb = a_notebook("1 / 0")
    numbers = CellNumbers.of(nb.cells)
    assert failure_at(nb, 0, numbers).is_mended is None

    add_decision(nb.cells[0], decided(V.RETRY_CELL), 1, 1)
    assert failure_at(nb, 0, numbers).is_retried is True
    assert failure_at(nb, 0, numbers).is_mended is None
    add_decision(nb.cells[0], decided(V.RETRY_CELL, difference=DIFFERENCE), 1, 1)
    assert failure_at(nb, 0, numbers).is_mended is True


def saved_notebook():
    """An output notebook with two banners, and the sources of its author."""
    nb = a_notebook("x = 1", "1 / 0")
    nb.cells.insert(0, new_code_cell("x = 2", metadata={"tags": [INJECTED]}, id="i"))
    nb.metadata["flowkernel"] = changed_inputs_of(an_execution())
    add_decision(nb.cells[2], decided(), 2, 2)
    return with_banners(nb)


def an_execution():
    return Execution(
        execution_id="e",
        root_id="e",
        type="FLOW",
        flow_name="f",
        flow_version="v",
        name="f",
        status=ExecutionStatus.RUNNING,
        created_at=NOON,
        inputs={"x": 2, "y": 3},
        inputs_changed_by="ada",
        replaced_inputs={"x": 1},
    )


def test_changed_inputs_stand_above_the_cell_with_the_inputs():
    [banner, injected, *_] = saved_notebook().cells

    assert banner.source == (
        "**Inputs changed by ada** on 2026-01-01 at 12:00:00 UTC, before this run started. "
        'Before:\n\n```json\n{\n  "x": 1\n}\n```\n\nNow:\n\n```json\n{\n  "x": 2\n}\n```'
    )
    assert injected.source == "x = 2"


@pytest.mark.parametrize("way", ["worker", "registered", "papermill"])
def test_a_run_of_an_output_notebook_begins_without_the_banners(way):
    saved = saved_notebook()
    if way == "worker":
        again = notebook_of(nbformat.writes(saved), "f")
    elif way == "registered":
        again = nbformat.reads(bare_notebook(nbformat.writes(saved), "f")[0], 4)
    else:
        again = saved
        remove_decisions(again)

    assert [cell.source for cell in again.cells] == ["x = 2", "x = 1", "1 / 0"]
    if way == "papermill":
        assert with_banners(again) is again
