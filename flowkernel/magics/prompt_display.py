"""How a person at this shell is asked: with widgets, or line by line."""

from contextlib import suppress
from typing import Any

from flowkernel.client.client import Client
from flowkernel.client.open_prompts import Prompter
from flowkernel.client.own_token import own_token
from flowkernel.core.errors import FlowkernelError
from flowkernel.home import EngineFile, find_home
from flowkernel.magics.channel import TERMINAL, channel_of, is_notebook


def prompter_of(
    shell: Any, client: Client, *, make_room: Any, is_in_background: bool = False
) -> Prompter | None:
    """How a person is asked here; None if no person can be.

    Args:
        make_room: Called before something is written below the tree.
        is_in_background: The cell ends at once, and the next cells run meanwhile.
    """
    channel = channel_of(shell)
    if channel is None:
        return None

    def answer(message_id: str, response: dict[str, Any]) -> dict[str, Any]:
        return client.answer(message_id, response, answered_from=channel)

    if is_notebook(shell) and _has_widgets():
        return _prompt_list(shell, answer, is_in_background=is_in_background)
    can_type = is_notebook(shell) or channel == TERMINAL
    if is_in_background or not can_type:  # The next cell would be taken for an answer.
        return None
    from flowkernel.display.terminal_prompts import TerminalPrompts, lines_of

    lines = lines_of(is_terminal=channel == TERMINAL)
    return TerminalPrompts(answer, lines, make_room=make_room)


def _prompt_list(shell: Any, answer: Any, *, is_in_background: bool) -> Prompter:
    from flowkernel.widgets.event_pump import EventPump, pump_of
    from flowkernel.widgets.prompt_view import PromptList

    pump = pump_of(shell.kernel)
    if is_in_background and not isinstance(pump, EventPump):
        pump = None  # This one works in a running cell only: clicks wait for its end.
    return PromptList(answer, pump)


def _has_widgets() -> bool:
    try:
        import ipywidgets  # noqa: F401 - Only whether it is there.
    except ImportError:  # A kernel of an environment without it.
        return False
    return True


def client_if_running(shell: Any) -> Client | None:
    """A client for the person at this shell, if an engine runs; it starts none."""
    channel = channel_of(shell)
    if channel is None:
        return None
    with suppress(FlowkernelError, OSError):
        home = find_home()
        if EngineFile.read(home, token=own_token(home)) is not None:
            client = Client(home)
            client.started_by = client.started_by.replace("(Python)", "(notebook)")
            client.channel = channel
            client.starts_engine = False
            return client
    return None
