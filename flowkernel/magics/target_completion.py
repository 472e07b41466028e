"""Help and completion for `%flow_run TARGET name=value`: what the target declares."""

import re
from contextlib import suppress
from typing import Any

from flowkernel.client.flow_source import is_path
from flowkernel.client.target_signature import flow_names, target_signature
from flowkernel.core.errors import FlowkernelError

COMMAND = "%flow_run"
#: `%flow_run report?`; without a target it is IPython's own help.
_QUESTION = re.compile(r"^(\s*%flow_run\s+[^\s?]+)[^?\n]*\?{1,2}\s*$")


def with_help_option(lines: list[str]) -> list[str]:
    """The lines of a cell, with `%flow_run report --help` for `%flow_run report?`.

    IPython would look for a variable `report`.
    """
    if len(lines) != 1:
        return lines
    match = _QUESTION.match(lines[0])
    return lines if match is None else [f"{match[1]} --help\n"]


class TargetCompleter:
    """Completes the line of `%flow_run`: names of flows, then of parameters."""

    def __init__(self, client: Any) -> None:
        """`client`: gives a client if an engine runs, else None."""
        self._client = client

    def __call__(self, _shell: Any, event: Any) -> list[str]:
        """What the last word of the line can become."""
        words = event.text_until_cursor.split()
        is_new_word = event.text_until_cursor[-1:].isspace()
        client = self._client()
        is_target = len(words) + is_new_word <= 2
        if client is None and (is_target or not is_path(words[1])):
            return []
        with suppress(FlowkernelError, OSError):
            if is_target:
                return flow_names(client)
            signature = target_signature(client, words[1])
            typed_names = {word.partition("=")[0] for word in words[2:] if "=" in word}
            return [f"{name}=" for name in signature.by_name if name not in typed_names]
        return []


def add_completion(ipython: Any, completer: TargetCompleter) -> None:
    """Have a shell use the completer, and the help of `%flow_run TARGET?`."""
    ipython.set_hook("complete_command", completer, str_key=COMMAND)
    if with_help_option not in ipython.input_transformers_cleanup:
        ipython.input_transformers_cleanup.append(with_help_option)


def remove_completion(ipython: Any) -> None:
    """The reverse of `add_completion`."""
    with suppress(ValueError):
        ipython.input_transformers_cleanup.remove(with_help_option)
    dispatcher = ipython.strdispatchers.get("complete_command")
    if dispatcher is not None:
        dispatcher.strs.pop(COMMAND, None)
