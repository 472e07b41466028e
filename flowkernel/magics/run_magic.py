"""%flow_run and %execution: start, show the tree, say how it ended."""

import logging
import sys
from typing import Any

from flowkernel.api import as_object, start
from flowkernel.client.client import Client
from flowkernel.client.open_prompts import NoPrompter, Prompter
from flowkernel.client.watch import Display, follow, get_tree, watch
from flowkernel.core.errors import ExecutionCancelled, ExecutionFailed, FlowkernelError
from flowkernel.core.json_values import plain_json
from flowkernel.core.models import Json
from flowkernel.core.status import ExecutionStatus, ReturnWhen
from flowkernel.display.columns import short_id
from flowkernel.display.live_terminal import make_display
from flowkernel.display.tree import Tree
from flowkernel.flow_api import Execution, current
from flowkernel.magics.channel import is_notebook
from flowkernel.magics.prompt_display import prompter_of

_log = logging.getLogger(__name__)


def run(
    shell: Any,
    client: Client,
    target: str,
    inputs: dict[str, Any],
    *,
    name: str | None,
    waits: bool,
    using: list[Json] | None = None,
    interactive: bool = False,
) -> Execution:
    """Start a flow, and show its tree.

    Raises:
        ExecutionFailed, ExecutionCancelled: It has ended so, and `waits`.
    """
    given = plain_json(inputs, "inputs")
    parent = current()
    if parent is not None:
        child = parent.flow(target, name=name, wait=False, inputs=given, using=using)
        return _wait_inside(parent, child) if waits else child
    execution = start(
        client, target, given, name=name, using=using, interactive=interactive
    )
    if not waits:
        _watch_beside(shell, client, execution)
        return execution
    title = execution.get("name")
    display = _display(shell)
    tree = watch(
        client,
        execution.execution_id,
        display,
        confirm_cancel=lambda: _confirm_cancel(title),
        prompter=prompter_of(shell, client, make_room=display.pause),
    )
    return _result(client, tree)


def show(client: Client, execution_id: str) -> Execution:
    """Display its tree as it is now."""
    record = client.get_execution(execution_id)
    tree = get_tree(client, record.execution_id)
    _still().finish(tree)
    return as_object(client, tree.execution.to_json())


def _wait_inside(parent: Execution, child: Execution) -> Execution:
    """In a flow's kernel: nobody watches, and the slot is given back meanwhile."""
    parent.wait_for(child, return_when=ReturnWhen.ALL_ENDED)
    tree = get_tree(child._client, child.execution_id)
    _still().finish(tree)
    return _result(child._client, tree)


def _result(client: Client, tree: Tree) -> Execution:
    execution = tree.execution
    where = f"(execution {short_id(execution.execution_id)})"
    match execution.status:
        case ExecutionStatus.ENDED_ERROR:
            reason = execution.status_message or "it gave no reason"
            raise ExecutionFailed(f"{execution.name!r} failed: {reason} {where}")
        case ExecutionStatus.ENDED_CANCELLED:
            raise ExecutionCancelled(f"{execution.name!r} was cancelled {where}.")
    return as_object(client, execution.to_json())


def _confirm_cancel(name: str) -> bool:
    try:
        answer = input(f"Cancel the execution {name!r} too? [y/N] ")
    except (EOFError, NotImplementedError):  # Nobody to ask: papermill, nbclient.
        return True
    except KeyboardInterrupt:  # It goes on: hours of work may hang on it.
        return False
    return answer.strip().lower() in ("y", "yes")


def _display(shell: Any) -> Display:
    if is_notebook(shell):
        from flowkernel.widgets.live_tree import LiveTree

        return LiveTree()
    return make_display(sys.stdout)


def _still() -> Display:
    from flowkernel.widgets.live_tree import StillTree

    return StillTree()


def _watch_beside(shell: Any, client: Client, execution: Execution) -> None:
    """Show the tree in this cell's output while the next cells run."""
    execution_id = execution.execution_id
    if not is_notebook(shell):
        short = short_id(execution_id)
        sys.stdout.write(
            f"Started {execution.get('name')!r}. %execution {short} shows it.\n"
        )
        return
    display = _display(shell)
    display.show(get_tree(client, execution_id))
    prompter = prompter_of(shell, client, make_room=display.pause, is_beside=True)
    if prompter is not None:
        prompter.open()
    from flowkernel.widgets.threads import start_thread

    name = f"flowkernel-{short_id(execution_id)}"
    start_thread(
        name, _follow_quietly, client, execution_id, display, prompter or NoPrompter()
    )


def _follow_quietly(
    client: Client, execution_id: str, display: Display, prompter: Prompter
) -> None:
    try:
        for tree in follow(client, execution_id, prompter=prompter):
            display.show(tree)
        prompter.finish()
        display.finish(tree)
    except FlowkernelError as error:  # Nobody could catch it; the next magic says it.
        _log.warning("The tree is no longer followed: %s", error)
    finally:
        client.close()  # The connection of this thread.
