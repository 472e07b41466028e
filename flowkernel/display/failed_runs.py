"""Which runs under a run that failed are its cause, and how each is looked at. Pure."""

from collections.abc import Iterator, Sequence

from flowkernel.core.clock import short_id
from flowkernel.core.models import Execution
from flowkernel.core.status import ExecutionStatus
from flowkernel.core.text import one_line
from flowkernel.display.failure_cause import has_failed
from flowkernel.display.tree import Tree

S = ExecutionStatus
NAMED_FAILURES = 3  #: Failed runs that are named, inclusive; more are counted.


def failures_under(tree: Tree) -> list[Execution]:
    """The failed runs under the one at the top, under which nothing failed; oldest first.

    If none failed, those that were cancelled, for a parent may have failed for them. Earlier
    tries, which are archived, are left out. Empty, if the one at the top has not failed.
    """
    if not has_failed(tree.execution):
        return []
    under = [
        item
        for item in tree.executions.values()
        if item.execution_id != tree.execution_id and not item.is_archived
    ]
    failed = [item for item in under if has_failed(item)]
    failed = failed or [item for item in under if item.status is S.ENDED_CANCELLED]
    above = {tree.parent_of(item) for item in failed}
    return [item for item in failed if item.execution_id not in above]


def failure_sentences(
    failures: Sequence[Execution], command: str
) -> Iterator[tuple[str, str]]:
    """What is said of them, and the command that shows each; of those not named, no command.

    `command`: it is followed by the id.
    """
    for item in failures[:NAMED_FAILURES]:
        verb = "was cancelled" if item.status is S.ENDED_CANCELLED else "failed"
        short = short_id(item.execution_id)
        yield f"{one_line(item.name)!r} {verb} under it", f"{command} {short}"
    if len(failures) > NAMED_FAILURES:
        yield f"and {len(failures) - NAMED_FAILURES} more", ""


def failure_lines(tree: Tree) -> list[str]:
    """A line for each failed run that is named, for a terminal."""
    pairs = failure_sentences(failures_under(tree), "flowkernel execution show")
    return [": ".join(filter(None, pair)) for pair in pairs]
