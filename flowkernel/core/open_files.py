"""How many files a process may open: as many as the system allows for ours, not for flows.

Engine, worker and fork server hold a few files for each execution that waits. So they raise
their limit when they start. A kernel gets the limit back that it would have without us: some
programs look at all numbers below it. Where a child cannot get its own limit back (not Linux),
nothing is raised. A fork server uses it too, so it needs the standard library alone.
"""

import os
import sys
from contextlib import suppress

#: For processes of ours that one of ours starts: the limit from before it was raised.
VARIABLE = "FLOWKERNEL_OPEN_FILES"
#: Files that a process of ours asks for at most: the limit can be a thousand times as much,
#: and libraries make tables of that size.
MOST_FILES = 1_048_576

LINUX = sys.platform == "linux"
_original: int | None = None


def raise_limit(original: int | None = None) -> None:
    """Let this process open as many files as the system allows it.

    `original`: the limit that kernels get; None: what this process has now, or the process of
    ours that started it had.
    """
    global _original
    inherited = os.environ.pop(VARIABLE, "")
    if not LINUX:
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if original is None and inherited.isascii() and inherited.isdecimal():
        original = int(inherited)
    _original = original if original is not None and 0 < original <= soft else soft
    most = MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, MOST_FILES)
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, most), hard))


def original_limit() -> int | None:
    """The limit from before it was raised; None: it was not."""
    return _original


def child_environment() -> dict[str, str]:
    """What a process of ours that this one starts finds in its environment."""
    return {} if _original is None else {VARIABLE: str(_original)}


def restore_limit(pid: int = 0) -> None:
    """Give a process that this one started the limit from before. 0: this process."""
    if _original is None:
        return
    import resource

    with suppress(OSError, ValueError):
        _, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (_original, hard))
