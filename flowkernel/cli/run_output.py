"""What `flowkernel run` shows while a run is under way and when it has ended."""

import sys
from datetime import datetime
from functools import partial

from flowkernel.cli.cli_client import (
    COMMAND_LINE,
    CommandClient,
    is_interactive,
    waiting,
)
from flowkernel.cli.confirmation import is_confirmed
from flowkernel.cli.ending_note import print_ending, print_kernel, print_rest
from flowkernel.cli.exit_codes import INTERRUPTED
from flowkernel.cli.interrupted_run import EXIT_CODES, current_record, interrupted_text
from flowkernel.cli.output import print_json, print_note, print_text
from flowkernel.cli.queue_note import QueueNote
from flowkernel.cli.termination import Termination
from flowkernel.client.client import Client
from flowkernel.client.open_prompts import AnswerChannel, Prompter
from flowkernel.client.watch import watch
from flowkernel.core.clock import short_id
from flowkernel.core.models import Execution
from flowkernel.core.status import ExecutionStatus
from flowkernel.core.text import one_line
from flowkernel.display.live_terminal import FinalText, LiveText, can_redraw, write
from flowkernel.display.outcome_text import status_text
from flowkernel.display.tree import Tree
from flowkernel.flow_api import Execution as FlowExecution


def print_started(execution: FlowExecution, *, as_json: bool) -> None:
    """Print its id; as JSON, the whole record."""
    if as_json:
        print_json(execution.load_all())
    else:
        print_text(execution.execution_id)


def watch_run(
    client: CommandClient,
    execution: FlowExecution,
    *,
    as_json: bool,
    termination: Termination,
    detaches: bool = False,
) -> int:
    """Show a run until it has ended; the exit code that says how it ended.

    `detaches`: it continues if this command is interrupted or ended. Default: a person at the
    terminal decides; without one it is cancelled.
    """
    run = _FollowedRun(client, execution, termination, as_json=as_json)
    try:
        tree = run.follow(detaches=detaches)
        if as_json:
            print_json(tree.execution.to_json())
        else:
            _print_outcome(client, tree)
    except KeyboardInterrupt:  # While the first one is attended to, or after the end.
        sentence, code = run.interrupted_text()
        print_note(f"\n{sentence}")
        return code
    return EXIT_CODES.get(tree.execution.status, INTERRUPTED)


class _FollowedRun:
    """A run that a command follows, and what is known of it if that is interrupted."""

    def __init__(
        self,
        client: CommandClient,
        execution: FlowExecution,
        termination: Termination,
        *,
        as_json: bool,
    ) -> None:
        self._client = client
        self._execution = execution
        self._termination = termination
        #: Of the run, if a person can be asked.
        self._name = None if as_json else execution.get("name")
        self._display = _display(as_json)
        say = client.note.say if as_json else partial(_say, self._display)
        self._note = QueueNote(client, say)
        self._tree: Tree | None = None  #: The last one.
        self._is_cancel_sent = False

    def follow(self, *, detaches: bool) -> Tree:
        """Show it until it has ended, or a first interrupt ends that alone; the last tree."""
        client, display = self._client, self._display
        with waiting("Waiting until the run has ended", client.note):
            return watch(
                client,
                self._execution.execution_id,
                display,
                confirm_cancel=partial(self._cancels, detaches=detaches),
                on_change=display.report,
                on_tree=self._look,
                prompter=None
                if self._name is None
                else _prompter(client, display, detaches=detaches),
            )

    def interrupted_text(self) -> tuple[str, int]:
        """What is known of it now, and the exit code."""
        id_ = self._execution.execution_id
        execution = self._tree.execution if self._tree is not None else None
        if execution is None or not execution.status.is_ended:
            execution = current_record(self._client, id_) or execution
        return interrupted_text(id_, execution, is_cancel_sent=self._is_cancel_sent)

    def _look(self, tree: Tree) -> None:
        """Look at a tree before it is shown: from the first one on, it can be cancelled."""
        self._tree = tree
        if not self._termination.interrupts:
            if not isinstance(self._display, _NoDisplay):
                self._client.note.close()  # From now on the tree has the terminal.
            self._termination.interrupt()
        self._note.look(tree)

    def _cancels(self, *, detaches: bool) -> bool:
        """Whether an interrupt cancels the run."""
        is_sure = self._termination.is_requested or self._name is None
        if not (detaches or is_sure):
            is_sure = (
                _confirm_cancel(self._name or "") or self._termination.is_requested
            )
        self._is_cancel_sent = is_sure and not detaches
        return self._is_cancel_sent


def _say(display: FinalText, sentence: str) -> None:
    """Print a sentence for the person; the tree is drawn again below it."""
    display.pause()
    print_note(sentence)


def _prompter(client: Client, display: FinalText, *, detaches: bool) -> Prompter | None:
    """How the person at this terminal is asked; None if there is no such person."""
    if client.channel is None:
        return None
    from flowkernel.display.line_input import lines_of
    from flowkernel.display.terminal_prompts import TerminalPrompts, leaving_text

    return TerminalPrompts(
        AnswerChannel(client, COMMAND_LINE),
        lines_of(is_terminal=True),
        make_room=display.pause,
        how_to_leave=leaving_text("Ctrl+C" if detaches else "Ctrl+C, then n"),
    )


def _print_outcome(client: Client, tree: Tree) -> None:
    """Say how it ended, where the tree alone does not say enough."""
    if not tree.is_over:
        short = short_id(tree.execution_id)
        print_note(f"It continues. `flowkernel execution tree {short}` shows it.")
    else:
        execution = tree.execution
        if execution.status is ExecutionStatus.ENDED_ERROR and execution.error is None:
            # A tree that was read, not followed, lacks the error.
            execution = current_record(client, tree.execution_id) or execution
        print_ending(execution, tree)
        print_rest(tree)
        print_kernel(tree)


def _confirm_cancel(name: str) -> bool:
    if not is_interactive():
        return True
    try:
        return is_confirmed(f"Cancel {name!r} too?")
    except KeyboardInterrupt:  # It continues: hours of work may depend on it.
        print()  # The terminal has written ^C.
        return False


class _TreeDisplay(LiveText):
    """On a terminal: one tree, redrawn in place."""

    def report(self, moment: datetime, execution: Execution) -> None:
        """Nothing: the next drawing of the tree has it."""


class _LineDisplay(FinalText):
    """In a pipe: a line for each change of a status, then the tree."""

    _is_first = True

    def show(self, tree: Tree) -> None:
        """The first time, write a line for each execution; later, nothing."""
        if self._is_first:
            self._is_first = False
            for execution in tree.executions.values():
                self.report(execution.started_at or execution.created_at, execution)

    def report(self, moment: datetime, execution: Execution) -> None:
        """Write one line."""
        is_ended = execution.status.is_ended
        status = status_text(execution) if is_ended else execution.status.label
        name = one_line(execution.name, None)
        line = f"{moment.astimezone():%H:%M:%S} {name} {status}"
        if execution.status_message:
            line += f": {one_line(execution.status_message, None)}"
        write(line, self._stream)


class _NoDisplay(FinalText):
    """For programs: nothing but the record at the end."""

    def finish(self, tree: Tree) -> None:
        """Nothing."""

    def report(self, moment: datetime, execution: Execution) -> None:
        """Nothing."""


def _display(as_json: bool) -> "_TreeDisplay | _LineDisplay | _NoDisplay":
    if as_json:
        return _NoDisplay()
    if can_redraw(sys.stdout):
        return _TreeDisplay()
    return _LineDisplay(is_whole=not sys.stdout.isatty())
