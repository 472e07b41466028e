"""A run that people influenced says so; their time stands beside the time of its work."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from flowkernel.cli.execution_operations import whole_table
from flowkernel.core.models import Execution
from flowkernel.core.status import ExecutionStatus
from flowkernel.display.columns import execution_table
from flowkernel.display.outcome_text import (
    intervention_text,
    status_text,
    took_text,
    waiting_since,
    work_text,
)
from flowkernel.display.tree import Tree
from flowkernel.widgets.tree_html import tree_html

S = ExecutionStatus
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def an_execution(status=S.ENDED_SUCCESS, seconds=269.0, **fields):
    ended_at = NOON + timedelta(seconds=seconds) if status.is_ended else None
    return Execution(
        execution_id="e",
        root_id="e",
        type="FLOW",
        flow_name="nightly",
        flow_version="v",
        name="nightly",
        status=status,
        created_at=NOON,
        started_at=NOON,
        ended_at=ended_at,
        **fields,
    )


SKIPPED = an_execution(skipped_cells=1, decided_by="ada", answer_seconds=262.0)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, ""),
        ({"decided_by": "ada"}, ""),
        ({"skipped_cells": 1, "decided_by": "ada"}, "1 cell skipped by ada"),
        ({"mended_cells": 2, "decided_by": "ada"}, "2 cells edited by ada"),
        ({"retried_cells": 1, "decided_by": "ada"}, "1 cell retried by ada"),
        ({"skipped_cells": 1}, "1 cell skipped"),
        (
            {"skipped_cells": 2, "mended_cells": 1, "decided_by": "ada"},
            "2 cells skipped, 1 edited by ada",
        ),
        ({"inputs_changed_by": "bob"}, "inputs changed by bob"),
        ({"decided_under": "eve"}, "eve decided under it"),
        (
            {"skipped_cells": 1, "decided_by": "a", "inputs_changed_by": "b"},
            "1 cell skipped by a, inputs changed by b",
        ),
        ({"skipped_cells": 1, "decided_by": "a\n\x1b[31mb"}, "1 cell skipped by a b"),
    ],
)
def test_what_people_did_is_said_in_words(fields, words):
    execution = an_execution(**fields)

    assert intervention_text(execution) == words
    assert status_text(execution) == ", ".join(filter(None, ["succeeded", words]))


def test_work_and_waiting_for_a_person_are_two_numbers():
    assert took_text(SKIPPED) == "7.0 s, and 4 min 22 s waiting for a person"
    assert work_text(SKIPPED) == "7.0 s"
    assert SKIPPED.work_seconds == 7.0


def test_a_run_that_waited_for_nobody_has_one_number():
    assert took_text(an_execution(seconds=7)) == "7.0 s"
    assert took_text(an_execution(seconds=7, answer_seconds=0.01)) == "7.0 s"


def test_a_run_that_waits_for_a_person_just_now_does_not_work_meanwhile():
    later = NOON + timedelta(seconds=100)
    moment = NOON + timedelta(seconds=10)
    for waiting in (
        an_execution(S.WAITING, asked_at=moment),
        an_execution(S.RUNNING, waiting_since=moment),
    ):
        expected = "10 s, and 1 min 30 s waiting for a person"
        assert took_text(waiting, later, waiting_since(waiting)) == expected


def test_a_tree_says_it_of_those_above_too():
    child = replace(
        an_execution(S.WAITING, asked_at=NOON + timedelta(seconds=10)),
        execution_id="c",
        parent_id="e",
    )
    tree = Tree("e", [an_execution(S.WAITING), child])

    lines = tree.text(now=NOON + timedelta(seconds=100)).splitlines()

    expected = "10 s, and 1 min 30 s waiting for a person"
    assert [expected in line for line in lines] == [True, True]


def test_what_waits_under_it_counts_once_in_a_live_tree():
    """One wait was over at 50; the other one began at 40, and those above waited on."""
    since = {"waiting_since": NOON + timedelta(seconds=10), "waiting_children": 1}
    child = replace(
        an_execution(S.WAITING, waiting_since=NOON + timedelta(seconds=40)),
        execution_id="c",
        parent_id="e",
    )
    tree = Tree("e", [an_execution(S.RUNNING, **since), child])

    first, second = tree.lines(now=NOON + timedelta(seconds=100))

    assert first.duration == "10 s, and 1 min 30 s waiting for a person"
    assert second.duration == "40 s, and 1 min 00 s waiting for a person"


def test_a_list_has_how_long_each_run_waited_for_people(monkeypatch):
    later = NOON + timedelta(seconds=100)
    monkeypatch.setattr("flowkernel.core.clock.now", lambda: later)
    just_now = {"waiting_since": NOON + timedelta(seconds=10), "answer_seconds": 5.0}
    runs = [
        SKIPPED,
        an_execution(S.WAITING, **just_now),
        an_execution(**just_now),
        an_execution(answer_seconds=0.01),
    ]

    table = execution_table(runs)

    waited = [record["waited"] for record in table.to_dicts()]
    assert waited == ["4 min 22 s", "1 min 35 s", "5.0 s", ""]
    assert 'data-key="262.0">4 min 22 s' in table._repr_html_()


def test_on_a_terminal_a_list_has_that_column_if_somebody_waited():
    assert "waited" in whole_table([SKIPPED], str).columns
    assert "waited" not in whole_table([an_execution()], str).columns


def test_a_run_that_never_started_took_no_time():
    assert took_text(an_execution(S.RUNNING)) == ""
    assert work_text(an_execution(S.RUNNING)) == ""


def test_lists_and_trees_say_it():
    status = "succeeded, 1 cell skipped by ada"
    text = Tree("e", [SKIPPED]).text()

    assert text == (f"✔ nightly  {status}  7.0 s, and 4 min 22 s waiting for a person")
    assert status in tree_html(Tree("e", [SKIPPED]))
    [row] = execution_table([SKIPPED])
    assert status in row
    assert "7.0 s" in row
