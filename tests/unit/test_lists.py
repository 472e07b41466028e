"""Lists on a terminal: one line for each row, whatever is in it, however narrow it is."""

import csv
import io
import sys
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest

from flowkernel.cli.execution_operations import whole_table
from flowkernel.cli.message_operations import LESS_NEEDED
from flowkernel.cli.output import OutputForm, print_csv, print_list
from flowkernel.core.clock import new_id, now, short_id
from flowkernel.core.errors import BadArgument
from flowkernel.core.models import Execution, Message, Wrapped
from flowkernel.core.status import ExecutionStatus, MessageStatus
from flowkernel.core.text import plain_text, text_width
from flowkernel.display.columns import (
    WAITED,
    brief_moment_text,
    execution_table,
    list_filters,
    message_table,
)
from flowkernel.display.table import Table

S = ExecutionStatus
NAMES = [
    "report",
    "r" * 128,
    "日報を作る" * 20,
    "a\u0301" * 90,
    "x\ny\x1b[31m",
    "🚀 go" * 30,
]


class FakeTerminal(io.StringIO):
    """Standard output of a person."""

    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


@pytest.fixture
def terminal(monkeypatch):
    """A terminal of some width; gives the lines that are on it."""
    screen = FakeTerminal()
    monkeypatch.setenv("TERM", "xterm-256color")

    def lines(make_table, optional, width):
        monkeypatch.setattr(sys, "stdout", screen)
        monkeypatch.setenv("COLUMNS", str(width))
        screen.seek(0)
        screen.truncate()
        print_list(make_table, optional, empty="Nothing.")
        return [plain_text(line) for line in screen.getvalue().splitlines()]

    return lines


def an_execution(name, status, **fields):
    return Execution(
        execution_id=new_id(),
        root_id=new_id(),
        type="FLOW",
        flow_name=name,
        flow_version="v" * 64,
        name=name,
        status=status,
        created_at=now() - timedelta(days=3),
        started_at=now() - timedelta(hours=30),
        ended_at=now(),
        status_message="m" * 300,
        **fields,
    )


def a_message(subject, *, message):
    return Message(
        message_id=new_id(),
        execution_id=new_id(),
        root_id=new_id(),
        subject=subject,
        message=message,
        message_type="POPUP",
        created_at=now(),
        status=MessageStatus.OPEN,
    )


EXECUTIONS = [an_execution(name, status) for name in NAMES for status in S]


@pytest.mark.parametrize("width", [80, 100, 133, 300])
def test_a_list_of_runs_fits_whatever_their_names_are(terminal, width):
    lines = terminal(
        lambda show: execution_table(EXECUTIONS, show_moment=show),
        (WAITED, "flow", "message"),
        width,
    )

    assert len(lines) == 1 + len(EXECUTIONS)
    assert max(map(text_width, lines)) <= width
    for line, execution in zip(lines[1:], EXECUTIONS, strict=True):
        assert line.startswith(short_id(execution.execution_id) + "  ")
        assert f"  {execution.status.label}  " in line
        assert "30 h" in line or "1 d 6 h" in line


def test_the_wider_a_terminal_the_more_columns_it_has(terminal):
    def heading(width):
        return terminal(
            lambda show: execution_table(EXECUTIONS, show_moment=show),
            (WAITED, "flow", "message"),
            width,
        )[0].split()

    assert heading(80) == ["id", "name", "status", "created", "took"]
    assert heading(120)[2] == "flow"
    assert heading(200)[-1] == "message"


def test_a_list_of_messages_fits(terminal):
    messages = [a_message(name, message="# Please **look**\n" * 9) for name in NAMES]

    lines = terminal(
        lambda show: message_table(messages, show_moment=show),
        ("message", "execution", "type"),
        80,
    )

    assert len(lines) == 1 + len(messages)
    assert max(map(text_width, lines)) <= 80
    assert lines[1].startswith(short_id(messages[0].message_id))


def test_in_a_pipe_nothing_is_cut_off(capsys):
    messages = [a_message("s" * 200, message="w" * 300)]
    print_list(partial(whole_table, EXECUTIONS), ("flow", "message"), empty="Nothing.")
    print_list(
        lambda show: message_table(messages, show_moment=show, widest=None),
        ("message",),
        empty="Nothing.",
    )

    output = capsys.readouterr().out
    assert "…" not in output
    for text in ("r" * 128, "m" * 300, "s" * 200, "w" * 300):
        assert text in output


@pytest.mark.parametrize("is_open", [True, False])
def test_failures_of_one_flow_differ_at_80_columns(terminal, is_open):
    messages = [
        a_message("fails failed", message=f"**Cell {number} of 9 (x): KeyError**")
        for number in range(1, 6)
    ]

    lines = terminal(
        lambda show: message_table(messages, show_moment=show, widest=None),
        LESS_NEEDED[is_open],
        80,
    )

    for number, line in enumerate(lines[1:], start=1):
        assert "fails failed" in line
        assert f"Cell {number} of 9" in line
    assert all(short_id(messages[0].execution_id) in line for line in lines[1:2]) or (
        not is_open
    )


def test_columns_are_aligned_by_what_a_terminal_shows():
    lines = Table(("a", "b"), (("日報", "x"), ("e\u0301", "x"), ("abc", "x"))).text()

    assert {text_width(line.rpartition("x")[0]) for line in lines.splitlines()[2:]} == {
        6
    }


def test_the_flow_of_a_wrapper_is_the_one_that_it_runs():
    wrapped = Wrapped(flow_name="report", flow_version="v", name="report")

    table = execution_table([an_execution("retry", S.RUNNING, wrapped=wrapped)])

    assert table.to_dicts()[0]["flow"] == "report"


@pytest.mark.parametrize(
    ("age", "text"),
    [
        (timedelta(), "13:30:15"),
        (timedelta(days=1), "Nov 26 13:30"),
        (timedelta(days=25), "Nov  2 13:30"),
        (timedelta(days=365), "2025-11-27"),
    ],
)
def test_a_moment_is_as_short_as_it_can_be(age, text, monkeypatch):
    noon = datetime(2026, 11, 27, 13, 30, 15).astimezone()
    monkeypatch.setattr("flowkernel.core.clock.now", lambda: noon.astimezone(UTC))

    assert brief_moment_text(noon - age) == text
    assert len(text) <= 12


def test_options_that_exclude_each_other_are_refused():
    with pytest.raises(BadArgument, match="--failed and --running exclude each other"):
        list_filters(is_failed=True, is_running=True)
    with pytest.raises(BadArgument, match="--status and --failed exclude"):
        list_filters("succeeded", is_failed=True)
    with pytest.raises(BadArgument, match="--json and --csv exclude each other"):
        OutputForm.of(json=True, csv=True)


def test_csv_has_objects_as_json(capsys):
    print_csv(["a", "b"], [[{"x": [1, None]}, None], ["é, \n", 2]])

    text = capsys.readouterr().out
    assert list(csv.reader(io.StringIO(text))) == [
        ["a", "b"],
        ['{"x": [1, null]}', ""],
        ["é, \n", "2"],
    ]
