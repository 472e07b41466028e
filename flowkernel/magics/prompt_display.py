"""How a person at this shell is asked: with widgets, or line by line."""

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from flowkernel.client.client import Client
from flowkernel.client.open_prompts import AnswerChannel, Prompter
from flowkernel.client.own_token import own_token
from flowkernel.client.starter_name import starter_name
from flowkernel.core.errors import FlowkernelError
from flowkernel.home import EngineFile, find_home
from flowkernel.magics.channel import NOTEBOOK, TERMINAL, channel_of, is_notebook

if TYPE_CHECKING:
    from flowkernel.display.terminal_prompts import TerminalPrompts
    from flowkernel.widgets.prompt_view import InboxList


def prompter_of(
    shell: Any, client: Client, *, make_room: Any, is_in_background: bool = False
) -> Prompter | None:
    """How a person is asked here; None if no person can be.

    Args:
        make_room: Called before something is written below the tree.
        is_in_background: The cell ends at once, and the next cells run meanwhile.
    """
    place = channel_of(shell)
    if place is None:
        return None
    if has_widgets(shell):
        from flowkernel.widgets.prompt_view import PromptList

        pump = _pump_of(shell, is_in_background=is_in_background)
        return PromptList(AnswerChannel(client, place), pump)
    can_type = is_notebook(shell) or place == TERMINAL
    if is_in_background or not can_type:  # The next cell would be taken for an answer.
        return None
    return line_prompter(shell, client, make_room=make_room, is_followed=True)


def line_prompter(
    shell: Any, client: Client, *, make_room: Any, is_followed: bool = False
) -> "TerminalPrompts":
    """A prompter that asks line by line, at the place that this shell is.

    `is_followed`: the cell shows the run that asks, until that has ended.
    """
    from flowkernel.display.line_input import lines_of
    from flowkernel.display.terminal_prompts import TerminalPrompts, leaving_text

    place = channel_of(shell) or TERMINAL
    is_left = is_followed and place == TERMINAL
    return TerminalPrompts(
        AnswerChannel(client, place),
        lines_of(is_terminal=place == TERMINAL),
        make_room=make_room,
        how_to_leave=leaving_text("Ctrl+C, then n") if is_left else "",
    )


def inbox_list(shell: Any, client: Client) -> "InboxList":
    """A prompter for all messages of the home, also those that come later, with widgets."""
    from flowkernel.widgets.prompt_view import InboxList

    channel = AnswerChannel(client, channel_of(shell) or NOTEBOOK)
    return InboxList(channel, _pump_of(shell, is_in_background=True))


def _pump_of(shell: Any, *, is_in_background: bool) -> Any:
    from flowkernel.widgets.event_pump import EventPump, pump_of

    pump = pump_of(shell.kernel)
    if is_in_background and not isinstance(pump, EventPump):
        return None  # This one works in a running cell only: clicks wait for its end.
    return pump


def has_widgets(shell: Any) -> bool:
    """Whether a person at this shell can be shown widgets."""
    if not is_notebook(shell):
        return False
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
            client.started_by = starter_name(NOTEBOOK, home)
            client.channel = channel
            client.starts_engine = False
            return client
    return None
