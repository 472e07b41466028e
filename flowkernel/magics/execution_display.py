"""The tree of an execution below a cell, and how it ended, as a result or an error."""

import sys
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from IPython.display import publish_display_data

from flowkernel.api import as_object
from flowkernel.client.client import Client
from flowkernel.client.current_source import current_source, recorded_fields
from flowkernel.client.failure_lookup import failure_report
from flowkernel.client.open_prompts import NoPrompter, Prompter
from flowkernel.client.output_notebook import ending_steps
from flowkernel.client.quick_look import quick_get
from flowkernel.client.watch import Display, get_tree, watch
from flowkernel.core.clock import short_id
from flowkernel.core.errors import (
    BadArgument,
    ExecutionCancelled,
    ExecutionFailed,
)
from flowkernel.core.models import Message
from flowkernel.core.status import ExecutionStatus, RetrySource, ReturnWhen
from flowkernel.core.text import plain_text
from flowkernel.display.live_terminal import make_display, write
from flowkernel.display.tree import Tree
from flowkernel.flow_api import Execution
from flowkernel.flow_api.context import required_context
from flowkernel.flow_api.failure_display import described
from flowkernel.forms.yes_or_no import ask_yes_or_no
from flowkernel.magics.background_trees import background_trees
from flowkernel.magics.channel import is_notebook
from flowkernel.magics.inbox_magic import offer_inbox
from flowkernel.magics.prompt_display import prompter_of

if TYPE_CHECKING:
    from flowkernel.widgets.event_pump import EventPump


def watch_execution(shell: Any, client: Client, execution: Execution) -> Execution:
    """Show the tree of an execution until it has ended; the execution as it then is.

    If an interrupt ends the watching only, the execution is returned as it is now.

    Raises:
        ExecutionFailed, ExecutionCancelled: It ended so.
    """
    name = execution.get("name")
    shown_trees.add(shell, execution.execution_id)
    display = _live_display(shell, client)
    pump = offer_inbox(shell, client)
    make_prompter = partial(prompter_of, shell, client, make_room=display.pause)
    tree = watch(
        client,
        execution.execution_id,
        display,
        confirm_cancel=lambda: _confirm_cancel(name),
        prompter=_LatePrompter(make_prompter, pump),
    )
    if not is_notebook(shell):
        _write_steps(client, tree)
    return _result(client, tree)


def _write_steps(client: Client, tree: Tree) -> None:
    """Say below a tree on a terminal where the output notebook is, which any program opens."""
    for step in ending_steps(client.home.path, tree):
        if not step.command.startswith("%"):  # A copy is for JupyterLab.
            write(step.text)


class _LatePrompter:
    """A prompter that is made for the first prompt: its imports take half a second."""

    def __init__(
        self, make: Callable[[], Prompter | None], pump: "EventPump | None"
    ) -> None:
        self._make = make
        self._pump = pump
        self._prompter: Prompter | None = None
        self.every = NoPrompter.every
        self.poll()

    def open(self) -> None:
        """Make it now."""
        self._made().open()

    def ask(self, message: Message) -> None:
        """Make it, and have it ask."""
        self._made().ask(message)

    def close(self, message: Message) -> None:
        """Close what was asked."""
        self._made().close(message)

    def poll(self) -> bool:
        """Whether the tree must not be drawn now."""
        if self._pump is not None:
            self._pump.poll()
        return self._prompter is not None and self._prompter.poll()

    def pause(self) -> None:
        """Take no input for now, if something is asked."""
        if self._prompter is not None:
            self._prompter.pause()

    def finish(self) -> None:
        """End what there is."""
        if self._pump is not None:
            self._pump.rest()
        if self._prompter is not None:
            self._prompter.finish()

    def _made(self) -> Prompter:
        if self._prompter is None:
            self._prompter = self._make() or NoPrompter()
            self.every = self._prompter.every
        return self._prompter


def wait_for_child(parent: Execution, child: Execution) -> Execution:
    """Wait in the kernel of a flow, where no person watches; the child as it then is.

    The slot of the parent is free meanwhile.

    Raises:
        ExecutionFailed, ExecutionCancelled: It ended so.
    """
    parent.wait_for(child, return_when=ReturnWhen.ALL_ENDED)
    client = required_context().client
    tree = get_tree(client, child.execution_id)
    _final_display(None).finish(tree)
    return _result(client, tree)


def show_execution(shell: Any, client: Client, execution_id: str) -> Execution:
    """Display the tree of an execution as it is now, and why it failed; the execution."""
    record = client.get_execution(execution_id)
    tree = get_tree(client, record.execution_id)
    shown_trees.add(shell, record.execution_id)
    _show_ended(client, tree)
    return as_object(client, tree.execution.to_json())


def _show_ended(client: Client, tree: Tree) -> None:
    """Display a tree, and why it failed, if it did."""
    _final_display(client).finish(tree)
    report = failure_report(client, tree.execution_id)
    if report is not None:
        publish_display_data(report.bundle())


