"""The tree of an execution below a cell, and how it ended, as a result or an error."""

import logging
import sys
from typing import Any

from flowkernel.api import as_object
from flowkernel.client.client import Client
from flowkernel.client.open_prompts import NoPrompter, Prompter
from flowkernel.client.watch import Display, follow, get_tree, watch
from flowkernel.core.errors import ExecutionCancelled, ExecutionFailed, FlowkernelError
from flowkernel.core.status import ExecutionStatus, ReturnWhen
from flowkernel.display.columns import short_id
from flowkernel.display.live_terminal import make_display
from flowkernel.display.tree import Tree
from flowkernel.flow_api import Execution
from flowkernel.flow_api.context import required_context
from flowkernel.magics.channel import is_notebook
from flowkernel.magics.inbox_magic import offer_inbox
from flowkernel.magics.prompt_display import prompter_of

_log = logging.getLogger(__name__)


def watch_execution(shell: Any, client: Client, execution: Execution) -> Execution:
    """Show the tree of an execution until it has ended; the execution as it then is.

    If an interrupt ends the watching only, the execution is returned as it is now.

    Raises:
        ExecutionFailed, ExecutionCancelled: It ended so.
    """
    name = execution.get("name")
    display = _live_display(shell)
    offer_inbox(shell, client)
    tree = watch(
        client,
        execution.execution_id,
        display,
        confirm_cancel=lambda: _confirm_cancel(name),
        prompter=prompter_of(shell, client, make_room=display.pause),
    )
    return _result(client, tree)


def wait_for_child(parent: Execution, child: Execution) -> Execution:
    """Wait in the kernel of a flow, where no person watches; the child as it then is.

    The slot of the parent is free meanwhile.

    Raises:
        ExecutionFailed, ExecutionCancelled: It ended so.
    """
    parent.wait_for(child, return_when=ReturnWhen.ALL_ENDED)
    client = required_context().client
    tree = get_tree(client, child.execution_id)
    _final_display().finish(tree)
    return _result(client, tree)


def show_execution(client: Client, execution_id: str) -> Execution:
    """Display the tree of an execution as it is now; the execution."""
    record = client.get_execution(execution_id)
    tree = get_tree(client, record.execution_id)
    _final_display().finish(tree)
    return as_object(client, tree.execution.to_json())


def _result(client: Client, tree: Tree) -> Execution:
    execution = tree.execution
    short = short_id(execution.execution_id)
    match execution.status:
        case ExecutionStatus.ENDED_ERROR:
            reason = execution.status_message or "it gave no reason"
            raise ExecutionFailed(
                f"{execution.name!r} failed: {reason} (execution {short})"
            )
        case ExecutionStatus.ENDED_CANCELLED:
            raise ExecutionCancelled(
                f"{execution.name!r} was cancelled (execution {short})."
            )
    return as_object(client, execution.to_json())


def _confirm_cancel(name: str) -> bool:
    try:
        answer = input(f"Cancel the run {name!r} too? [y/N] ")
    except (EOFError, NotImplementedError):  # No person: papermill, nbclient.
        return True
    except KeyboardInterrupt:  # It continues: hours of work may depend on it.
        return False
    return answer.strip().lower() in ("y", "yes")


def _live_display(shell: Any) -> Display:
    if is_notebook(shell):
        from flowkernel.widgets.live_tree import LiveTree

        return LiveTree()
    return make_display(sys.stdout)


def _final_display() -> Display:
    from flowkernel.widgets.live_tree import StillTree

    return StillTree()


def watch_in_background(shell: Any, client: Client, execution: Execution) -> None:
    """Show the tree in the output of this cell while the next cells run."""
    execution_id = execution.execution_id
    if not is_notebook(shell):
        name, short = execution.get("name"), short_id(execution_id)
        sys.stdout.write(f"Started {name!r}. %execution {short} shows it.\n")
        return
    display = _live_display(shell)
    display.show(get_tree(client, execution_id))
    prompter = prompter_of(
        shell, client, make_room=display.pause, is_in_background=True
    )
    if prompter is not None:
        prompter.open()
    _follow_in_thread(client, execution_id, display, prompter or NoPrompter())


def _follow_in_thread(
    client: Client, execution_id: str, display: Display, prompter: Prompter
) -> None:
    from flowkernel.widgets.threads import start_thread

    name = f"flowkernel-{short_id(execution_id)}"
    start_thread(name, _follow_quietly, client, execution_id, display, prompter)


def _follow_quietly(
    client: Client, execution_id: str, display: Display, prompter: Prompter
) -> None:
    try:
        for tree in follow(client, execution_id, prompter=prompter):
            display.show(tree)
        prompter.finish()
        display.finish(tree)
    except FlowkernelError as error:  # No caller could catch it; the next magic has it.
        _log.warning("The tree is no longer followed: %s", error)
    finally:
        client.close()  # The connection of this thread.
