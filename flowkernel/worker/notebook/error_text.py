"""The name, the message and the traceback of an error, whatever kernel replied it. Pure.

Kernels of other languages leave parts of an error empty, send no traceback, or repeat the name
in the message. bash has a number alone: the exit code of its command.
"""

import re
from typing import Any

#: A traceback has them for terminals; the record has none.
COLOURS = re.compile(r"\x1b\[[0-9;]*m")
#: The name of an error whose kernel gives it none.
NO_NAME = "Error"
#: What kernels send instead of a message. Python's `ValueError(None)` is one.
NO_MESSAGE = frozenset({"", "(none)"})
_EXIT_CODE = re.compile(r"-?\d+")
_PARTS = ("ename", "evalue", "traceback")

Content = dict[str, Any]  #: Of a kernel's reply; empty if there was none.


def with_published(reply: Content, published: Content | None) -> Content:
    """The reply, with the error that the kernel published: people see that one.

    They differ if the error was not raised by the code, but by what displays its result.
    """
    if published is None or reply.get("status") != "error":
        return reply
    return {**reply, **{p: published[p] for p in _PARTS if published.get(p)}}


def name_of(content: Content) -> str:
    """The name of an error, such as its class."""
    return _plain(content.get("ename")) or NO_NAME


def message_of(content: Content) -> str:
    """The message of an error; empty if there is none."""
    message = _plain(content.get("evalue"))
    return "" if message in NO_MESSAGE else message


def traceback_lines(content: Content) -> list[str]:
    """The traceback, as the kernel sent it."""
    traceback = content.get("traceback") or []
    lines = traceback if isinstance(traceback, list) else [traceback]
    return [str(line) for line in lines]


def error_text(content: Content) -> str:
    """What people read of an error: "ValueError: no sales".

    >>> error_text({"ename": "", "evalue": "127"})
    'the command ended with exit code 127'
    >>> error_text({"ename": "ERROR", "evalue": "Error in f(): no sales"})
    'Error in f(): no sales'
    """
    has_name = bool(_plain(content.get("ename")))
    name, message = name_of(content), message_of(content)
    if not message:
        return name if has_name else "it failed, and its kernel gave no reason"
    if not has_name and _EXIT_CODE.fullmatch(message):
        return f"the command ended with exit code {message}"
    is_repeated = message.lower().startswith(name.lower())
    return f"{name}: {message}" if has_name and not is_repeated else message


def _plain(value: Any) -> str:
    return COLOURS.sub("", "" if value is None else str(value)).strip()
