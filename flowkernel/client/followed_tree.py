"""The tree of an execution and its prompts, kept current by events that are read elsewhere."""

from collections.abc import Callable
from datetime import datetime

from flowkernel.client.client import Client
from flowkernel.client.open_prompts import OpenPrompts, Prompter
from flowkernel.core.clock import now
from flowkernel.core.errors import MoveNotAllowed
from flowkernel.core.models import Event, Execution
from flowkernel.display.tree import Tree

#: Called with the moment and the execution for each change of a status.
OnChange = Callable[[datetime, Execution], None]


def get_tree(client: Client, execution_id: str) -> Tree:
    """The tree of an execution, as it is now. `execution_id` is the full one."""
    return Tree.from_reply(client.tree(execution_id), execution_id)


def _ignore(_at: datetime, _execution: Execution) -> None:
    """The default of `on_change`."""


class FollowedTree:
    """A tree that is followed, and the callbacks for its changes."""

    def __init__(
        self,
        client: Client,
        tree: Tree,
        prompter: Prompter,
        on_change: OnChange | None = None,
    ) -> None:
        self.tree = tree
        self._client = client
        self._on_change = on_change or _ignore
        self._prompts = OpenPrompts(client, prompter, root_id=tree.execution.root_id)

    @property
    def has_prompts(self) -> bool:
        """Whether something in it waits for an answer."""
        return bool(self._prompts.open)

    def refresh_prompts(self) -> None:
        """Read which prompts are open now."""
        self._prompts.refresh(is_followed=lambda key: key in self.tree.executions)

    def apply(self, event: Event) -> bool:
        """Take an event into account; whether it is one of this tree.

        Events come in their order; those that the tree has already change nothing.
        """
        if 0 < event.seq <= self.tree.cursor:
            return False
        try:
            if self.tree.apply(event):
                execution = self.tree.executions[event.execution_id]
                self._on_change(event.happened_at, execution)
        except MoveNotAllowed:  # An event was missed: read everything again.
            self._reload()
            self.refresh_prompts()
        is_ours = event.execution_id in self.tree.executions
        if is_ours:
            self._prompts.apply(event)
        return is_ours

    def _reload(self) -> None:
        previous = self.tree
        self.tree = get_tree(self._client, previous.execution_id)
        for execution_id, execution in self.tree.executions.items():
            former = previous.executions.get(execution_id)
            if former is None or former.status is not execution.status:
                moment = execution.ended_at or execution.started_at or now()
                self._on_change(moment, execution)