def show_or_retry(shell: Any, client: Client, options: Any) -> Execution:
    """Do what `%execution` does: see `show_execution` and `retry_execution`.

    Args:
        options: `id`, `retry` and `source`, as the magic has them.

    Raises:
        BadArgument: A source, and no retry.
    """
    if options.retry:
        return retry_execution(shell, client, options.id, options.source)
    if options.source is not None:
        raise BadArgument("--source says what a retry runs. Add --retry.")
    return show_execution(shell, client, options.id)


def retry_execution(
    shell: Any, client: Client, execution_id: str, source: str | None
) -> Execution:
    """Run an execution again, and show it until it has ended: the new execution.

    Args:
        source: A `RetrySource`. None: that of the first try.

    Raises:
        MoveNotAllowed: It has not ended.
        FlowNotFound, FileMissing, NotANotebook: The current source is gone.
        ExecutionFailed, ExecutionCancelled: The new one ended so.
    """
    record = client.get_execution(execution_id)
    fields = recorded_fields(record)
    if source == RetrySource.CURRENT:
        fields = current_source(client, record).retry_fields()
    retry = client.act(record.execution_id, "retry", **fields)
    return watch_execution(shell, client, as_object(client, retry.to_json()))


def _result(client: Client, tree: Tree) -> Execution:
    execution = tree.execution
    short = short_id(execution.execution_id)
    match execution.status:
        case ExecutionStatus.ENDED_ERROR:
            sentence = f"{_failure_sentence(tree)} (execution {short})"
            raise described(ExecutionFailed(sentence), client, execution.execution_id)
        case ExecutionStatus.ENDED_CANCELLED:
            raise ExecutionCancelled(
                f"{execution.name!r} was cancelled (execution {short})."
            )
    return as_object(client, execution.to_json())


def _failure_sentence(tree: Tree) -> str:
    """What failed, and why: the cause once, however many failed because of it."""
    execution, cause = tree.execution, tree.causes(tree.execution)[-1]
    reason = plain_text(cause.status_message or "it gave no reason")
    if cause.execution_id == execution.execution_id:
        return f"{execution.name!r} failed: {reason}"
    return f"{execution.name!r} failed because of {cause.name!r}: {reason}"


def _confirm_cancel(name: str) -> bool:
    try:
        return ask_yes_or_no(f"Cancel the run {name!r}?")
    except (EOFError, NotImplementedError):  # No person: papermill, nbclient.
        return True
    except KeyboardInterrupt:  # It continues: hours of work may depend on it.
        return False


def _live_display(shell: Any, client: Client) -> Display:
    if is_notebook(shell):
        from flowkernel.widgets.live_tree import LiveTree

        return LiveTree(partial(ending_steps, client.home.path))
    return make_display(sys.stdout)


def _final_display(client: Client | None) -> Display:
    """`client`: for the output notebook, which is named below the tree; None: it is not."""
    from flowkernel.widgets.live_tree import StillTree

    if client is None:
        return StillTree()
    return StillTree(partial(ending_steps, client.home.path))


class ShownTrees:
    """The executions whose trees are in the output of the cell that runs now."""

    def __init__(self) -> None:
        self._cell: int | None = None  #: Its number.
        self._ids: set[str] = set()

    def add(self, shell: Any, execution_id: str) -> None:
        """Its tree is shown in this cell."""
        cell = getattr(shell, "execution_count", None)
        if cell != self._cell:
            self._cell, self._ids = cell, set()
        self._ids.add(execution_id)

    def has(self, shell: Any, execution_id: str) -> bool:
        """Whether its tree is shown in this cell."""
        is_here = self._cell == getattr(shell, "execution_count", None)
        return is_here and execution_id in self._ids


shown_trees = ShownTrees()


def show_current(shell: Any, client: Client, execution_id: str) -> bool:
    """Show a tree as it is now, and keep it current; False if no engine answers at once."""
    reply = quick_get(client, f"/execution/{execution_id}/tree")
    if reply is None:
        return False
    tree = Tree.from_reply(reply, execution_id)
    shown_trees.add(shell, execution_id)
    if tree.is_over:
        _show_ended(client, tree)
    else:
        live_display = _live_display(shell, client)
        live_display.show(tree)
        background_trees(client).add(client, execution_id, live_display, NoPrompter())
    return True


def watch_in_background(shell: Any, client: Client, execution: Execution) -> None:
    """Show the tree in the output of this cell while the next cells run."""
    execution_id = execution.execution_id
    shown_trees.add(shell, execution_id)
    if not is_notebook(shell):
        name, short = execution.get("name"), short_id(execution_id)
        sys.stdout.write(f"Started {name!r}. %execution {short} shows it.\n")
        return
    display = _live_display(shell, client)
    display.show(get_tree(client, execution_id))
    prompter = prompter_of(
        shell, client, make_room=display.pause, is_in_background=True
    )
    if prompter is not None:
        prompter.open()
    background_trees(client).add(
        client, execution_id, display, prompter or NoPrompter()
    )
