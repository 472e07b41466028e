"""Follow an execution until it ends: a snapshot, then events, also from a new engine.

Prompts of it, and of everything under it, are given to a prompter as soon as they arise.
"""

import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Protocol

from flowkernel.client.client import Client
from flowkernel.client.followed_tree import FollowedTree, OnChange
from flowkernel.client.followed_tree import get_tree as get_tree
from flowkernel.client.open_prompts import NoPrompter, Prompter
from flowkernel.core.clock import monotonic
from flowkernel.core.errors import MoveNotAllowed
from flowkernel.core.models import Event
from flowkernel.display.tree import Tree

EVERY = 0.2  #: Seconds between two drawings, at least.
TICK = 1.0  #: Seconds between two drawings, at most: durations grow.


class Display(Protocol):
    """Shows a tree to a person."""

    def show(self, tree: Tree) -> None:
        """Show its present state."""

    def pause(self) -> None:
        """Make room for a question; the next `show` draws the tree again."""

    def finish(self, tree: Tree) -> None:
        """Show its last state."""


def watch(
    client: Client,
    execution_id: str,
    display: Display,
    *,
    confirm_cancel: Callable[[], bool],
    on_change: OnChange | None = None,
    on_tree: Callable[[Tree], None] = lambda _tree: None,
    prompter: Prompter | None = None,
) -> Tree:
    """Show an execution until it has ended; return the last tree.

    Args:
        on_tree: Called with each tree before it is shown, about once a second.
        confirm_cancel: Called after an interrupt: whether to cancel the execution. If it
            returns False, the tree that `watch` returns has not ended.
    """
    prompter = prompter or NoPrompter()
    watched = _WatchedTree(client, execution_id, display, prompter, on_tree)
    try:
        watched.follow(confirm_cancel, on_change)
    except BaseException:  # The terminal is given back as it was.
        prompter.pause()
        raise
    tree = watched.tree or get_tree(client, execution_id)
    prompter.finish()
    display.finish(tree)
    return tree


class _WatchedTree:
    """A tree that is shown while it is followed."""

    def __init__(
        self,
        client: Client,
        execution_id: str,
        display: Display,
        prompter: Prompter,
        on_tree: Callable[[Tree], None],
    ) -> None:
        self.tree: Tree | None = None  #: The last one, if there is one.
        self._client = client
        self._execution_id = execution_id
        self._display = display
        self._prompter = prompter
        self._on_tree = on_tree

    def follow(
        self, confirm_cancel: Callable[[], bool], on_change: OnChange | None
    ) -> None:
        """Show it until it has ended, or an interrupt ends the watching only."""
        is_cancelled = False
        while True:
            try:
                self._follow(on_change)
                return
            except KeyboardInterrupt:
                self._prompter.pause()
                self._display.pause()
                if is_cancelled:  # A second one: the cancel takes time, and continues.
                    raise
                if not confirm_cancel():
                    return
                is_cancelled = True
                _cancel(self._client, self._execution_id)

    def _follow(self, on_change: OnChange | None) -> None:
        trees = follow(
            self._client,
            self._execution_id,
            on_change=on_change,
            prompter=self._prompter,
        )
        for self.tree in trees:
            self._on_tree(self.tree)
            if not self._prompter.poll():
                self._display.show(self.tree)


def _cancel(client: Client, execution_id: str) -> None:
    with suppress(MoveNotAllowed):  # It has just ended.
        client.act(execution_id, "cancel")


def follow(
    client: Client,
    execution_id: str,
    *,
    every: float = EVERY,
    on_change: OnChange | None = None,
    prompter: Prompter | None = None,
) -> Iterator[Tree]:
    """The tree each time it has changed, and once a second; the last one has ended.

    It is the same tree each time, updated. An interrupt is raised here, in the thread of
    the caller. The engine may be restarted meanwhile.

    Args:
        every: Seconds between two trees, at least.
        prompter: Gets the open prompts of the family, and is polled.

    Raises:
        EngineUnreachable: The engine is gone and does not come back.
    """
    tree = get_tree(client, execution_id)
    yield tree
    if tree.is_over:
        return
    follower = _Follower(client, tree, on_change, prompter or NoPrompter())
    try:
        follower.refresh_prompts()
        while not follower.tree.is_over:
            follower.collect(every)
            yield follower.tree
    finally:
        follower.reader.stop()


class _Follower:
    """A tree that is followed, and the events of its family."""

    def __init__(
        self, client: Client, tree: Tree, on_change: OnChange | None, prompter: Prompter
    ) -> None:
        root_id = tree.execution.root_id
        self.reader = EventReader(client, tree.cursor, root_id=root_id)
        self._prompter = prompter
        self._followed = FollowedTree(client, tree, prompter, on_change)

    @property
    def tree(self) -> Tree:
        """The tree as it is now."""
        return self._followed.tree

    def refresh_prompts(self) -> None:
        """Read which prompts are open now."""
        self._followed.refresh_prompts()

    def collect(self, every: float) -> None:
        """Apply events until it is time for the next drawing, or the tree has ended."""
        shown_at = monotonic()
        deadline = shown_at + TICK
        while not self.tree.is_over and (seconds := deadline - monotonic()) > 0:
            if self._followed.has_prompts:  # They must be polled meanwhile.
                seconds = min(seconds, self._prompter.every)
            event = self.reader.next(seconds)
            if event is None:
                self._prompter.poll()
                continue
            self._followed.apply(event)
            deadline = min(deadline, shown_at + every)


class EventReader:
    """Reads events in a thread of its own: a read of a socket has no exact timeout."""

    def __init__(
        self,
        client: Client,
        cursor: int,
        root_id: str | None,
        *,
        is_passive: bool = False,
    ) -> None:
        """`is_passive`: an engine that has nothing else to do may exit."""
        self._is_passive = is_passive
        self._queue: queue.SimpleQueue[Event | Exception] = queue.SimpleQueue()
        self._is_stopped = threading.Event()
        self._thread = threading.Thread(
            target=self._read,
            args=(client, cursor, root_id),
            name="flowkernel-watch",
            daemon=True,
        )
        self._thread.start()

    def next(self, seconds: float) -> Event | None:
        """The next event; None if there is none within `seconds`."""
        try:
            item = self._queue.get(timeout=seconds)
        except queue.Empty:
            return None
        if isinstance(item, Exception):
            raise item
        return item

    def stop(self) -> None:
        """Let the thread end, at the next event or heartbeat."""
        self._is_stopped.set()

    def _read(self, client: Client, cursor: int, root_id: str | None) -> None:
        is_passive = self._is_passive
        stream = client.events(cursor, root_id=root_id, is_passive=is_passive)
        try:
            for event in stream:
                if self._is_stopped.is_set():
                    return
                if event is not None:
                    self._queue.put(event)
        except Exception as error:  # `next` raises it: its caller must not wait.
            self._queue.put(error)
        finally:
            client.close()  # The connection of this thread.
