"""Output notebooks as the panel gets them: by cell, and never too large."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowkernel.server_extension.notebook_view import (
    CUT_TYPE,
    MAX_OUTPUT,
    MAX_VIEW,
    cell_outputs,
    cut_output,
    language_of,
    notebook_cells,
)

BIG = "é" * MAX_OUTPUT
SLACK = 1_000  #: Bytes around what is cut.


def code(*outputs, id="a", source="x = 1", **fields):
    return {
        "cell_type": "code",
        "id": id,
        "source": source,
        "outputs": list(outputs),
        "metadata": {},
        **fields,
    }


def stream(text):
    return {"output_type": "stream", "name": "stdout", "text": text}


def display(**bundle):
    data = {name.replace("_", "/"): content for name, content in bundle.items()}
    return {"output_type": "display_data", "data": data, "metadata": {}}


def size_of(value):
    return len(json.dumps(value, ensure_ascii=False).encode())


def test_a_cell_has_its_number_and_its_last_run():
    runs = [
        {"cell_id": "a", "status": "ERROR", "started_at": "2026-01-01T00:00:00Z",
         "ended_at": "2026-01-01T00:00:01Z"},
        {"cell_id": "a", "status": "SUCCESS", "started_at": "2026-01-01T00:00:02Z",
         "ended_at": "2026-01-01T00:00:04.5Z"},
    ]  # fmt: skip
    text = {"cell_type": "markdown", "id": "m", "source": ["# A\n", "b"]}

    first, second = notebook_cells({"cells": [text, code()]}, runs)

    assert (first["number"], first["state"], first["source"]) == (None, None, "# A\nb")
    assert (first["id"], second["id"]) == ("m", "a")
    assert (second["number"], second["state"]) == (1, "SUCCESS")
    assert second["duration_sec"] == 2.5


def test_a_small_output_is_whole_and_its_lines_are_one_text():
    [cell] = notebook_cells({"cells": [code(stream(["a\n", "b"]))]}, [])

    assert cell["outputs"] == [stream("a\nb")]
    assert not cell["is_cut"]


def test_a_large_stream_is_cut_where_a_character_ends():
    output, size, is_cut = cut_output(stream(BIG))

    assert is_cut
    assert size > 2 * MAX_OUTPUT
    assert 0 <= MAX_OUTPUT - len(output["text"].encode()) < 2
    assert set(output["text"]) == {"é"}


def test_what_cannot_be_cut_is_replaced_by_its_size():
    picture = display(image_png="A" * 1_000_000, text_plain="<Figure>")

    output = cut_output(picture).output

    assert output["data"]["text/plain"] == "<Figure>"
    assert output["data"][CUT_TYPE] == {"bytes": 1_000_002, "mime_type": "image/png"}
    assert "image/png" not in output["data"]


def test_a_large_text_beside_a_large_table_is_cut():
    output = cut_output(display(text_html="<b>" * 200_000, text_plain=BIG)).output

    assert output["data"]["text/plain"]
    assert output["data"][CUT_TYPE]["mime_type"] == "text/html"
    assert size_of(output) < MAX_OUTPUT + SLACK


def test_many_outputs_are_limited_for_a_cell_and_for_all_cells():
    many = [stream("x" * 200_000) for _ in range(8)]
    cells = [code(*many, id=str(index)) for index in range(12)]

    views = notebook_cells({"cells": cells}, [])

    assert all(view["is_cut"] for view in views)
    assert sum(size_of(view["outputs"]) for view in views) < MAX_VIEW + 1_100_000
    assert views[-1]["bytes"] > 1_500_000


def output_of(kind, size, letter):
    """An output of about this size."""
    match kind:
        case "stream":
            return stream(letter * size)
        case "error":
            lines = ["t" * 1_000] * (size // 1_000)
            text = letter * size
            return {
                "output_type": "error",
                "ename": "E",
                "evalue": text,
                "traceback": lines,
            }
        case "display":
            return display(text_plain=letter * size, image_png="A" * size)
    return {letter: letter}


LETTERS = st.sampled_from("aé€😀")  # Of one byte to four.
KINDS = st.sampled_from(["stream", "error", "display", "unknown"])


@given(st.lists(st.tuples(KINDS, st.integers(0, 600_000), LETTERS), max_size=4))
@settings(max_examples=25)
def test_no_output_is_too_large(parts):
    outputs = [output_of(*part) for part in parts]

    [view] = notebook_cells({"cells": [code(*outputs)]}, [])

    assert all(size_of(output) < MAX_OUTPUT + 65_000 for output in view["outputs"])


@pytest.mark.parametrize(
    "notebook",
    [{}, {"cells": None}, {"cells": [1, None, {}]}, {"cells": [{"outputs": [3]}]}],
)
def test_an_odd_notebook_is_shown_as_far_as_it_goes(notebook):
    assert isinstance(notebook_cells(notebook, []), list)


def test_one_cell_can_be_had_whole():
    notebook = {"cells": [code(stream([BIG, "end"]))]}

    assert cell_outputs(notebook, 0) == [stream(BIG + "end")]
    assert cell_outputs(notebook, 1) is None
    assert cell_outputs(notebook, -1) is None


def test_the_language_is_that_of_the_kernelspec():
    assert language_of({"metadata": {"kernelspec": {"language": "R"}}}) == "R"
    assert language_of({"metadata": {"language_info": {"name": "julia"}}}) == "julia"
    assert language_of({"metadata": None}) == "python"


@pytest.mark.parametrize("size", [1, MAX_OUTPUT])
def test_half_a_character_in_a_file_is_shown_as_such(size):
    """JSON can have a lone surrogate, which no encoding has."""
    notebook = {"cells": [code(stream("\ud800" * size), display(text_plain="\ud800"))]}

    [view] = notebook_cells(notebook, [])

    assert json.dumps(view).isascii()
    assert view["outputs"]
