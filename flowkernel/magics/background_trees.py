"""The trees in the outputs of cells that ran: all of a home are kept current by one thread.

A cell shows a tree when it starts a run, or when a run is its value; both can be done again and
again. Each tree is read once more when the thread takes it: so no event is missed that came
before, and the ones that it has already change nothing.
"""

import logging
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from flowkernel.client.client import Client
from flowkernel.client.followed_tree import FollowedTree, get_tree
from flowkernel.client.open_prompts import Prompter
from flowkernel.client.watch import EVERY, TICK, Display, EventReader
from flowkernel.core.clock import monotonic
from flowkernel.core.errors import EngineUnreachable
from flowkernel.core.models import Event

_log = logging.getLogger(__name__)


class _ShownTree:
    """A tree in the output of a cell. What it displays belongs to that cell."""

    def __init__(self, execution_id: str, display: Display, prompter: Prompter) -> None:
        from flowkernel.widgets.threads import in_this_cell

        self.is_over = False  #: Nothing of it is shown any more, or its last state.
        self.prompter = prompter
        self._execution_id = execution_id
        self._display = display
        self._in_cell = in_this_cell()
        self._followed: FollowedTree | None = None

    def open(self, client: Client) -> int:
        """Read it, and which of its prompts are open; the last event that it has."""
        tree = get_tree(client, self._execution_id)
        self._followed = FollowedTree(client, tree, self.prompter)
        self._in_cell(self._followed.refresh_prompts)
        return tree.cursor

    def apply(self, event: Event) -> bool:
        """Take an event into account; whether it is one of this tree."""
        return self._followed is not None and self._in_cell(self._followed.apply, event)

    def draw(self) -> None:
        """Show it as it is now; for the last time, if it has ended."""
        if self._followed is not None:
            self._in_cell(self._draw, self._followed)

    def _draw(self, followed: FollowedTree) -> None:
        if not followed.tree.is_over:
            self._display.show(followed.tree)
            return
        self.is_over = True
        self.prompter.finish()
        self._display.finish(followed.tree)


class BackgroundTrees:
    """The trees of one home that are shown while other cells run."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._added: list[_ShownTree] = []
        self._is_running = False

    def add(
        self, client: Client, execution_id: str, display: Display, prompter: Prompter
    ) -> None:
        """Keep a tree current from now on until it has ended. Called in its cell.

        Args:
            client: Its connection is used for all, if none is followed yet.
        """
        from flowkernel.widgets.threads import start_thread

        shown_tree = _ShownTree(execution_id, display, prompter)
        with self._lock:
            self._added.append(shown_tree)
            was_running, self._is_running = self._is_running, True
        if not was_running:
            start_thread("flowkernel-trees", self._follow, client)

    def _follow(self, client: Client) -> None:
        """Keep all current, until none is left, or no engine answers."""
        is_more = True
        while is_more:
            following = _Following(client)
            try:
                while (added := self._next_trees(following.trees)) is not None:
                    following.take(added)
                    following.collect()
                is_more = False
            except (
                Exception
            ) as error:  # No caller could catch it; the next magic has it.
                _log.warning("Trees are no longer followed: %s", error)
                is_more = self._has_more()
            finally:
                following.close()

    def _next_trees(self, trees: list[_ShownTree]) -> list[_ShownTree] | None:
        """The trees that were added; None if there is none at all: the thread ends."""
        with self._lock:
            added, self._added = self._added, []
            self._is_running = bool(added or trees)
            return added if self._is_running else None

    def _has_more(self) -> bool:
        """Whether trees were added meanwhile, which start no other thread."""
        with self._lock:
            self._is_running = bool(self._added)
            return self._is_running


class _Following:
    """What one thread follows: trees, and the events of their home."""

    def __init__(self, client: Client) -> None:
        self.trees: list[_ShownTree] = []
        self._client = client
        self._reader: EventReader | None = None

    def take(self, added: list[_ShownTree]) -> None:
        """Follow these, too, and draw all."""
        for tree in added:
            self._guard(tree, self._open, tree)
        self.trees += [tree for tree in added if not tree.is_over]
        for tree in self.trees:
            self._guard(tree, tree.draw)
        self.trees = [tree for tree in self.trees if not tree.is_over]

    def _open(self, tree: _ShownTree) -> None:
        cursor = tree.open(self._client)
        # The reader has come no further than what was read now: it misses nothing.
        self._reader = self._reader or EventReader(self._client, cursor, None)

    def collect(self) -> None:
        """Apply events until it is time for the next drawing."""
        shown_at = monotonic()
        deadline = shown_at + (TICK if self.trees else 0.0)
        while self._reader is not None and (seconds := deadline - monotonic()) > 0:
            event = self._reader.next(seconds)
            if event is None:
                self._poll()
            elif self._apply(event):
                deadline = min(deadline, shown_at + EVERY)

    def _apply(self, event: Event) -> bool:
        """Whether it is an event of one of the trees."""
        results = [self._guard(tree, tree.apply, event) for tree in self.trees]
        return any(results)

    def _poll(self) -> None:
        for tree in self.trees:
            self._guard(tree, tree.prompter.poll)

    def _guard(self, tree: _ShownTree, call: Callable[..., Any], *args: Any) -> Any:
        """Call it; what is wrong with one tree ends that one alone."""
        try:
            return call(*args)
        except EngineUnreachable:
            raise
        except Exception as error:
            tree.is_over = True
            _log.warning("A tree is no longer followed: %s", error)
            return None

    def close(self) -> None:
        """Read no more events."""
        if self._reader is not None:
            self._reader.stop()
        self._client.close()  # The connection of this thread.


_by_home: dict[Path, BackgroundTrees] = {}


def background_trees(client: Client) -> BackgroundTrees:
    """Those of the home of a client, always the same ones."""
    return _by_home.setdefault(client.home.path, BackgroundTrees())
