"""What commands that read show: logs, sources, Markdown, links."""

import io
import json
from datetime import UTC, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowkernel.cli.log_lines import LogLines, make_log_lines
from flowkernel.cli.output import OutputForm
from flowkernel.core import clock
from flowkernel.core.clock import new_id
from flowkernel.core.models import Event, EventKind, FlowKind
from flowkernel.display.file_links import file_link
from flowkernel.display.markdown_text import markdown_line, print_markdown
from flowkernel.display.source_text import readable_source


class Screen(io.StringIO):
    """Standard output of a person."""

    encoding = "utf-8"

    def isatty(self):
        return True


@pytest.fixture(autouse=True)
def terminal(monkeypatch):
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "80")


# -- logs ----------------------------------------------------------------------------------

TODAY = clock.now().astimezone().replace(hour=23, minute=49, second=5)


def logged(text, stream="stdout", moment=TODAY):
    return Event(
        event_id="",
        execution_id=new_id(),
        kind=EventKind.LOGGED,
        happened_at=moment.astimezone(UTC),
        payload={"stream": stream, "text": text},
    )


def written(*events, has_times=True):
    stream = io.StringIO()
    lines = LogLines(stream, has_times=has_times)
    for event in events:
        lines.write(event)
    lines.end()
    return stream.getvalue()


def test_each_line_has_its_time_and_its_stream():
    events = [logged("one\ntwo\n"), logged("oops\n", "stderr"), logged("x\n", "log")]

    assert written(*events).splitlines() == [
        "23:49:05 stdout  one",
        "23:49:05 stdout  two",
        "23:49:05 stderr  oops",
        "23:49:05 log     x",
    ]


def test_a_line_that_comes_in_parts_is_one_line():
    assert written(logged("a"), logged("b"), logged("c\nd")) == (
        "23:49:05 stdout  abc\n23:49:05 stdout  d\n"
    )


def test_another_stream_begins_another_line():
    assert written(logged("working"), logged("no\n", "stderr"), logged("done\n")) == (
        "23:49:05 stdout  working\n23:49:05 stderr  no\n23:49:05 stdout  done\n"
    )


def test_the_day_is_said_where_it_is_another_one():
    earlier = TODAY - timedelta(days=2)
    events = [logged("a\n", moment=earlier), logged("b\nc\n"), logged("d\n")]

    assert written(*events).splitlines() == [
        f"{earlier:%Y-%m-%d}",
        "23:49:05 stdout  a",
        f"{TODAY:%Y-%m-%d}",
        "23:49:05 stdout  b",
        "23:49:05 stdout  c",
        "23:49:05 stdout  d",
    ]


@given(st.lists(st.text("ab\n\x1b[31m\u2028", max_size=9), max_size=6))
def test_without_times_it_is_the_text_and_with_them_no_line_is_without_one(texts):
    events = [logged(text) for text in texts]
    plain = written(*events, has_times=False)

    with_times = written(*events)

    assert "\x1b" not in plain
    assert [line[17:] for line in with_times.splitlines()] == plain.split("\n")[
        : None if plain.rpartition("\n")[2] else -1
    ]


def test_a_log_for_programs_is_a_row_for_each_event(capsys):
    event = logged("a\nb", "stderr")
    lines = make_log_lines(OutputForm.CSV, io.StringIO(), has_times=True)
    lines.write(event)
    lines.end()

    head, *rows = capsys.readouterr().out.split("\n", 1)
    assert head == "happened_at,stream,text"
    assert rows[0].endswith(',stderr,"a\nb"\n')


# -- sources -------------------------------------------------------------------------------

NOTEBOOK = {
    "nbformat": 4,
    "cells": [
        {"cell_type": "markdown", "source": "# Title\n\ntext"},
        {
            "cell_type": "code",
            "source": ["day = 1\n", "rate = 2"],
            "metadata": {"tags": ["parameters"]},
        },
        {"cell_type": "code", "source": "print(day)\x1b[31m", "metadata": None},
        {"cell_type": "raw", "source": ""},
    ],
}


def test_a_notebook_is_shown_as_its_cells():
    text = readable_source(FlowKind.NOTEBOOK, json.dumps(NOTEBOOK))

    assert text.splitlines() == [
        "# %% [markdown]",
        "# # Title",
        "#",
        "# text",
        "",
        '# %% tags=["parameters"]',
        "day = 1",
        "rate = 2",
        "",
        "# %%",
        "print(day)",
        "",
        "# %% [raw]",
    ]


def test_a_notebook_of_an_old_format_is_shown_too():
    sheet = {"cells": [{"cell_type": "code", "input": ["x = ", "1"]}]}

    text = readable_source(FlowKind.NOTEBOOK, json.dumps({"worksheets": [sheet]}))

    assert text == "# %%\nx = 1"


@pytest.mark.parametrize("kind", [FlowKind.CELL, FlowKind.SCRIPT])
def test_another_source_is_shown_as_it_is(kind):
    assert readable_source(kind, "x = 1\n\n\ty\x1b]0;title\x07\n") == "x = 1\n\n\ty"


# -- Markdown ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("markdown", "line"),
    [
        ("**Cell 3** failed:\n\n```\nx = 1\n```", "Cell 3 failed: x = 1"),
        ("# Which *day*?\n- `mon`\n- [tue](http://x)", "Which day? mon tue"),
        ("a\nb  \nc", "a b c"),
        ("<b>no</b> <script>x</script>", "no x"),
        ("![a chart](chart.png)", "a chart"),
        ("", ""),
    ],
)
def test_in_a_list_markdown_is_its_words(markdown, line):
    assert markdown_line(markdown) == line


def test_on_a_terminal_markdown_is_laid_out_and_in_a_pipe_it_is_as_written():
    screen, pipe = Screen(), io.StringIO()

    for stream in (screen, pipe):
        print_markdown("# Title\n\n**bold** \x1b[31mred", stream)

    assert pipe.getvalue() == "# Title\n\n**bold** red\n"
    assert "**" not in screen.getvalue()
    assert "bold" in screen.getvalue()


def test_a_terminal_that_has_no_bullets_shows_markdown_all_the_same():
    class Latin(Screen):
        encoding = "latin-1"

        def write(self, text):
            return super().write(text.encode(self.encoding).decode(self.encoding))

    screen = Latin()
    print_markdown("- one &rarr; two\n\n[bank](https://evil)", screen)

    assert "one" in screen.getvalue()
    assert "https://evil" in screen.getvalue()  # Where a link leads is seen.


# -- links ---------------------------------------------------------------------------------


def test_a_path_is_a_link_to_the_file_and_its_folder_on_a_terminal():
    path = Path("/home/ann/my notebooks/a#b.ipynb")

    assert file_link(path, io.StringIO()) == str(path)
    assert file_link(path, Screen()) == (
        "\x1b]8;;file:///home/ann/my%20notebooks\x1b\\/home/ann/my notebooks/\x1b]8;;\x1b\\"
        "\x1b]8;;file:///home/ann/my%20notebooks/a%23b.ipynb\x1b\\a#b.ipynb\x1b]8;;\x1b\\"
    )


def test_a_terminal_that_can_do_nothing_gets_no_link(monkeypatch):
    monkeypatch.setenv("TERM", "dumb")

    assert file_link(Path("/a/b"), Screen()) == "/a/b"
