"""What `flowkernel execution show` prints of a run: its facts and its cells."""

import json

from flowkernel.cli.cli_client import message_sentence
from flowkernel.cli.execution_operations import FACT_WIDTH, fact_text
from flowkernel.core.models import CellRun
from flowkernel.core.status import CellStatus
from flowkernel.display.cell_table import shown_cells
from tests.records import NOON


def a_cell_run(cell_id, number, **fields):
    return CellRun(
        cell_run_id=cell_id,
        execution_id="e",
        root_id="e",
        cell_id=cell_id,
        cell_index=0,
        cell_number=number,
        source_hash="h",
        status=CellStatus.SUCCESS,
        started_at=NOON,
        **fields,
    )


def shown(*cell_runs):
    return [cell_run.cell_id for cell_run in shown_cells(cell_runs)]


def test_a_handler_and_its_call_are_one_row():
    assert shown(a_cell_run("define", 1), a_cell_run("call", 1)) == ["call"]


def test_a_cell_that_ran_twice_has_two_rows():
    first = a_cell_run("a", 1, error_name="KeyError")

    assert shown(first, a_cell_run("a", 1), a_cell_run("b", 2)) == ["a", "a", "b"]


def test_a_handler_that_cannot_be_defined_has_its_row():
    assert shown(a_cell_run("define", 1, error_name="NameError")) == ["define"]


def test_cells_without_a_number_are_all_shown():
    assert shown(a_cell_run("inputs", None), a_cell_run("x", None)) == ["inputs", "x"]


def test_a_long_output_is_laid_out_on_a_terminal_and_whole_in_a_pipe():
    text = json.dumps({"rows": ["x" * 30] * 100, "word": "y" * 300})
    lines = fact_text("output", text, 65).splitlines()

    assert max(map(len, lines)) <= FACT_WIDTH + 1 + 65
    assert "".join(line.strip() for line in lines).count("y") == 300
    assert fact_text("output", text, None) == text


def test_a_short_output_stays_on_its_line():
    assert fact_text("output", '{"x": 1}', 65) == '{"x": 1}'


def test_a_long_message_wraps_between_words():
    lines = fact_text("message", "no sales " * 40, 65).splitlines()

    assert all(line.strip().startswith(("no", "sales")) for line in lines)


def test_a_path_is_never_broken():
    path = "/data/" * 40

    assert fact_text("notebook", path, 20) == path


def test_the_id_of_a_message_is_said_to_be_one():
    message = {"message_id": "m" * 36, "execution_id": "e" * 36}
    sentence = message_sentence("mmmm", message)

    assert sentence.startswith("'mmmm' is the id of a message, not of a run:")
    assert f"`flowkernel message show {'m' * 18}`" in sentence
