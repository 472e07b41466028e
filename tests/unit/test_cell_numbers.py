"""A cell has the number that its author sees, whatever is added to the notebook."""

from hypothesis import given
from hypothesis import strategies as st

from flowkernel.core.cell_numbers import (
    INJECTED,
    LINE_LENGTH,
    CellNumbers,
    cell_text,
    first_line,
    renumbered,
)
from flowkernel.core.notebook_banners import BANNER_TAG

SOURCES = st.sampled_from(["x = 1", "# a comment", "%%time\nf()", "a\nb"])
EMPTY = st.sampled_from(["", " ", "\n\t\n"])


def cell(source, *, kind="code", tags=None, **own):
    metadata = {} if tags is None else {"tags": tags}
    if own:
        metadata["flowkernel"] = own
    return {"cell_type": kind, "source": source, "metadata": metadata}


#: Cells that the author counts, and those that the author does not.
COUNTED = st.builds(
    cell, SOURCES, tags=st.sampled_from([None, [], ["parameters"], ["skip-execution"]])
)
OTHER = st.builds(cell, EMPTY) | st.builds(
    cell, SOURCES, kind=st.sampled_from(["markdown", "raw"])
)
#: What flowkernel and papermill add.
ADDED = st.sampled_from(
    [
        cell("day = 1", tags=[INJECTED]),
        cell("Skipped", kind="markdown", tags=[BANNER_TAG]),
        cell("An error", kind="markdown", tags=["papermill-error-cell-tag"]),
    ]
)


@st.composite
def notebooks(draw):
    """The cells of an author, each with its number, among them what is added."""
    pairs, number = [], 0
    for own in draw(st.lists(COUNTED | OTHER, max_size=12)):
        pairs += [(added, None) for added in draw(st.lists(ADDED, max_size=2))]
        is_counted = own["cell_type"] == "code" and bool(own["source"].strip())
        number += is_counted
        pairs.append((own, number if is_counted else None))
    return [{**c, "id": f"c{i}"} for i, (c, _) in enumerate(pairs)], [
        n for _, n in pairs
    ]


def test_a_large_notebook_is_counted_at_once():
    """By its cells, not by its cells times its cells."""
    cells = [{**cell("x"), "id": f"c{n}"} for n in range(50_000)]

    assert CellNumbers.of(cells).count == 50_000


@given(notebooks())
def test_what_is_added_changes_no_number(notebook):
    cells, expected = notebook

    numbers = CellNumbers.of(cells)

    assert list(numbers.by_index) == expected
    assert numbers.count == max((n or 0 for n in expected), default=0)


@given(notebooks())
def test_the_source_may_be_text_or_lines(notebook):
    cells, expected = notebook
    as_lines = [{**c, "source": c["source"].splitlines(keepends=True)} for c in cells]

    assert list(CellNumbers.of(as_lines).by_index) == expected


@given(notebooks(), st.data())
def test_the_call_of_a_handler_has_the_number_of_its_definition(notebook, data):
    cells, expected = notebook
    counted = [c for c, n in zip(cells, expected, strict=True) if n]
    if not counted:
        return
    defined = data.draw(st.sampled_from(counted))
    call = {**cell("handler(system, this)", calls=defined["id"]), "id": "handler"}

    numbers = CellNumbers.of([*cells, call])

    assert numbers.by_index[-1] == expected[cells.index(defined)]
    assert numbers.count == CellNumbers.of(cells).count


def test_a_call_of_a_definition_that_is_gone_is_a_cell_like_others():
    numbers = CellNumbers.of([cell("x = 1"), cell("handler()", calls="gone")])

    assert numbers.by_index == (1, 2)


def test_odd_metadata_counts_as_none():
    odd = [
        {"cell_type": "code", "source": "x", "metadata": None},
        {"cell_type": "code", "source": "x"},
        {"cell_type": "code", "source": None, "metadata": {"tags": None}},
        {"cell_type": "code", "source": "x", "metadata": {"flowkernel": "mine"}},
    ]

    assert CellNumbers.of(odd).by_index == (1, 2, None, 3)


def test_a_cell_in_a_sentence_has_its_number_and_its_first_line():
    assert cell_text(3, 7, "df = load(day)") == "Cell 3 of 7 (df = load(day))"
    assert cell_text(3, 7) == "Cell 3 of 7"
    assert cell_text(1, 1, "import os") == "Cell 1 of 1"
    assert cell_text(None, 7, "day = 1") == "The cell with the inputs"


@given(st.text(max_size=200))
def test_the_first_line_is_one_line_of_text(source):
    line = first_line(source)

    assert len(line) <= LINE_LENGTH
    assert line.splitlines() in ([], [line])
    assert line.isprintable()


def test_the_first_line_is_not_blank():
    assert first_line("\n\n   total = 1\nprint(total)") == "total = 1"


def test_a_traceback_has_the_numbers_of_the_author():
    text = "Cell In[2], line 1\nCell In[4], line 3, in f\nCell In[1], line 9\nIn[4]"

    assert renumbered(text, {1: None, 2: 1, 4: 3}) == (
        "Cell In[1], line 1\nCell In[3], line 3, in f\nCell In[inputs], line 9\nIn[4]"
    )


def test_a_cell_that_a_person_ran_in_the_parked_kernel_has_no_number_of_another():
    """The kernel counts it, too: its count is the number of a cell of the author."""
    text = "Cell In[5], line 1, in f\nCell In[8], line 3"

    assert renumbered(text, {1: None, 2: 1, 8: 3}) == (
        "Cell In[attached], line 1, in f\nCell In[3], line 3"
    )
