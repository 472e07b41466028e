"""One question on a terminal, edited with prompt_toolkit in a thread of its own.

The thread that follows the run is free meanwhile: an answer from elsewhere ends the question.
"""

import queue
import sys
import threading
from contextlib import suppress

from prompt_toolkit import PromptSession
from prompt_toolkit.application import run_in_terminal
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.lexers import PygmentsLexer
from prompt_toolkit.output import Output, create_output
from prompt_toolkit.output.vt100 import Vt100_Output
from pygments.lexers.python import PythonLexer

from flowkernel.core.clock import now
from flowkernel.core.errors import BadAnswer
from flowkernel.core.text import plain_text
from flowkernel.display.deadline import deadline_text
from flowkernel.display.live_terminal import write
from flowkernel.display.text_editor import edit_text, kept_note
from flowkernel.forms.field_questions import Question, SteppedBack

REFRESH_SECONDS = 1.0  #: Between two looks at how long is left.
INDENT = "    "
KEYS = "Alt+Enter, or Esc and Enter: done; F4: open $EDITOR"


class _Stopped(Exception):
    """The question was taken away."""


class LineEditor:
    """A question that a person is answering."""

    def __init__(self, question: Question) -> None:
        self._question = question
        self._results: queue.SimpleQueue[str | BaseException] = queue.SimpleQueue()
        self._is_stopped = False
        self._session = _session_for(question)
        self._thread = threading.Thread(
            target=self._run, name="flowkernel-line", daemon=True
        )
        self._thread.start()

    def result(self) -> str | None:
        """The answer; None: not yet.

        Raises:
            SteppedBack, EOFError: The person has pressed Ctrl+C, or Ctrl+D.
        """
        try:
            result = self._results.get_nowait()
        except queue.Empty:
            return None
        self._thread.join()  # It gives the terminal back.
        if isinstance(result, BaseException):
            raise result
        return result

    def stop(self) -> None:
        """End it without an answer. While `$EDITOR` is open, this waits for its end.

        A text that the person has changed is kept in a file, and they are told which.
        """
        self._is_stopped = True
        application = self._session.app
        loop = application.loop
        with suppress(RuntimeError):  # It has just ended by itself.
            if loop is not None:
                loop.call_soon_threadsafe(self._leave)
        self._thread.join()
        with suppress(queue.Empty):  # Typed just before the question was taken away.
            result = self._results.get_nowait()
            if isinstance(result, SteppedBack):
                result = result.block
            if isinstance(result, str):
                self._keep(result)

    def _leave(self) -> None:
        application = self._session.app
        if application.is_running and not application.is_done:
            application.exit(exception=_Stopped())

    def _run(self) -> None:
        try:
            self._results.put(self._ask())
        except KeyboardInterrupt:
            self._results.put(SteppedBack(self._block))
        except BaseException as error:  # `result` raises it, in the thread that asks.
            self._keep(self._block)
            self._results.put(error)

    @property
    def _block(self) -> str:
        """The text of several lines as it is now; empty, if it is one line."""
        is_block = self._question.block is not None
        return self._session.default_buffer.text if is_block else ""

    def _keep(self, text: str) -> None:
        """Keep a text of several lines that was changed, and is no answer."""
        if text.strip() and self._question.block not in (None, text):
            write("\n" + kept_note(text))

    def _ask(self) -> str:
        block = self._question.block
        text = self._session.prompt(
            default=block or "", pre_run=self._leave_if_stopped, handle_sigint=False
        )
        return text if block is not None else text.removesuffix("\n")

    def _leave_if_stopped(self) -> None:
        if self._is_stopped:
            self._leave()


def _session_for(question: Question) -> PromptSession[str]:
    """What asks the question. Its countdown stands at the right end of the first line."""
    is_block = question.block is not None
    text = plain_text(question.text)
    keys_text = f"  ({KEYS})\n| " if is_block else ""
    return PromptSession(
        text + keys_text,
        multiline=is_block,
        prompt_continuation="| ",
        is_password=question.is_secret,
        lexer=PygmentsLexer(PythonLexer) if is_block else None,
        key_bindings=_block_keys() if is_block else None,
        rprompt=lambda: _countdown(question),
        refresh_interval=REFRESH_SECONDS if question.expires_at else 0,
        output=_output(),
    )


def _countdown(question: Question) -> str:
    if question.expires_at is None:
        return ""
    return deadline_text(question.expires_at, now())


def _output() -> Output:
    """The terminal. It is not asked where its cursor is: some do not answer, and one waits."""
    if sys.platform == "win32":
        return create_output()
    output = create_output()
    if isinstance(output, Vt100_Output):
        output.enable_cpr = False
    return output


def _block_keys() -> KeyBindings:
    """The keys for a text of several lines, beside those of readline."""
    keys = KeyBindings()

    @keys.add("tab")
    def _indent(event: KeyPressEvent) -> None:
        event.current_buffer.insert_text(INDENT)

    @keys.add("f4")
    @keys.add("c-x", "c-e")
    def _edit(event: KeyPressEvent) -> None:
        buffer = event.current_buffer

        def edit() -> None:
            try:
                text = edit_text(buffer.text)
            except BadAnswer as error:
                write(str(error))
            else:
                buffer.text, buffer.cursor_position = text, len(text)

        run_in_terminal(edit)

    return keys
