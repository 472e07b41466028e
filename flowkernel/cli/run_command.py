"""`flowkernel run`."""

import sys
from datetime import datetime

from flowkernel.api import start
from flowkernel.cli.exit_codes import CANCELLED, FAILED, INTERRUPTED, SUCCESS
from flowkernel.cli.output import note, say, say_json
from flowkernel.cli.parameters import parameters_of, uses_in
from flowkernel.cli.session import COMMAND_LINE, client
from flowkernel.client.client import Client
from flowkernel.client.open_prompts import Prompter
from flowkernel.client.watch import watch
from flowkernel.core.json_values import plain_json
from flowkernel.core.models import Execution, Json
from flowkernel.core.status import ExecutionStatus
from flowkernel.core.text import one_line
from flowkernel.display.columns import short_id
from flowkernel.display.live_terminal import FinalText, LiveText, can_redraw, write
from flowkernel.display.tree import (
    Tree,
)

S = ExecutionStatus
EXIT_CODES = {
    S.ENDED_SUCCESS: SUCCESS,
    S.ENDED_ERROR: FAILED,
    S.ENDED_CANCELLED: CANCELLED,
}
REASON = 300  #: Characters of the reason of a failure, inclusive.


def run(
    target: str,
    pairs: list[str],
    *,
    name: str | None,
    waits: bool,
    as_json: bool,
    using: list[str],
    interactive: bool,
) -> int:
    """Start it, show it, and say with the exit code how it ended."""
    inputs = plain_json(parameters_of(pairs), "inputs")
    engine = client()
    execution = start(
        engine,
        target,
        inputs,
        name=name,
        using=uses_in(using),
        interactive=interactive,
    )
    if not waits:
        if as_json:
            say_json(execution.load_all())
        else:
            say(execution.execution_id)
        return SUCCESS
    display = _display(as_json)
    title = execution.get("name")
    try:
        tree = watch(
            engine,
            execution.execution_id,
            display,
            confirm_cancel=lambda: as_json or _confirm_cancel(title),
            on_change=display.tell,
            prompter=None if as_json else _prompter(engine, display),
        )
    except KeyboardInterrupt:  # The second one: the cancel is on its way.
        return CANCELLED
    return _ended(tree, as_json=as_json)


def _prompter(engine: Client, display: FinalText) -> Prompter | None:
    """How whoever sits at this terminal is asked; None: nobody does."""
    if engine.channel is None:
        return None
    from flowkernel.display.terminal_prompts import TerminalPrompts, lines_of

    def answer(message_id: str, response: dict[str, Json]) -> dict[str, Json]:
        return engine.answer(message_id, response, answered_from=COMMAND_LINE)

    return TerminalPrompts(answer, lines_of(is_terminal=True), make_room=display.pause)


def _ended(tree: Tree, *, as_json: bool) -> int:
    execution = tree.execution
    if as_json:
        say_json(execution.to_json())
    elif not tree.is_over:
        short = short_id(tree.execution_id)
        note(f"It goes on. `flowkernel execution tree {short}` shows it.")
    elif execution.status is S.ENDED_ERROR:
        reason = one_line(execution.status_message or "it gave no reason", REASON)
        note(
            f"{execution.name!r} failed: {reason}\n`flowkernel execution show "
            f"{short_id(tree.execution_id)}` shows where."
        )
    elif execution.status is S.ENDED_CANCELLED:
        note(f"{execution.name!r} was cancelled.")
    return EXIT_CODES.get(execution.status, INTERRUPTED)


def _confirm_cancel(name: str) -> bool:
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        return True
    try:
        answer = input(f"Cancel {name!r} too? [y/N] ")
    except (KeyboardInterrupt, EOFError):  # It goes on: hours of work may hang on it.
        return False
    return answer.strip().lower() in ("y", "yes")


class _TreeDisplay(LiveText):
    """On a terminal: redrawn in place."""

    def tell(self, at: datetime, execution: Execution) -> None:
        """The next picture has it."""


class _LineDisplay(FinalText):
    """In a pipe: a line for each change, then the tree."""

    _is_first = True

    def show(self, tree: Tree) -> None:
        """The first time: how everything stands."""
        if self._is_first:
            self._is_first = False
            for execution in tree.executions.values():
                self.tell(execution.started_at or execution.created_at, execution)

    def tell(self, at: datetime, execution: Execution) -> None:
        """Write one line."""
        said = f"{at.astimezone():%H:%M:%S} {one_line(execution.name)} {execution.status.label}"
        if execution.status_message:
            said += f": {one_line(execution.status_message)}"
        write(said, self._stream)


class _NoDisplay(FinalText):
    """For programs: nothing but the record at the end."""

    def finish(self, tree: Tree) -> None:
        """Nothing."""

    def tell(self, at: datetime, execution: Execution) -> None:
        """Nothing."""


def _display(as_json: bool) -> "_TreeDisplay | _LineDisplay | _NoDisplay":
    if as_json:
        return _NoDisplay()
    return _TreeDisplay() if can_redraw(sys.stdout) else _LineDisplay()
