"""The output notebook of a run, and how a person opens it from another notebook."""

from collections.abc import Iterator
from pathlib import Path

from flowkernel.client.jupyter_link import notebook_href
from flowkernel.core.clock import now, short_id
from flowkernel.core.errors import FileMissing
from flowkernel.core.models import Execution
from flowkernel.core.status import ExecutionStatus, ExecutionType
from flowkernel.display.kernel_note import release_command, until_text
from flowkernel.display.next_step import NextStep
from flowkernel.display.tree import Tree

MAX_STEM = 40  #: Characters of a run's name in the name of a copy, inclusive.


def notebook_path(home: Path, execution: Execution) -> Path | None:
    """The path of its output notebook; None if it has none."""
    if execution.notebook_path is None:
        return None
    path = home / execution.notebook_path
    return path if path.is_file() else None


def existing_notebook_path(home: Path, execution: Execution) -> Path:
    """The path of its output notebook. Raises FileMissing: it has none."""
    path = notebook_path(home, execution)
    if path is None:
        raise FileMissing(
            f"{execution.name!r} has no output notebook. It has one once it has started."
        )
    return path


def copy_name(execution: Execution) -> str:
    """The name of a copy of its output notebook, without what a file cannot have."""
    safe = "".join(c if c.isalnum() or c in "-_ ." else "_" for c in execution.name)
    return f"{safe.strip('. ')[:MAX_STEM]}-{short_id(execution.execution_id)}.ipynb"


def notebook_steps(path: Path, short: str) -> Iterator[NextStep]:
    """Where it is: a link, or how to get a copy that JupyterLab can open.

    Args:
        short: The id of its run.
    """
    href = notebook_href(path)
    yield NextStep(sentence="Output notebook", command=str(path), href=href or "")
    if href is None:
        command = f"%execution {short} --copy"
        yield NextStep(sentence="Copy it into this folder, to open it", command=command)


def ending_steps(home: Path, tree: Tree) -> list[NextStep]:
    """What is said below the tree of a run that has ended: where its output notebook is.

    Not where, if it failed: then the report of its failure says so. A kernel that it keeps is
    named in any case.
    """
    run = run_in(tree)
    if run is None or not tree.is_over:
        return []
    has_failed = tree.execution.status is ExecutionStatus.ENDED_ERROR
    path = None if has_failed else notebook_path(home, run)
    steps = [] if path is None else notebook_steps(path, short_id(run.execution_id))
    return [*steps, *kernel_steps(run)]


def kernel_steps(run: Execution) -> Iterator[NextStep]:
    """Until when its kernel is kept, and how to release it; nothing, if it is not kept."""
    if run.is_kept:
        sentence = f"Its kernel is {until_text(run, now())}. To release it"
        yield NextStep(sentence=sentence, command=release_command(run))


def run_in(tree: Tree) -> Execution | None:
    """The run that a tree is about: of a wrapper, the last one of its flow that ended as it.

    None, if there is none: a wrapper may have had an output without it.
    """
    run: Execution | None = tree.execution
    wrapped = tree.execution.wrapped
    while wrapped is not None and run is not None and run.type == ExecutionType.WRAPPER:
        run = _last_run(tree, run, wrapped.flow_name)
    return run


def _last_run(tree: Tree, wrapper: Execution, flow_name: str) -> Execution | None:
    runs = [
        item
        for item in tree.executions.values()
        if tree.parent_of(item) == wrapper.execution_id
        and item.execution_id != wrapper.execution_id
        and item.status is wrapper.status
        and (item.flow_name == flow_name or item.type == ExecutionType.WRAPPER)
        and not item.is_archived
    ]
    return max(runs, key=lambda item: item.created_at, default=None)
