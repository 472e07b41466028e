"""A run that failed names the runs under it for which it failed, and how to see them."""

from dataclasses import replace

import pytest

from flowkernel.cli.ending_note import failure_note
from flowkernel.core.models import CellError
from flowkernel.core.status import ExecutionStatus
from flowkernel.display.failed_runs import NAMED_FAILURES, failure_lines, failures_under
from flowkernel.display.tree import Tree
from tests.records import an_execution

S = ExecutionStatus
ERROR = CellError(name="ValueError", message="no sales", traceback="Traceback ...")


def a_run(execution_id, parent_id=None, status=S.ENDED_ERROR, **fields):
    values = {"root_id": "root", "name": execution_id, "parent_id": parent_id}
    return an_execution(execution_id, status, **values, **fields)


def a_tree(*under, status=S.ENDED_ERROR):
    return Tree("root", [a_run("root", status=status), *under])


def ids(tree):
    return [execution.execution_id for execution in failures_under(tree)]


def test_the_deepest_failures_are_named_not_those_above_them():
    middle, leaf = a_run("middle", "root"), a_run("leaf", "middle")
    other, good = a_run("other", "root"), a_run("good", "middle", S.ENDED_SUCCESS)

    assert ids(a_tree(middle, leaf, other, good)) == ["leaf", "other"]


@pytest.mark.parametrize("status", [S.ENDED_SUCCESS, S.RUNNING, S.ENDED_CANCELLED])
def test_a_run_that_did_not_fail_names_nothing(status):
    assert ids(a_tree(a_run("child", "root"), status=status)) == []


def test_earlier_tries_are_not_named():
    first = a_run("first", "root", is_archived=True)

    assert ids(a_tree(first, a_run("second", "root"))) == ["second"]


def test_a_cancelled_child_is_named_where_none_failed():
    child = a_run("child", "root", S.ENDED_CANCELLED)

    assert failure_lines(a_tree(child)) == [
        "'child' was cancelled under it: flowkernel execution show child"
    ]
    assert ids(a_tree(child, a_run("other", "root"))) == ["other"]


def test_a_child_that_a_retry_took_over_is_named_under_that():
    child = replace(a_run("child", "before"), adopted_by="root")

    assert ids(a_tree(child)) == ["child"]


def test_of_many_failures_a_few_are_named_and_the_others_counted():
    lines = failure_lines(a_tree(*(a_run(f"c{n}", "root") for n in range(8))))

    assert lines[0] == "'c0' failed under it: flowkernel execution show c0"
    assert lines[NAMED_FAILURES:] == [f"and {8 - NAMED_FAILURES} more"]


def test_the_traceback_is_promised_only_where_there_is_one():
    run = a_run("root", status_message="no kernel named 'julia'")

    assert "traceback" not in failure_note(run, None)
    assert "traceback" in failure_note(replace(run, error=ERROR), None)
    assert "traceback" not in failure_note(
        replace(run, error=replace(ERROR, traceback="")), None
    )


def test_the_note_below_a_failed_run_names_the_child():
    tree = a_tree(a_run("child", "root"))

    assert failure_note(tree.execution, tree).splitlines()[1:] == [
        "'child' failed under it: flowkernel execution show child",
        "`flowkernel execution show root` shows what is recorded.",
    ]
