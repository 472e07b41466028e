"""Follow an execution until it ends: a snapshot, then what happens, from any engine.

What it and those under it ask is handed to whoever can ask a person, the moment it arises.
"""

import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from flowkernel.client.client import Client
from flowkernel.client.open_prompts import NoPrompter, OpenPrompts, Prompter
from flowkernel.core.clock import monotonic, now
from flowkernel.core.errors import MoveNotAllowed
from flowkernel.core.models import Event, Execution
from flowkernel.display.tree import Tree

EVERY = 0.2  #: Seconds between two pictures, at least.
TICK = 1.0  #: Seconds between two pictures, at most: durations go on.


def get_tree(client: Client, execution_id: str) -> Tree:
    """How it stands now. `execution_id` is the full one."""
    return Tree.from_told(client.tree(execution_id), execution_id)


OnChange = Callable[[datetime, Execution], None]


class Display(Protocol):
    """Something that shows a tree to a person."""

    def show(self, tree: Tree) -> None:
        """Show how it stands now."""

    def pause(self) -> None:
        """Make room for a question; the next `show` goes on."""

    def finish(self, tree: Tree) -> None:
        """Show how it stands for the last time."""


def watch(
    client: Client,
    execution_id: str,
    display: Display,
    *,
    asks_to_cancel: Callable[[], bool],
    on_change: OnChange | None = None,
    asker: Prompter | None = None,
) -> Tree:
    """Show it until it has ended; the last tree.

    An interrupt asks whether to cancel it. If not, the tree returned is not over.
    """
    tree: Tree | None = None
    is_cancelled = False
    asker = asker or NoPrompter()
    while True:
        try:
            for tree in follow(client, execution_id, on_change=on_change, asker=asker):
                if not asker.poll():
                    display.show(tree)
            break
        except KeyboardInterrupt:
            display.pause()
            if is_cancelled:  # A second one: the cancel takes its time, and goes on.
                raise
            if not asks_to_cancel():
                break
            is_cancelled = True
            with suppress(MoveNotAllowed):  # It has just ended.
                client.act(execution_id, "cancel")
    tree = tree or get_tree(client, execution_id)
    asker.finish()
    display.finish(tree)
    return tree


def follow(
    client: Client,
    execution_id: str,
    *,
    every: float = EVERY,
    on_change: OnChange | None = None,
    asker: Prompter | None = None,
) -> Iterator[Tree]:
    """The tree whenever it has changed, at most once in `every` seconds, and once a second
    in any case. The last one is over.

    Each time it is the same tree, carried on. An interrupt is raised here, in the thread
    that asks; the engine may be restarted meanwhile.

    Args:
        on_change: Called with the moment and the execution for each change of a status.
        asker: Is told what is asked under it, and polled.

    Raises:
        EngineUnreachable: The engine went away and does not come back.
    """
    tree = get_tree(client, execution_id)
    yield tree
    if tree.is_over:
        return
    asker = asker or NoPrompter()
    asked = OpenPrompts(client, asker, root_id=tree.execution.root_id)
    reader = Reader(client, tree.cursor, root_id=tree.execution.root_id)
    heard = _Listeners(on_change or _nothing, asker, asked)
    try:
        asked.look(is_ours=tree.executions.__contains__)
        while not tree.is_over:
            tree = _carry_on(client, tree, reader, every, heard)
            yield tree
    finally:
        reader.stop()


def _nothing(_at: datetime, _execution: Execution) -> None:
    pass


@dataclass(frozen=True, slots=True)
class _Listeners:
    """Who hears what while a tree is followed."""

    on_change: OnChange
    asker: Prompter
    asked: OpenPrompts

    def pause(self, left: float) -> float:
        """How long to wait for the next event: what is open must be polled meanwhile."""
        return min(left, self.asker.every) if self.asked.open else left


def _carry_on(
    client: Client, tree: Tree, reader: "Reader", every: float, heard: _Listeners
) -> Tree:
    """Take in what happens until it is time for the next picture, or it is over."""
    shown_at = monotonic()
    until = shown_at + TICK
    while not tree.is_over and (left := until - monotonic()) > 0:
        event = reader.next(heard.pause(left))
        if event is None:
            heard.asker.poll()
            continue
        try:
            if tree.apply(event):
                heard.on_change(event.happened_at, tree.executions[event.execution_id])
        except MoveNotAllowed:  # Something was missed: look again.
            tree = _looked_again(client, tree, heard.on_change)
            heard.asked.look(is_ours=tree.executions.__contains__)
        if event.execution_id in tree.executions:
            heard.asked.take(event)
        until = min(until, shown_at + every)
    return tree


def _looked_again(client: Client, old: Tree, on_change: OnChange) -> Tree:
    tree = get_tree(client, old.execution_id)
    for execution_id, execution in tree.executions.items():
        before = old.executions.get(execution_id)
        if before is None or before.status is not execution.status:
            on_change(execution.ended_at or execution.started_at or now(), execution)
    return tree


class Reader:
    """Reads the stream in a thread of its own: a wait for a socket cannot be timed well."""

    def __init__(self, client: Client, cursor: int, root_id: str | None) -> None:
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
            found = self._queue.get(timeout=seconds)
        except queue.Empty:
            return None
        if isinstance(found, Exception):
            raise found
        return found

    def stop(self) -> None:
        """Let the thread end when it hears the next word, or a heartbeat."""
        self._is_stopped.set()

    def _read(self, client: Client, cursor: int, root_id: str | None) -> None:
        stream = client.events(cursor, root_id=root_id)
        try:
            for event in stream:
                if self._is_stopped.is_set():
                    return
                if event is not None:
                    self._queue.put(event)
        except (
            Exception
        ) as error:  # Raised in the thread that asks: it must not wait on.
            self._queue.put(error)
        finally:
            client.close()  # The connection of this thread.
