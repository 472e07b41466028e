"""What a notebook shows of an `Execution` as the value of a cell: its tree, kept current."""

from functools import partial
from typing import Any

#: The class whose objects are shown so: its module and its name.
SHOWN_CLASS = ("flowkernel.flow_api.execution", "Execution")


def add_display(ipython: Any) -> None:
    """Have a shell show executions as trees."""
    formatter = ipython.display_formatter.ipython_display_formatter
    formatter.for_type_by_name(*SHOWN_CLASS, partial(show_value, ipython))


def remove_display(ipython: Any) -> None:
    """The reverse of `add_display`."""
    formatter = ipython.display_formatter.ipython_display_formatter
    formatter.pop(".".join(SHOWN_CLASS), None)


def show_value(shell: Any, execution: Any) -> None:
    """Show the tree of an execution below the cell until it has ended.

    Raises:
        NotImplementedError: It is shown as text: outside of notebooks, in a flow, below a
            tree of it in the same cell, or if the engine does not answer at once.
    """
    from flowkernel.flow_api import current
    from flowkernel.magics.channel import is_notebook
    from flowkernel.magics.execution_display import show_current, shown_trees

    id_ = execution.execution_id
    if not is_notebook(shell) or current() is not None or shown_trees.has(shell, id_):
        raise NotImplementedError
    if not show_current(shell, execution._client, id_):  # noqa: SLF001 (its own one)
        raise NotImplementedError
