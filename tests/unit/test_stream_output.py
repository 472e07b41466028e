"""The text that a cell prints is joined and bounded; what is cleared leaves room."""

import pytest

from flowkernel.worker.notebook.stream_output import OUTPUT_CHARACTERS, StreamCollector


@pytest.fixture
def streams():
    return StreamCollector(10)


def test_text_of_one_stream_is_one_output(streams):
    outputs = []

    for text in ("a", "b", "c"):
        streams.add(outputs, "stdout", text)
    streams.flush()

    assert [output["text"] for output in outputs] == ["abc"]


def test_text_over_the_limit_is_cut_with_a_note(streams):
    outputs = []

    assert streams.add(outputs, "stdout", "x" * 8) == "x" * 8
    assert streams.add(outputs, "stdout", "x" * 8).startswith("xx\n[flowkernel: output")
    assert streams.add(outputs, "stdout", "x") is None


def test_what_is_cleared_leaves_room(streams):
    """As of a cell that prints a line, clears it and prints the next one, for hours."""
    for _ in range(100):
        outputs = []
        assert streams.add(outputs, "stdout", "x" * 8) == "x" * 8
        streams.begin_cell()


def test_two_streams_in_turns_do_not_become_millions_of_outputs():
    streams, outputs = StreamCollector(50 * OUTPUT_CHARACTERS), []

    for n in range(1_000):
        streams.add(outputs, ("stdout", "stderr")[n % 2], "x")

    assert len(outputs) <= 52
