"""Who decided what on a failure is said where a run is shown: by whom, when, from where."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from flowkernel.cli.log_lines import DECIDED, LogDecisions
from flowkernel.core.models import PROGRAM, CellRun, Event, EventKind, Execution
from flowkernel.core.status import CellStatus, ExecutionStatus
from flowkernel.display.columns import execution_table
from flowkernel.display.decision_text import (
    cell_marks,
    decision_line,
    decision_lines,
    decision_text,
)
from flowkernel.display.tree import KEPT, Tree
from tests.records import NOON, an_execution

S = ExecutionStatus
SKIP: dict[str, Any] = {"verb": "skip", "values": {"total": 5}}
EDIT: dict[str, Any] = {"verb": "retry_cell", "source": "x", "difference": "-y\n+x"}


def a_decision(payload: dict[str, Any], second: int = 10, seq: int = 1) -> Event:
    person = {"decided_by": "ada", "decided_from": "notebook", "cell_id": "c"}
    return Event(
        event_id=f"d{seq}",
        execution_id="e",
        kind=EventKind.DECIDED,
        happened_at=NOON + timedelta(seconds=second),
        payload={**person, **payload},
        seq=seq,
    )


def a_cell_run(name: str, second: int, cell_id: str = "c") -> CellRun:
    return CellRun(
        cell_run_id=name,
        execution_id="e",
        root_id="e",
        cell_id=cell_id,
        cell_index=0,
        cell_number=3,
        source_hash="h",
        status=CellStatus.ERROR,
        started_at=NOON + timedelta(seconds=second),
    )


RUNS = [a_cell_run("other", 0, "b"), a_cell_run("first", 1), a_cell_run("second", 20)]


@pytest.mark.parametrize(
    ("payload", "words"),
    [
        (SKIP, "ada, notebook: skipped cell 3 with total=5"),
        ({"verb": "skip", "values": {}}, "ada, notebook: skipped cell 3"),
        (EDIT, "ada, notebook: edited and retried cell 3"),
        ({"verb": "retry_cell"}, "ada, notebook: retried cell 3"),
        ({"verb": "retry"}, "ada, notebook: retried from the start"),
        (
            {"verb": "retry_with_inputs", "inputs": {"day": "mon", "n": 2}},
            'ada, notebook: retried with other inputs: day="mon", n=2',
        ),
        ({"verb": "fail"}, "ada, notebook: ended it with the error"),
        ({"verb": "cancel_all"}, "ada, notebook: cancelled all"),
        (
            {"verb": "fail", "decided_by": "", "why": "Nobody answered."},
            "nobody: ended it with the error (Nobody answered.)",
        ),
        (
            {"verb": "retry", "decided_by": f"{PROGRAM}{'a' * 36}"},
            f"the run {'a' * 18}: retried from the start",
        ),
    ],
)
def test_a_decision_says_who_and_what(payload, words):
    assert decision_text(a_decision(payload), "e", RUNS) == words


def test_a_decision_on_a_run_below_names_that():
    text = decision_text(a_decision(SKIP), "above", [])

    assert text == "ada, notebook: skipped a cell with total=5 (of the run e)"


def test_a_line_begins_with_the_moment_of_the_answer():
    line = decision_line(a_decision(SKIP | {"decided_at": NOON.isoformat()}), "e", [])

    assert line.startswith(f"{NOON.astimezone():%Y-%m-%d %H:%M:%S}  ada")


def test_the_difference_of_an_edit_is_below_its_line():
    [_heading, line, *difference] = decision_lines([a_decision(EDIT)], "e", RUNS)

    assert "edited" in line
    assert difference == ["    -y", "    +x"]


def test_the_run_of_the_cell_that_was_decided_on_is_marked():
    events = [a_decision(EDIT, 10), a_decision(SKIP, 30, 2)]

    assert cell_marks(RUNS, events) == {
        "first": "edited by ada",
        "second": "skipped by ada",
    }
    assert cell_marks(RUNS, [a_decision({"verb": "fail"})]) == {}


class Engine:
    """A client whose engine has recorded one decision."""

    def get_list(self, path):
        assert path == "/execution/e/decision"
        return [a_decision(SKIP, seq=7).to_json()]

    def cell_runs(self, _execution_id):
        return RUNS


def test_a_decision_is_a_line_of_the_log_once():
    decisions: Any = LogDecisions(Engine(), is_shown=True)  # type: ignore[arg-type]
    run = an_execution("e", decided_by="ada", last_seq=1)

    assert decisions.new_events(an_execution("e")) == []
    [event] = decisions.new_events(run)
    assert event.payload == {
        "stream": DECIDED,
        "text": "ada, notebook: skipped cell 3 with total=5\n",
    }
    assert decisions.new_events(run) == []
    assert decisions.new_events(replace(run, last_seq=2)) == []


def test_a_failed_run_says_how_its_retry_ended():
    failed: Execution = an_execution("e", S.ENDED_ERROR)
    retry = an_execution("r", S.ENDED_SUCCESS, retry_of="e")

    [row] = execution_table([failed], retries={"e": retry}).to_dicts()
    assert row["status"] == "failed, retried: succeeded"
    [row] = execution_table([failed]).to_dicts()
    assert row["status"] == "failed"


def test_the_tree_of_a_retry_marks_what_was_kept():
    kept = an_execution(
        "k", S.ENDED_SUCCESS, parent_id="before", adopted_by="again", ended_at=NOON
    )
    own = replace(kept, execution_id="o", parent_id="again", adopted_by=None)
    again = an_execution("again", S.ENDED_SUCCESS, ended_at=NOON)
    before = an_execution("before", S.ENDED_ERROR, ended_at=NOON)

    lines = Tree("again", [again, kept, own]).text().splitlines()
    assert [KEPT in line for line in lines] == [False, True, False]
    assert KEPT not in Tree("before", [before, kept]).text()
