"""What is said of what goes on when a run has ended."""

from flowkernel.cli.ending_note import rest_text
from flowkernel.core.clock import short_id
from flowkernel.core.models import Execution
from flowkernel.core.status import ExecutionStatus
from flowkernel.display.tree import Tree
from tests.records import an_execution

S = ExecutionStatus


def a_tree(*statuses: ExecutionStatus) -> Tree:
    """A run that succeeded, and its children."""
    top = an_execution(status=S.ENDED_SUCCESS)
    parent_id = top.execution_id
    children: list[Execution] = [
        an_execution(status=status, parent_id=parent_id) for status in statuses
    ]
    return Tree(top.execution_id, [top, *children])


def test_runs_that_go_on_after_the_end_are_counted():
    tree = a_tree(S.QUEUED, S.RUNNING, S.ENDED_ERROR, S.ENDED_SUCCESS)

    text = rest_text(tree)

    command = f"`flowkernel execution tree {short_id(tree.execution_id)}`"
    start = f"2 runs that it started go on (1 failed already): {command} shows them."
    assert text.startswith(start)
    assert "child.wait()" in text


def test_one_run_goes_on():
    assert rest_text(a_tree(S.WAITING)).startswith("1 run that it started goes on: ")


def test_nothing_is_said_where_all_have_ended():
    assert rest_text(a_tree(S.ENDED_ERROR, S.ENDED_SUCCESS)) == ""
