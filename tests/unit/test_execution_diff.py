"""What tells two runs apart is shown, and nothing else."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowkernel.cli.execution_comparison import last_try
from flowkernel.core.clock import new_id
from flowkernel.core.kernel_contract import CALL_KEY
from flowkernel.core.models import (
    CellError,
    Environment,
    Execution,
    FlowKind,
    FlowVersion,
    Wrapped,
)
from flowkernel.core.status import ExecutionStatus as S
from flowkernel.display.execution_diff import ComparedRun, ExecutionDiff
from tests import records

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 2) | st.text("ab", max_size=2),
    lambda inner: st.lists(inner, max_size=2),
)
OBJECTS = st.dictionaries(st.sampled_from("xyz"), VALUES)


def a_run(source="x = 1", kind=FlowKind.SCRIPT, setup=None, **fields):
    version = FlowVersion(
        flow_version=f"hash of {source}",
        flow_name="report",
        kind=kind,
        source=source,
        setup_source=setup,
    )
    id_ = new_id()
    execution = Execution(
        execution_id=id_,
        root_id=id_,
        type="FLOW",
        flow_name="report",
        flow_version=version.flow_version,
        name="report",
        status=S.ENDED_SUCCESS,
        created_at=NOON,
    )
    return ComparedRun(execution=replace(execution, **fields), version=version)


def lines_of(a, b):
    return [*ExecutionDiff.of(a, b).lines()]


def test_runs_that_are_alike_have_no_difference():
    a, b = a_run(inputs={"day": 1}), a_run(inputs={"day": 1})

    difference = ExecutionDiff.of(a, b)

    assert [*difference.lines()] == [*difference.rows()] == []
    assert difference.to_json() == {"source": [], "setup": []}


def test_a_source_is_compared_line_by_line():
    lines = lines_of(a_run("x = 1\ny = 2"), a_run("x = 1\ny = 3"))

    assert lines[:8] == [
        *("", "source:", "--- A", "+++ B", "@@ -1,2 +1,2 @@", " x = 1"),
        *("-y = 2", "+y = 3"),
    ]
    assert "- version: hash of x = 1 y = 2" in lines


def test_notebooks_are_compared_cell_by_cell():
    def notebook(*sources):
        cells = [{"cell_type": "code", "source": source} for source in sources]
        return a_run(json.dumps({"cells": cells, "nbformat": 4}), FlowKind.NOTEBOOK)

    lines = lines_of(notebook("x = 1", "y"), notebook("x = 1", "new", "y"))

    added_lines = [line for line in lines if line[:1] == "+" and line[1:2] not in "+ "]
    assert sorted(added_lines[:2]) == ["+# %%", "+new"]


def test_values_are_compared_by_name():
    a = a_run(inputs={"day": "monday", "n": 1}, output={"rows": 8})
    b = a_run(inputs={"day": "tuesday", "n": 1, "extra": [1]}, output={"rows": 9})

    assert lines_of(a, b) == [
        *("", "inputs:", "- day: monday", "+ day: tuesday", "+ extra: [1]"),
        *("", "output:", "- rows: 8", "+ rows: 9"),
    ]


def test_a_default_counts_as_the_value_that_it_is():
    default = {"rate": {"value": 1.5}, "day": {"source": "date.today()"}}
    a, b = a_run(defaults=default), a_run(inputs={"rate": 1.5, "day": "2026-01-01"})

    assert lines_of(a, b) == [
        *("", "inputs:", "- day: date.today()", "+ day: 2026-01-01")
    ]


def test_one_and_true_are_not_the_same():
    assert lines_of(a_run(inputs={"x": 1}), a_run(inputs={"x": True}))
    assert lines_of(a_run(output=[1]), a_run(output=[1.0]))[2:] == ["- [1]", "+ [1.0]"]


def test_where_and_how_it_ran_is_compared():
    error = CellError(name="NameError", message="name 'x' is not defined")
    a = a_run(environment=Environment(interpreter="/a/python"), setup="import a")
    b = a_run(
        environment=Environment(interpreter="/b/python", kernel_name="ir"),
        status=S.ENDED_ERROR,
        error=error,
    )

    lines = lines_of(a, b)

    for line in (
        "-import a",
        "- interpreter: /a/python",
        "+ interpreter: /b/python",
        "+ kernel_name: ir",
        "+ status: failed",
        "+ error: NameError: name 'x' is not defined",
    ):
        assert line in lines


def test_of_a_wrapper_what_it_ran_is_compared():
    wrapped = Wrapped(
        flow_name="report", flow_version="hash of x = 1", name="r", inputs={"day": 1}
    )
    bare, around = a_run(inputs={"day": 1}), a_run(flow_name="retry", wrapped=wrapped)

    assert lines_of(bare, around) == ["", "environment:", "+ wrapper: retry"]


def test_of_a_wrapper_the_version_that_ran_is_compared():
    wrapped = Wrapped(flow_name="report", flow_version="hash of x = 1", name="r")
    bare = a_run("x = 2", inputs={"day": 2})
    around = replace(bare.execution, flow_name="retry", wrapped=wrapped, inputs={})
    compared = ComparedRun(
        execution=around, version=bare.version, last_run=bare.execution
    )

    assert lines_of(bare, compared) == ["", "environment:", "+ wrapper: retry"]


def test_what_a_wrapper_ran_last_is_its_newest_try():
    wrapper = records.an_execution(type="WRAPPER")
    children = {"parent_id": wrapper.execution_id, "call_key": CALL_KEY}
    later = NOON + timedelta(seconds=1)
    first, last = (
        records.an_execution(created_at=moment, **children) for moment in (NOON, later)
    )
    other = records.an_execution(**{**children, "call_key": "another"})
    adopted = {"parent_id": None, "adopted_by": wrapper.execution_id}

    assert last_try(wrapper, [wrapper, last, first, other]) is last
    assert last_try(wrapper, [wrapper, other]) is None
    assert last_try(last, [wrapper, last]) is None
    kept = replace(first, **adopted)
    assert last_try(wrapper, [wrapper, kept]) is kept


@given(OBJECTS, OBJECTS)
def test_the_differences_are_those_that_json_shows(a, b):
    values = ExecutionDiff.of(a_run(inputs=a), a_run(inputs=b)).values.get("inputs", {})

    for name in {*a, *b}:
        pair = {k: d[name] for k, d in (("a", a), ("b", b)) if name in d}
        is_same = len(pair) == 2 and json.dumps(a[name]) == json.dumps(b[name])
        assert (name in values) is not is_same
        assert is_same or values[name] == pair


@pytest.mark.parametrize("text", ["x" * 10_000, "a\nb\x1b[31m"])
def test_a_value_is_one_line_and_json_has_all_of_it(text):
    difference = ExecutionDiff.of(a_run(inputs={"x": text}), a_run())

    [_, _, line] = difference.lines()

    assert line.isprintable()
    assert len(line) <= 510
    assert difference.to_json()["inputs"] == {"x": {"a": text}}


def test_what_it_prints_of_names_and_setups_has_no_control_sequences():
    hostile = "a\x1b]0;title\x07b"
    version = replace(a_run().version, setup_source=hostile)

    difference = ExecutionDiff.of(
        replace(a_run(inputs={hostile: 1}), version=version), a_run()
    )

    assert all(line.isprintable() for line in difference.lines())


def test_what_a_person_did_to_one_of_them_is_a_difference():
    a, b = a_run(), a_run(skipped_cells=1, decided_by="ada")

    assert lines_of(a, b)[-1] == "+ interventions: 1 cell skipped by ada"
